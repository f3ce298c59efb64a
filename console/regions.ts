import { html } from "htm/preact";
import type { VNode } from "preact";
import type { ProvenDestination, ProvenRule } from "../src/explain/prove.ts";
import { nameCountries } from "./format.ts";
import { Mark, Moment, Tile } from "./parts.ts";
import type { Proof } from "./shapes.ts";
import { type Column, Table } from "./table.ts";

type Names = Proof["jurisdictions"];

/** Where each rule's calls may be processed, for which callers, and how that is known. */
export function Regions({ proof }: { proof: Proof | null }): VNode {
  if (proof === null) return html`<p>Nothing is loaded.</p>`;
  const { ok, rules, holes, jurisdictions: names } = proof;
  const locked = rules.filter(({ lock }) => lock.length > 0).length;
  return html`
    <dl class="tiles">
      <${Tile} name="Verdict" value=${ok ? "good" : "not proved"} note=${ok ? "every lock rests on evidence" : `${holes.length} that rest on nothing`} tone=${ok ? "good" : "bad"} />
      <${Tile} name="Rules and callers" value=${rules.length} note=${`${locked} of them locked`} />
      <${Tile} name="Snapshot" value=${html`<code>${proof.snapshot}</code>`} note=${html`asked <${Moment} at=${proof.at} />`} />
      <${Tile} name="Built-in tables" value=${proof.regionData.slice(0, 10)} note="last compared with their sources" />
    </dl>
    ${holes.length > 0 && html`<section class="panel bad" aria-labelledby="holes"><h2 id="holes">Rests on nothing</h2><ul>${holes.map((hole) => html`<li>${hole}</li>`)}</ul></section>`}
    <${Table} caption="Where calls may be processed, by rule and callers" rows=${rules} columns=${columnsFor(names)} keyOf=${keyOf} first=${{ column: "rule", descending: false }} empty="No rule." />
    <p class="hint">The same facts for auditors: <code>spillway prove --json</code>.</p>
  `;
}

function keyOf({ gateway, rule, callers }: ProvenRule): string {
  return `${gateway} ${rule} ${callers.others} ${callers.namespaces.join()}`;
}

/** One set for one set of names, so that a table does not sort anew with every reading. */
const columnsFor = remembered((names: Names): readonly Column<ProvenRule>[] => [
  { id: "rule", title: "Rule", value: ({ rule }) => rule, show: ({ rule, gateway }) => html`${rule}<small>${gateway}</small>` },
  { id: "callers", title: "Callers", value: callersText },
  { id: "lock", title: "Locked by", value: ({ lock }) => lock.map(({ policy }) => policy).join("\n"), show: (rule) => showLock(rule, names) },
  { id: "verdict", title: "May be processed in", value: (rule) => verdictText(rule, names), show: (rule) => showVerdict(rule, names) },
  {
    id: "destinations",
    title: "Destinations and evidence",
    value: ({ destinations }) => destinations.map(({ backend }) => backend).join("\n"),
    show: (rule) => showDestinations(rule, names),
  },
]);

function callersText({ callers: { namespaces, others } }: ProvenRule): string {
  if (others) return "all others";
  return namespaces.length > 5 ? `${namespaces.slice(0, 5).join(", ")} and ${namespaces.length - 5} more` : namespaces.join(", ");
}

function showLock({ lock }: ProvenRule, names: Names): VNode | null {
  if (lock.length === 0) return null;
  return html`<ul class="plain">${lock.map(({ policy, countries, regions, minimumEvidence, maxAgeMs, also }) => {
    const allowed = [...(countries.length > 0 ? [nameCountries(countries, names)] : []), ...regions].join(", ");
    const age = maxAgeMs === null ? "" : `, at most ${Math.round(maxAgeMs / 86_400_000)} days old`;
    return html`<li>${policy}<small>${allowed === "" ? "nothing is allowed" : allowed}; evidence ${minimumEvidence}${age}${also.length === 0 ? "" : `; also ${also.join(", ")}`}</small></li>`;
  })}</ul>`;
}

function verdictText(rule: ProvenRule, names: Names): string {
  if (rule.forwardsNothing !== null) return "nowhere";
  if (rule.countries === null) return "anywhere";
  if (rule.countries.length > 0) return nameCountries(rule.countries, names);
  const regions = new Set(rule.destinations.flatMap(({ places }) => places.flatMap((place) => place.regions)));
  return regions.size === 0 ? "nowhere" : `${[...regions].join(", ")} (in no table)`;
}

function showVerdict(rule: ProvenRule, names: Names): VNode {
  const text = verdictText(rule, names);
  const tone = text === "anywhere" ? "warn" : text === "nowhere" ? "plain" : "good";
  const why = rule.forwardsNothing ?? (text === "nowhere" ? "every destination is refused" : text === "anywhere" ? "no lock binds every destination" : null);
  return html`<${Mark} tone=${tone}>${text}</${Mark}>${why !== null && html`<small>${why}</small>`}${rule.brokerOutside !== null && html`<small>Every call is refused: ${rule.brokerOutside}</small>`}`;
}

function showDestinations({ destinations }: ProvenRule, names: Names): VNode | null {
  if (destinations.length === 0) return null;
  const allowed = destinations.filter(({ locked, places }) => !locked || places.length > 0).length;
  return html`<details><summary>${allowed} allowed, ${destinations.length - allowed} denied</summary>
    <ul class="plain evidence">${destinations.map((destination) => showDestination(destination, names))}</ul></details>`;
}

const ROLES = { target: "", mirror: ", gets copies", auth: ", is asked whether calls may go on" } as const;

function showDestination({ backend, host, role, tier, locked, places, refused, hole }: ProvenDestination, names: Names): VNode {
  return html`<li><strong>${backend.replace(/^XBackend\//, "")}</strong><small>${host}${ROLES[role]}${tier === 0 ? "" : `, tier ${tier + 1}`}</small>
    ${!locked && html`<p><${Mark} tone="warn">anywhere</${Mark}> no lock binds it</p>`}
    ${places.map(
      (
        place,
      ) => html`<p><${Mark} tone="good">may be</${Mark}> ${place.countries.length > 0 ? nameCountries(place.countries, names) : "in no table"}${place.regions.length > 0 ? ` (${place.regions.join(", ")})` : ""}
      <small>${knownBy(place)}, ${place.checkedAt === null ? "undated" : `checked ${place.checkedAt.slice(0, 10)}`}${place.until === null ? "" : `, good until ${place.until.slice(0, 10)}`}: ${place.reason}</small></p>`,
    )}
    ${refused.map(
      ({
        countries,
        regions,
        evidence,
        rule,
        reason,
      }) => html`<p><${Mark} tone="bad">denied</${Mark}> ${regions.length > 0 ? regions.join(", ") : countries === null ? "unknown" : nameCountries(countries, names)}
      <small>${knownBy({ evidence, rule })}: ${reason}</small></p>`,
    )}
    ${hole !== null && html`<p class="fault">${hole}</p>`}
  </li>`;
}

/** The kind of evidence and the rule of the door, which may have one name. */
function knownBy({ evidence, rule }: { readonly evidence: string; readonly rule: string }): string {
  return evidence === rule ? evidence : `${evidence}, ${rule}`;
}

/** The result for the last argument again while its text is the same. */
function remembered<Argument, Result>(make: (argument: Argument) => Result): (argument: Argument) => Result {
  let last: { readonly key: string; readonly result: Result } | null = null;
  return (argument) => {
    const key = JSON.stringify(argument);
    if (last?.key !== key) last = { key, result: make(argument) };
    return last.result;
  };
}
