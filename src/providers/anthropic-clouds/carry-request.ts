import { findAll } from "../../lib/header-list.ts";
import { scanTopLevel } from "../../lib/json-scan.ts";
import { asObject, type JsonObject, parseJson } from "../../lib/json-value.ts";
import { toText, toTextStrictly } from "../../lib/utf8.ts";
import type { ApiProfile } from "../../model/backend.ts";
import { Refusal } from "../../model/errors.ts";
import type { HeaderList } from "../../model/http.ts";
import { extraAbility } from "../pivot/extras.ts";
import { checkSegment, type TranslatedRequest } from "../translate-request.ts";
import { Untranslatable } from "../untranslatable.ts";
import { countTokensPath, upstreamPath } from "../upstream-path.ts";
import { type AnthropicCloud, CLOUD_VERSIONS, TOLD_BY_PATH } from "./cloud-body.ts";
import { editMembers } from "./edit-members.ts";

export interface CarryInput {
  readonly api: ApiProfile;
  readonly operation: "messages" | "count_tokens";
  readonly body: Uint8Array | null;
  /** Aliases applied. */
  readonly model: string | null;
  /** The caller's, less what a lock takes out. */
  readonly headers: HeaderList;
}

/** Members that neither cloud knows. Where a call is processed is decided there by the path, so a wish for a place is refused rather than forgotten. */
const UNKNOWN_THERE = ["inference_geo", "service_tier"] as const;
const READ: ReadonlySet<string> = new Set(["stream", "anthropic_beta", ...UNKNOWN_THERE]);

/** A call in Anthropic's own words, in the cloud's wrapping: everything else arrives as it was sent. Throws `Untranslatable`, and `Refusal` `request_malformed`. */
export function carryRequest(cloud: AnthropicCloud, { api, operation, body, model, headers }: CarryInput): TranslatedRequest {
  const read = body === null ? null : membersOf(body);
  if (body === null || read === null) throw malformed("The body must be a JSON object in UTF-8 that has no key twice.");
  if (model === null) throw malformed('The JSON body must name a "model".');
  checkSegment(api, model);
  const losses = UNKNOWN_THERE.filter((name) => (read[name] ?? null) !== null);
  for (const name of losses)
    if (extraAbility("anthropic", name, read[name]) === "refused") throw new Untranslatable(name, "this cloud decides it by its address");
  const stream = operation === "messages" && read["stream"] === true;
  const counts = operation === "count_tokens";
  const edited = editMembers(body, {
    set: { anthropic_version: CLOUD_VERSIONS[cloud], ...(cloud === "bedrock" ? betasOf(headers, read) : {}), ...(counts ? { model } : {}) },
    drop: [...(counts ? [] : TOLD_BY_PATH[cloud]), ...UNKNOWN_THERE],
  });
  if (edited === null) throw malformed("The body must be a JSON object in UTF-8 that has no key twice.");
  return { path: counts ? countTokensPath(api) : upstreamPath(api, { model, stream }), body: edited, model, losses, stream, answer: null };
}

/** Bedrock reads no header of Anthropic's. A body that names features itself, as Bedrock's own SDK writes it, stands. */
function betasOf(headers: HeaderList, read: JsonObject): JsonObject {
  const named = findAll(headers, "anthropic-beta").flatMap((value) => value.split(","));
  const betas = named.map((beta) => beta.trim()).filter((beta) => beta !== "");
  return betas.length === 0 || read["anthropic_beta"] !== undefined ? {} : { anthropic_beta: [...new Set(betas)] };
}

/** The members that are read here; null: the body is no JSON object, or has one of them twice. */
function membersOf(body: Uint8Array): JsonObject | null {
  const scan = scanTopLevel(body, READ);
  if (scan.kind === "unsure") return asObject(parseJson(toTextStrictly(body) ?? ""));
  if (scan.kind !== "ok") return null;
  return Object.fromEntries([...scan.values].map(([name, span]) => [name, parseJson(toText(body.subarray(span.start, span.end)))]));
}

function malformed(detail: string): Refusal {
  return new Refusal("request_malformed", { detail });
}
