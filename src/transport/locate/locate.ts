import type { Attestation, Located, RegionFacts } from "../../model/region.ts";
import { countriesOfRegion } from "../../model/region-data.ts";
import { unknownPlace } from "../../model/weigh.ts";
import { attestedPlace } from "./attested-place.ts";
import { allowanceOf, contentFault } from "./content-fault.ts";
import type { Finding } from "./finding.ts";
import type { ProviderRule } from "./provider-rule.ts";
import { providerOf } from "./provider-rules.ts";
import { type DoorRequest, type ViewedRequest, viewRequest } from "./viewed-request.ts";

/** What the door knows of the backend beside the request. */
export type KnownBackend = Pick<RegionFacts, "declared" | "attestations">;

/** Operations of AI APIs by the end of their path, whoever serves them. */
const AI_PATH =
  /\/(?:chat\/completions|completions|responses|embeddings|messages|messages\/count_tokens)$|\/model\/.+\/(?:converse|converse-stream|invoke|invoke-with-response-stream)$|:(?:generatecontent|streamgeneratecontent|predict|rawpredict|streamrawpredict)$/;

/** The most that a server could make of a path: escapes undone, however often, parameters dropped, slashes folded. */
function readLeniently(path: string): string {
  let plain = path;
  for (let round = 0; round < 3 && plain.includes("%"); round += 1)
    plain = plain.replaceAll(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return plain
    .toLowerCase()
    .replaceAll("\\", "/")
    .replaceAll(/;[^/]*/g, "")
    .replaceAll(/\/+/g, "/")
    .replace(/\/$/, "");
}

/**
 * Where this very request would be processed, read from its final bytes and from what is attested. Pure. Fails closed: whatever is not known, or
 * can be read in two ways, has no countries. A custom host is where its owner's label or a RegionAttestation says.
 */
export function locate(request: DoorRequest, backend: KnownBackend): Located {
  const view = viewRequest(request);
  const rule = providerOf(view.hostname);
  return rule === null ? locateCustom(view, backend) : locateKnown(rule, view, backend);
}

function locateCustom(view: ViewedRequest, { declared, attestations }: KnownBackend): Located {
  if (view.host !== view.hostname && providerOf(view.host) !== null)
    return unknownPlace("host.fronted", "Host names another provider than the one that is connected to");
  const fault = AI_PATH.test(readLeniently(view.path)) ? contentOf(view, attestations, null) : null;
  return fault ?? customPlace(declared, attestations);
}

/** The place of a host that nobody documents. An administrator's word stands before the owner's. */
export function customPlace(declared: string | null, attestations: readonly Attestation[]): Located {
  const attested = attestedPlace(attestations, "processing", "attested");
  if (attested !== null) return attested;
  if (declared === null)
    return unknownPlace("unknown", "nothing says where the backend processes: no label topology.kubernetes.io/region and no RegionAttestation");
  return {
    countries: countriesOfRegion(declared) ?? [],
    regions: [declared],
    evidence: "label",
    rule: "label",
    checkedAt: null,
    reason: `its owner labelled the backend ${declared}`,
  };
}

function locateKnown(rule: ProviderRule, view: ViewedRequest, backend: KnownBackend): Located {
  const { provider } = rule;
  const { attestations } = backend;
  const { body } = view;
  if (view.host !== view.hostname) return unknownPlace("host.fronted", "Host names another than the host that is connected to");
  if (view.upgraded) return unknownPlace(`${provider}.upgrade`, "what is said in a WebSocket cannot be read");
  const pathFault = unsafePath(view);
  if (pathFault !== null) return unknownPlace(`${provider}.path`, pathFault);
  if (view.parameters.some((name) => !rule.parameters.has(name)) || new Set(view.parameters).size < view.parameters.length)
    return unknownPlace(`${provider}.query`, "the query has a parameter that is not known to leave the place as it is");
  if (body === "unreadable") return unknownPlace(`${provider}.body`, "the body is not JSON that can be read in one way only");
  const finding = rule.locate({ ...view, body }, attestations);
  const place = finding.located.countries === null ? standIn(finding, attestations) : finding.located;
  if (place.countries === null) return place;
  return contentOf(view, attestations, rule.fieldsOf(view)) ?? provenPlace(place, view.genuine, backend);
}

/** An administrator's word in the place of what nobody documents. */
function standIn({ located, attestable }: Finding, attestations: readonly Attestation[]): Located {
  return (attestable ? attestedPlace(attestations, "processing", `${located.rule}.attested`) : null) ?? located;
}

/**
 * A provider's documentation speaks of the provider. Where the backend's own certificate authority, name or port decides who answers, the host
 * proves nothing, and somebody has to say the same: an administrator, or the owner by the label.
 */
export function provenPlace(place: Located, genuine: boolean, { declared, attestations }: KnownBackend): Located {
  if (genuine) return place;
  const attested = attestedPlace(attestations, "processing", `${place.rule}.attested`);
  if (attested !== null) return { ...place, ...attested };
  if (declared !== null && place.regions.length > 0 && place.regions.every((region) => region === declared || isInside(declared, region))) {
    return { ...place, evidence: "label", checkedAt: null };
  }
  return unknownPlace("host.unproven", "the backend's own certificate authority, server name or port decides who answers, so that the host proves nothing");
}

/** `europe-west4` is a region of the area `eu`. */
function isInside(declared: string, area: string): boolean {
  const countries = countriesOfRegion(declared);
  const around = countriesOfRegion(area);
  return countries !== null && around !== null && countries.length > 0 && countries.every((country) => around.includes(country));
}

function contentOf(view: ViewedRequest, attestations: readonly Attestation[], fields: ReadonlySet<string> | null): Located | null {
  if (view.body === null) return null;
  if (view.body === "unreadable") return unknownPlace("content.body", "the body is not JSON that can be read in one way only");
  const found = contentFault(view.body, allowanceOf(attestations), fields);
  return found === null ? null : unknownPlace(found.rule, found.reason);
}

/** Segments that are read differently by whoever undoes escapes, parameters or backslashes. Escapes are left to the rules that know one. */
function unsafePath({ path, segments }: ViewedRequest): string | null {
  if (!path.startsWith("/")) return "the path does not begin with a slash";
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) return "the path has an empty or a dot segment";
  if (/[;\\#\s]/.test(path)) return "the path has a character that is read in several ways";
  const escapes = path.match(/%[0-9A-Fa-f]{0,2}/g) ?? [];
  return escapes.every((one) => /^%(?:3a|2f)$/i.test(one)) ? null : "the path has an escape that is read in several ways";
}
