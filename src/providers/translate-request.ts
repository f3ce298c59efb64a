import { remove } from "../lib/header-list.ts";
import { asObject, type JsonObject, parseJson } from "../lib/json-value.ts";
import { toBytes, toTextStrictly } from "../lib/utf8.ts";
import type { ApiProfile } from "../model/backend.ts";
import { Refusal } from "../model/errors.ts";
import type { HeaderList } from "../model/http.ts";
import type { AnswerContext, CallerCodec, EncodeTarget, UpstreamCodec } from "./pivot/codec.ts";
import type { PivotRequest } from "./pivot/request.ts";
import type { TranslationPlan } from "./translation-plan.ts";
import { Untranslatable } from "./untranslatable.ts";
import { upstreamPath } from "./upstream-path.ts";

export interface TranslatedRequest {
  readonly path: string;
  readonly body: Uint8Array;
  readonly model: string;
  /** Fields of the caller's that were left out. */
  readonly losses: readonly string[];
  /** A stream is asked for. */
  readonly stream: boolean;
  /** What translating the answer needs beside the call's own id and time; null: the answer is in the caller's API already. */
  readonly answer: Pick<AnswerContext, "request" | "model" | "toolNames"> | null;
}

/** Bodies that were read already: a call may be written for several backends. */
const read = new WeakMap<Uint8Array, PivotRequest>();

/** The call in the backend's own API. Throws `Untranslatable`, and `Refusal` `request_malformed` for a body that is not what its API says. */
export function translateRequest(
  caller: CallerCodec,
  upstream: UpstreamCodec,
  {
    api,
    host,
    body,
    model,
  }: { readonly api: ApiProfile; readonly host: EncodeTarget["host"]; readonly body: Uint8Array | null; readonly model: string | null },
): TranslatedRequest {
  const request = readRequest(caller, body);
  if (model === null) throw new Refusal("request_malformed", { detail: 'The JSON body must name a "model".' });
  checkSegment(api, model);
  const encoded = upstream.encodeRequest(request, {
    model,
    host,
    defaultMaxOutputTokens: api.maxOutputTokens,
    quirks: api.quirks,
  });
  if (!encoded.ok) throw new Untranslatable(encoded.field, encoded.reason);
  return {
    path: upstreamPath(api, { model, stream: request.stream }),
    body: toBytes(JSON.stringify(encoded.body)),
    model,
    losses: encoded.losses,
    stream: request.stream,
    answer: { request, model, toolNames: encoded.toolNames },
  };
}

/** APIs whose path has the model: whatever it says must stay one segment of it. Bedrock's ARNs have slashes, which are encoded. */
const MODEL_IN_PATH: Partial<Readonly<Record<ApiProfile["schema"], RegExp>>> = {
  AWSBedrock: /^[\w.:@-]+(?:\/[\w.:@-]+)*$/,
  AWSAnthropic: /^[\w.:@-]+(?:\/[\w.:@-]+)*$/,
  GCPAnthropic: /^[\w.@-]+$/,
  Gemini: /^[\w.:@-]+$/,
  GCPVertexAI: /^[\w.:@-]+$/,
};

/** Throws `request_malformed` for a name that could lead elsewhere. */
export function checkSegment({ schema }: ApiProfile, model: string): void {
  const safe = MODEL_IN_PATH[schema];
  if (safe === undefined || (safe.test(model) && !model.split("/").some((part) => part === "." || part === ".."))) return;
  throw new Refusal("request_malformed", { detail: 'The "model" of the call has characters that no model of this destination has.' });
}

function readRequest(caller: CallerCodec, body: Uint8Array | null): PivotRequest {
  const known = body === null ? undefined : read.get(body);
  if (known !== undefined) return known;
  const parsed: JsonObject | null = body === null ? null : asObject(parseJson(toTextStrictly(body) ?? ""));
  if (body === null || parsed === null)
    throw new Refusal("request_malformed", { detail: "The body must be a JSON object in UTF-8, so that it can be translated." });
  const request = caller.decodeRequest(parsed);
  read.set(body, request);
  return request;
}

/** Headers that speak of the caller's API, its SDK, or the body that was exchanged. */
const OF_THE_CALLERS_API = /^(?:anthropic-.*|openai-.*|x-stainless-.*|x-goog-.*|amz-sdk-.*|x-amz-.*|content-type|content-encoding|content-md5|digest|accept)$/i;
/** The version whose forms the codec writes. */
const ANTHROPIC_VERSION = "2023-06-01";

/** The caller's headers as far as they mean something to another API. */
export function translatedHeaders(headers: HeaderList, { upstream, host, carry }: TranslationPlan, stream: boolean): HeaderList {
  const dropped = new Set<string>();
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] ?? "").toLowerCase();
    // Vertex AI reads this one as Anthropic does; Bedrock has it in the body.
    const stays = name === "anthropic-beta" && carry !== null && host === "vertex";
    if (!stays && OF_THE_CALLERS_API.test(name)) dropped.add(name);
  }
  const accept = !stream ? "application/json" : host === "bedrock" ? "application/vnd.amazon.eventstream" : "text/event-stream";
  const kept = [...remove(headers, dropped), "content-type", "application/json", "accept", accept];
  return upstream === "anthropic" && host === "native" ? [...kept, "anthropic-version", ANTHROPIC_VERSION] : kept;
}
