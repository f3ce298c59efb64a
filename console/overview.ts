import { html } from "htm/preact";
import type { VNode } from "preact";
import type { DescribedBackend, DescribedRoute } from "../src/console/describe-state.ts";
import { Degraded } from "./degraded.ts";
import { nameCountries, span, whole } from "./format.ts";
import { Mark, Moment, Tile } from "./parts.ts";
import type { BackendHealth, Fault, State, Trouble } from "./shapes.ts";
import { type Column, Table } from "./table.ts";

/** What runs: is it well, and what does it do. */
export function Overview({ state }: { state: State }): VNode {
  const { snapshot, degraded, gateways, routes, backendList, backends, troubles, lastLoadFailed, notices } = state;
  const health = worstOf(backends);
  const ill = backendList.filter(({ key }) => (health.get(key)?.state ?? "healthy") !== "healthy").length;
  const refused = routes.filter((route) => route.refused).length;
  return html`
    <dl class="tiles">
      <${Tile} name="Snapshot" value=${html`<code>${snapshot?.id ?? "none"}</code>`} note=${snapshot?.loadedAt == null ? null : html`loaded <${Moment} at=${snapshot.loadedAt} />`} />
      <${Tile} name="Gateways" value=${whole(gateways.length)} note=${gateways
        .map(({ id }) => id)
        .slice(0, 3)
        .join(", ")} />
      <${Tile} name="Rules of routes" value=${whole(routes.length)} note=${refused === 0 ? "none is refused" : `${whole(refused)} refused`} tone=${refused > 0 ? "bad" : null} />
      <${Tile} name="Backends" value=${ill === 0 ? whole(backendList.length) : `${whole(backendList.length - ill)} of ${whole(backendList.length)}`} note=${ill === 0 ? "all in use" : "in use now"} tone=${ill > 0 ? "bad" : null} />
      <${Tile} name="Conditions" value=${troubles.length === 0 ? "good" : whole(troubles.length)} note=${troubles.length === 0 ? "of every object" : "are not as they should be"} tone=${troubles.length > 0 ? "bad" : null} />
    </dl>
    <${Degraded} degraded=${degraded} />
    ${
      lastLoadFailed !== null &&
      html`<section class="panel bad" aria-labelledby="refused-load">
      <h2 id="refused-load">The last reload was refused</h2>
      <p>At <${Moment} at=${lastLoadFailed.at} />. What was loaded before still serves.</p>
      <ul>${lastLoadFailed.faults.map((fault) => html`<li><code>${placeOf(fault)}</code> ${fault.message}</li>`)}</ul>
    </section>`
    }
    ${notices.length > 0 && html`<section class="panel warn" aria-labelledby="notices"><h2 id="notices">Worth knowing</h2><ul>${notices.map((notice) => html`<li>${notice}</li>`)}</ul></section>`}
    ${
      troubles.length > 0 &&
      html`<section aria-labelledby="troubles"><h2 id="troubles">Conditions that are not as they should be</h2>
      <${Table} caption="Conditions" rows=${troubles} columns=${TROUBLES} keyOf=${keyOfTrouble} first=${{ column: "object", descending: false }} empty="" /></section>`
    }
    <section aria-labelledby="backends"><h2 id="backends">Backends</h2>
      <${Table} caption="Backends, their health and where they process" rows=${backendList.map((backend) => ({ ...backend, health: health.get(backend.key) ?? null }))}
        columns=${BACKENDS} keyOf=${({ key }: DescribedBackend) => key} first=${{ column: "health", descending: false }} empty="No backend." /></section>
    <section aria-labelledby="routes"><h2 id="routes">Routes</h2>
      <${Table} caption="Rules of routes and their destinations" rows=${routes} columns=${ROUTES} keyOf=${(route: DescribedRoute) => `${route.gateway} ${route.rule}`}
        first=${{ column: "rule", descending: false }} empty="No route." /></section>
  `;
}

type BackendRow = DescribedBackend & { readonly health: BackendHealth | null };

const BACKENDS: readonly Column<BackendRow>[] = [
  {
    id: "key",
    title: "Backend",
    value: ({ key }) => key,
    show: ({ key, host, plaintext }) => html`${nameOf(key)}<small>${host}${plaintext ? ", plaintext" : ""}</small>`,
  },
  // By the word, bad news first.
  { id: "health", title: "Health", value: ({ health }) => ORDER.indexOf(health?.state ?? "healthy"), show: ({ health }) => showHealth(health) },
  { id: "api", title: "API", value: ({ api, parent }) => (parent ? "another broker" : (api ?? "as the caller")) },
  {
    id: "where",
    title: "Processes in",
    value: ({ places }) => placesText(places),
    show: ({ places }) => placesText(places) ?? html`<span class="unknown">unknown</span>`,
  },
  { id: "evidence", title: "Known by", value: ({ places }) => places[0]?.evidence ?? null, show: ({ places }) => showEvidence(places) },
];

const ORDER = ["evicted", "parked", "probing", "healthy"];

