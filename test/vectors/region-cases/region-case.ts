import type { Attestation } from "../../../src/model/region.ts";
import { makeAttestation } from "../../fakes/regions.ts";

/** One request to one host, and where the last door has to find it. */
export interface RegionCase {
  readonly name: string;
  readonly host: string;
  /** Path and query. */
  readonly path: string;
  /** A text goes out as it is; an object as JSON; null: no body. */
  readonly body: string | object | null;
  /** Countries, sorted and joined by a comma; or `deny` and the rule that says so. */
  readonly expected: string;
  readonly method?: string;
  readonly headers?: readonly string[];
  readonly port?: number;
  readonly label?: string;
  readonly attestations?: readonly Attestation[];
  /** Certificate authority of the backend's own. */
  readonly ca?: string;
  readonly serverName?: string;
  readonly plaintext?: true;
  readonly upgrade?: true;
  /** Through what the broker itself does to a locked request before it is signed. */
  readonly prepared?: true;
  readonly streamed?: true;
}

export const EU = "AT,BE,BG,CY,CZ,DE,DK,EE,ES,FI,FR,GR,HR,HU,IE,IT,LT,LU,LV,MT,NL,PL,PT,RO,SE,SI,SK";
export const EEA_CH = "AT,BE,BG,CH,CY,CZ,DE,DK,EE,ES,FI,FR,GR,HR,HU,IE,IS,IT,LI,LT,LU,LV,MT,NL,NO,PL,PT,RO,SE,SI,SK";

export const deny = (rule: string): string => `deny ${rule}`;

/** A table of cases that share a host. */
export function table(
  host: string,
  shared: Partial<RegionCase>,
  rows: readonly (readonly [path: string, body: RegionCase["body"], expected: string, more?: Partial<RegionCase>])[],
): readonly RegionCase[] {
  return rows.map(([path, body, expected, more]) => ({ name: `${host} ${path} ${nameOf(body)}`, host, path, body, expected, ...shared, ...more }));
}

function nameOf(body: RegionCase["body"]): string {
  return (typeof body === "string" ? body : body === null ? "no body" : JSON.stringify(body)).slice(0, 120);
}

export const attest = (parts: Partial<Attestation>): Attestation => makeAttestation(parts);
export const processing = (...regions: string[]): Attestation => makeAttestation({ processing: { regions, countries: [] } });
