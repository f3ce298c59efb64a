import { asString } from "../../lib/json-value.ts";
import type { Attestation } from "../../model/region.ts";
import { JURISDICTIONS } from "../../model/region-data.ts";
import { BODY_FIELDS } from "./data/body-fields.ts";
import { VERTEX_FACTS, type VertexArea } from "./data/vertex-facts.ts";
import { denied, type Finding, found, unproven } from "./finding.ts";
import type { ProviderRule } from "./provider-rule.ts";
import type { ViewedRequest } from "./viewed-request.ts";

const REGIONAL = /^([a-z]+-[a-z]+\d+)-aiplatform\.googleapis\.com$/;
const REP = /^aiplatform\.([a-z0-9-]+)\.rep\.googleapis\.com$/;
const VERSION = /^v1(?:beta1)?$/;
const PROJECT = /^[a-z0-9][a-z0-9-]*$/;
const METHODS: ReadonlySet<string> = new Set([
  "generateContent",
  "streamGenerateContent",
  "countTokens",
  "computeTokens",
  "embedContent",
  "predict",
  "rawPredict",
  "streamRawPredict",
]);
const MODEL = /^[A-Za-z0-9][A-Za-z0-9._-]*(?:@[A-Za-z0-9._-]+)?$/;

/** Vertex AI: the host and the `locations/` of the path must agree, and the model must be promised to stay there. */
export const vertex: ProviderRule = {
  provider: "vertex",
  owns: (hostname) => locationOf(hostname) !== null,
  attestable: (hostname) => locationOf(hostname) !== "global",
  parameters: new Set(["alt", "key", "$alt", "%24alt"]),
  fieldsOf({ path }) {
    if (path.endsWith("/chat/completions")) return BODY_FIELDS.openaiChat;
    return path.endsWith("awPredict") ? BODY_FIELDS.anthropicMessages : BODY_FIELDS.gemini;
  },
  locate(request, attestations) {
    const host = locationOf(request.hostname);
    const asked = readPath(request);
    if (asked === null) return denied("vertex.path", "this operation of Vertex AI is not known to stay in its location");
    if (host === null || host === "global" || asked.location === "global") return denied("vertex.global", "the global endpoint may process in any location");
    if (asked.location !== host) return denied("vertex.location", `the host is of ${host} and the path names another location`);
    // `countTokens` may name another model, of any location, in its body.
    if (!request.path.endsWith("/chat/completions") && request.body?.["model"] !== undefined)
      return denied("vertex.model", "the body names a model beside that of the path");
    if (asked.model === null) return unproven("vertex.endpoint", "an endpoint of your own: nothing is documented about where it processes");
    return locateModel(host, asked.model, attestations);
  },
  reach(hostname) {
    const area = VERTEX_FACTS.areaOfLocation.get(locationOf(hostname) ?? "");
    return area === undefined ? [] : [inArea(area, "").located];
  },
};

function locationOf(hostname: string): string | null {
  return REGIONAL.exec(hostname)?.[1] ?? REP.exec(hostname)?.[1] ?? null;
}

/** Location and model of a path that is known; null: it is not. The model is null for an endpoint of the project's own. */
function readPath(request: Pick<ViewedRequest, "method" | "segments" | "body">): { readonly location: string; readonly model: string | null } | null {
  const [version = "", projects, project = "", locations, location = "", ...rest] = request.segments;
  if (request.method !== "POST" || !VERSION.test(version) || projects !== "projects" || !PROJECT.test(project) || locations !== "locations") return null;
  if (!/^[a-z0-9-]+$/.test(location)) return null;
  const [kind, owner, models, named, ...more] = rest;
  if (kind === "endpoints" && owner === "openapi") {
    if (rest.length !== 4 || models !== "chat" || named !== "completions" || request.body === null || request.body === "unreadable") return null;
    const [publisher, model, ...beyond] = (asString(request.body["model"]) ?? "").split("/");
    return publisher === "google" && model !== undefined && MODEL.test(model) && beyond.length === 0 ? { location, model } : null;
  }
  if (kind === "endpoints") {
    const [endpoint = "", method = ""] = (owner ?? "").split(":");
    return rest.length === 2 && /^\d+$/.test(endpoint) && METHODS.has(method) ? { location, model: null } : null;
  }
  if (kind !== "publishers" || models !== "models" || more.length > 0 || !/^[a-z0-9-]+$/.test(owner ?? "")) return null;
  const [model = "", method = "", ...beyond] = (named ?? "").split(":");
  return MODEL.test(model) && METHODS.has(method) && beyond.length === 0 ? { location, model: owner === "google" ? model : `${owner}/${model}` } : null;
}

function locateModel(location: string, model: string, attestations: readonly Attestation[]): Finding {
  const area = VERTEX_FACTS.areaOfLocation.get(location);
  if (area === undefined) return unproven("vertex.location", `Google promises nothing of where ${location} processes`);
  const listed = VERTEX_FACTS.models.get(model)?.has(area) ?? false;
  if (!listed && !attestations.some((one) => one.models.includes(model)))
    return unproven("vertex.model", `the table of data residency does not promise this model for ${location}`);
  return inArea(area, location);
}

function inArea(area: VertexArea, location: string): Finding {
  const countries = area === "us" ? ["US"] : (JURISDICTIONS["EU"] ?? []);
  const reason = `processing stays in the area ${area}${location === "" ? "" : ` of ${location}`}, which Google documents for the model`;
  return found({ countries, regions: [area], evidence: "host", rule: "vertex.area", reason }, VERTEX_FACTS);
}
