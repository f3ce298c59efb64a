import type { JsonObject } from "../../lib/json-value.ts";
import type { ApiQuirks } from "../../model/backend.ts";
import type { HeaderList } from "../../model/http.ts";
import type { PivotAnswer, PivotEvent } from "./answer.ts";
import type { WireApi } from "./block.ts";
import type { PivotError } from "./error.ts";
import type { PivotRequest } from "./request.ts";

/** What encoding a request for one upstream needs beside the request. */
export interface EncodeTarget {
  /** The model's name at the upstream, aliases applied. */
  readonly model: string;
  /** Which cloud serves the API, since the clouds differ in details: `anthropic` on Bedrock and Vertex, `gemini` on Vertex, `openai-chat` on Azure. */
  readonly host: "native" | "azure" | "vertex" | "bedrock";
  /** What is sent when the caller names no bound and the API demands one. */
  readonly defaultMaxOutputTokens: number;
  readonly quirks: ApiQuirks;
}

/** A request in the upstream's words, or the field that keeps it from being said there. */
export type EncodedTo =
  | {
      readonly ok: true;
      readonly body: JsonObject;
      /** Fields of the caller's request (dotted, as the caller's API names them) that were left out; the caller is told in `x-egress-translation-loss`. */
      readonly losses: readonly string[];
      /** Tool names as the upstream knows them -> as the caller wrote them, where they had to be changed. */
      readonly toolNames: ReadonlyMap<string, string>;
    }
  | { readonly ok: false; readonly field: string; readonly reason: string };

/** What encoding an answer for the caller needs beside it. */
export interface AnswerContext {
  readonly request: PivotRequest;
  /** The model that was asked upstream: what the answer names where the provider names none. */
  readonly model: string;
  /** For an answer whose provider gave no id. */
  readonly requestId: string;
  /** Seconds since the Unix epoch, for an answer whose provider gives no time. */
  readonly now: number;
  /** See `EncodedTo`. */
  readonly toolNames: ReadonlyMap<string, string>;
}

/** Bytes of an upstream's stream into events. Pieces may be cut anywhere. Never throws: what cannot be read is an `error` event. Holds at most one event (16 MiB). */
export interface StreamDecoder {
  push(bytes: Uint8Array): readonly PivotEvent[];
  /** The upstream's framing is complete. Without the API's own end the last event is an `error`. */
  end(): readonly PivotEvent[];
}

/** Events into bytes of the caller's stream. */
export interface StreamEncoder {
  /** Null: nothing leaves for this event. */
  event(event: PivotEvent): string | null;
}

/** The side of a wire API that faces callers. Each member is a file of its name in `src/providers/<api>/`. */
export interface CallerCodec {
  readonly api: WireApi;
  /** Throws a `Refusal` `request_malformed` that names the field. */
  decodeRequest(body: JsonObject): PivotRequest;
  encodeResponse(answer: PivotAnswer, context: AnswerContext): JsonObject;
  encodeStream(context: AnswerContext): StreamEncoder;
  /** A whole error answer. */
  encodeError(error: PivotError, requestId: string): { readonly status: number; readonly headers: HeaderList; readonly body: JsonObject };
}

/** The side of a wire API that faces providers. */
export interface UpstreamCodec {
  readonly api: WireApi;
  encodeRequest(request: PivotRequest, target: EncodeTarget): EncodedTo;
  /** Null: it is no answer of this API. */
  decodeResponse(body: unknown): PivotAnswer | null;
  decodeStream(): StreamDecoder;
  /** Never fails: what cannot be read becomes an error of its status's kind. `body` is bounded by the caller of this. */
  decodeError(status: number, headers: HeaderList, body: Uint8Array): PivotError;
}