/** A backend may be out for everybody and for the calls of single namespaces: the worst of each is shown. */
function worstOf(backends: readonly BackendHealth[]): ReadonlyMap<string, BackendHealth> {
  const worst = new Map<string, BackendHealth>();
  for (const one of backends) {
    const known = worst.get(one.backend);
    if (known === undefined || ORDER.indexOf(one.state) < ORDER.indexOf(known.state)) worst.set(one.backend, one);
  }
  return worst;
}

function showHealth(health: BackendHealth | null): VNode {
  const state = health?.state ?? "healthy";
  if (health === null || state === "healthy") return html`<${Mark} tone="good">in use</${Mark}>`;
  const failures = `${health.consecutiveFailures} failures in a row`;
  if (state === "probing") return html`<${Mark} tone="warn">on trial</${Mark}><small>${failures}; the next call decides</small>`;
  const whom = health.namespace === null ? "" : ` for ${health.namespace}`;
  const why = state === "parked" ? "it asked to be left alone" : failures;
  return html`<${Mark} tone="bad">${state === "parked" ? "resting" : "out"}${whom}</${Mark}><small>${why}; again in ${span(health.availableInMs)}</small>`;
}

function placesText(places: DescribedBackend["places"]): string | null {
  const named = places.map(({ countries, regions }) =>
    regions.length > 0 ? regions.join(", ") : countries === null ? "unknown" : nameCountries(countries, {}),
  );
  return named.length === 0 ? null : [...new Set(named)].join("; ");
}

function showEvidence(places: DescribedBackend["places"]): VNode | null {
  const [place] = places;
  if (place === undefined) return null;
  const rule = place.rule === place.evidence ? "" : `${place.rule}, `;
  return html`${place.evidence}<small>${rule}${place.checkedAt === null ? "undated" : `checked ${place.checkedAt.slice(0, 10)}`}</small>`;
}

const ROUTES: readonly Column<DescribedRoute>[] = [
  { id: "rule", title: "Rule", value: ({ rule }) => rule, show: ({ rule, gateway }) => html`${rule}<small>${gateway}</small>` },
  {
    id: "matches",
    title: "Matches",
    value: ({ matches }) => matches.join("\n"),
    show: ({ matches, hostnames }) => html`<ul class="plain">${[...hostnames, ...matches].map((one) => html`<li><code>${one}</code></li>`)}</ul>`,
  },
  {
    id: "destinations",
    title: "Goes to",
    value: (route) => route.instead ?? route.destinations.map(({ backend }) => backend).join("\n"),
    show: showDestinations,
  },
  { id: "lock", title: "Region lock", value: lockText, show: (route) => (lockText(route) === "" ? html`<span class="unknown">none</span>` : lockText(route)) },
  { id: "limits", title: "Limits", value: ({ limits }) => limits.length, numeric: true },
];

function showDestinations({ instead, refused, destinations }: DescribedRoute): VNode {
  if (instead !== null) return html`<${Mark} tone=${refused ? "bad" : "plain"}>${refused ? "refused" : "redirect"}</${Mark}><small>${instead}</small>`;
  const all = destinations.reduce((sum, one) => sum + (one.tier === 0 ? one.weight : 0), 0);
  return html`<ol class="plain">${destinations.map(
    (one) => html`<li>
    ${one.tier > 0 && html`<span class="tier">tier ${one.tier}</span> `}${one.usable ? nameOf(one.backend) : html`<${Mark} tone="bad">unusable</${Mark}> ${one.backend}`}
    ${one.model !== null && html` <span class="unknown">as ${one.model}</span>`}${one.tier === 0 && one.weight !== all && html` <span class="unknown">weight ${one.weight}</span>`}
  </li>`,
  )}</ol>`;
}

function lockText({ locked, lockedNamespaces, freeNamespaces }: DescribedRoute): string {
  const namespaces = (count: number): string => `${count} namespace${count === 1 ? "" : "s"}`;
  if (locked) return freeNamespaces === 0 ? "all callers" : `all but ${namespaces(freeNamespaces)}`;
  return lockedNamespaces === 0 ? "" : namespaces(lockedNamespaces);
}

const TROUBLES: readonly Column<Trouble>[] = [
  { id: "object", title: "Object", value: ({ object }) => object, show: ({ object, file, line }) => html`${object}<small>${file}:${line}</small>` },
  { id: "condition", title: "Condition", value: ({ type }) => type, show: ({ type, status }) => html`<${Mark} tone="bad">${type}=${status}</${Mark}>` },
  { id: "reason", title: "Reason", value: ({ reason }) => reason },
  { id: "message", title: "Why", value: ({ message }) => message },
];

function keyOfTrouble({ object, parent, type }: Trouble): string {
  return `${object} ${parent} ${type}`;
}

/** Without the kind, which is nearly always XBackend. */
function nameOf(key: string): string {
  return key.replace(/^XBackend\//, "");
}

function placeOf({ file, line, column }: Fault): string {
  return `${file}:${line}:${column}`;
}
