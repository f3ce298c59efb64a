import { isToken } from "../lib/field-syntax.ts";
import { findAll } from "../lib/header-list.ts";
import { formatItem, parseItem } from "../lib/structured-item.ts";
import type { AttemptRecord, CallRecord } from "../model/call-record.ts";
import type { HeaderList } from "../model/http.ts";
import type { EvidenceKind, Located } from "../model/region.ts";
import { countriesOfRegion } from "../model/region-data.ts";

/** Outcomes of attempts of which no byte of the request has left. */
const UNSENT: ReadonlySet<string> = new Set(["connect", "untrusted", "credential_unavailable", "region_locked", "unfinished"]);
const MAX_CHARACTERS = 2_048;
const COUNTRY = /^[A-Z]{2}$/;
const PRINTABLE = /^[\x20-\x7e]*$/;

/**
 * `Egress-Region` for the broker that handed the call on: where the last destination that saw the call processed it, such as
 * `eu-central-1;countries="DE"`; `?0` where none saw it. Null: that is not known, and the header is left out.
 */
function egressRegion(attempts: readonly AttemptRecord[]): string | null {
  const last = attempts.findLast(({ outcome }) => !UNSENT.has(outcome));
  if (last === undefined) return "?0";
  const { regions = [], countries = null } = last.region ?? {};
  const name = regions.join(" ");
  if (countries === null || countries.length + name.length === 0 || !PRINTABLE.test(name)) return null;
  const written = formatItem(/^[a-z]/.test(name) && isToken(name) ? { kind: "token", value: name } : { kind: "string", value: name }, [
    ["countries", { kind: "string", value: countries.join(" ") }],
  ]);
  return written.length > MAX_CHARACTERS ? null : written;
}

/** What an answer says to the broker that handed the call on: nothing to anybody else. */
export function chainAnswer({ hop, attempts }: Pick<CallRecord, "hop" | "attempts">): HeaderList {
  const region = hop === 0 ? null : egressRegion(attempts);
  return region === null ? NOTHING : ["egress-region", region];
}

const NOTHING: HeaderList = [];

/** What a parent's answer says: a place, that no destination saw the call, or nothing that can be read. */
export type AnsweredRegion = Located | "nowhere" | null;

/** Reads `Egress-Region` of a parent. The countries are those that it names and those that this broker knows its regions to lie in: both must be allowed. */
export function readEgressRegion(headers: HeaderList, evidence: EvidenceKind): AnsweredRegion {
  const values = findAll(headers, "egress-region");
  const [value = ""] = values;
  const parsed = values.length === 1 && value.length <= MAX_CHARACTERS ? parseItem(value) : null;
  if (parsed === null) return null;
  const { item, parameters } = parsed;
  if (item.kind === "boolean") return item.value ? null : "nowhere";
  if (item.kind === "integer") return null;
  const named = parameters.get("countries");
  if (named !== undefined && named.kind !== "string") return null;
  const regions = item.value.split(" ").filter((region) => region !== "");
  const countries = new Set((named?.value ?? "").split(" ").filter((country) => country !== ""));
  if (regions.length + countries.size === 0 || ![...countries].every((country) => COUNTRY.test(country))) return null;
  for (const region of regions) for (const country of countriesOfRegion(region) ?? []) countries.add(country);
  return {
    countries: [...countries],
    regions,
    evidence,
    rule: "parent.answer",
    checkedAt: null,
    reason: `the parent says that it was processed in ${[...regions, ...countries].join(", ")}`,
  };
}
