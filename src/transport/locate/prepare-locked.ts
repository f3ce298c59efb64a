import { find, remove } from "../../lib/header-list.ts";
import { asObject, type JsonObject, parseJson } from "../../lib/json-value.ts";
import { toBytes, toTextStrictly } from "../../lib/utf8.ts";
import type { HeaderList, RequestBody } from "../../model/http.ts";
import type { Attestation } from "../../model/region.ts";
import { takesInferenceGeo } from "./anthropic.ts";
import { azurePathDeployment } from "./azure.ts";
import { ANTHROPIC_FACTS } from "./data/anthropic-facts.ts";
import { providerOf } from "./provider-rules.ts";
import { isJsonType } from "./viewed-request.ts";

/** A request that a lock binds, before its credential is put on and its bytes are signed. */
export interface LockedDraft {
  readonly hostname: string;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: HeaderList;
  readonly body: RequestBody;
}

const ACCEPT_ENCODING: ReadonlySet<string> = new Set(["accept-encoding"]);

/**
 * Brings a request to a known provider into the form that the last door can read: JSON is written anew, so that no key stands twice; the caller's
 * key in the query is taken out; and the fields that keep a call in its place are set by the broker itself. What cannot be read stays as it is,
 * and the door refuses it. Gives back the same draft for a host that the door does not know, but for its JSON.
 */
export function prepareLocked(draft: LockedDraft, attestations: readonly Attestation[]): LockedDraft {
  const parsed = readJson(draft);
  if (providerOf(draft.hostname) === null) return parsed === null ? draft : withBody(draft, parsed);
  const path = withoutParameter(draft.path, "key");
  const plain = path.split("?", 1)[0] ?? "";
  const prepared = { ...draft, path };
  if (parsed === null) return prepared;
  if (takesInferenceGeo(draft.hostname, draft.method, plain)) {
    const { workspace_id: _, ...rest } = parsed;
    // The answer says where it ran, and must be readable on its way.
    const headers = [...remove(draft.headers, ACCEPT_ENCODING), "accept-encoding", "identity"];
    return withBody({ ...prepared, headers }, { ...rest, [ANTHROPIC_FACTS.field]: ANTHROPIC_FACTS.value });
  }
  const deployment = azurePathDeployment(plain.slice(1).split("/"));
  // Azure goes by the path alone; SDKs send their own name for the model beside it.
  if (deployment !== null && parsed["model"] !== undefined) return withBody(prepared, { ...parsed, model: deployment });
  // Left out means that the answer is kept (OpenAI, Responses).
  if (plain.endsWith("/responses") && parsed["store"] === undefined && !attestations.some((one) => one.storedState)) {
    return withBody(prepared, { ...parsed, store: false });
  }
  return withBody(prepared, parsed);
}

/** Null: there is no body, or none that is a JSON object. */
function readJson({ body, headers }: LockedDraft): JsonObject | null {
  if (body.kind !== "bytes") return null;
  const type = find(headers, "content-type");
  if ((type !== null && !isJsonType(type)) || find(headers, "content-encoding") !== null) return null;
  return asObject(parseJson(toTextStrictly(body.bytes) ?? ""));
}

function withBody(draft: LockedDraft, body: JsonObject): LockedDraft {
  try {
    return { ...draft, body: { kind: "bytes", bytes: toBytes(JSON.stringify(body)) } };
  } catch {
    // Nested too deep to be written: the door refuses it where it has to read it.
    return draft;
  }
}

function withoutParameter(target: string, name: string): string {
  const mark = target.indexOf("?");
  if (mark === -1) return target;
  const kept = target
    .slice(mark + 1)
    .split("&")
    .filter((pair) => pair.split("=", 1)[0] !== name);
  return kept.length === 0 ? target.slice(0, mark) : `${target.slice(0, mark)}?${kept.join("&")}`;
}
