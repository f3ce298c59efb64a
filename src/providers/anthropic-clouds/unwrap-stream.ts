import { createEventStreamReader, type EventStreamMessage } from "../../lib/aws-event-stream.ts";
import { asObject, asString, parseJson } from "../../lib/json-value.ts";
import { toBytes, toText } from "../../lib/utf8.ts";
import type { StreamCodec } from "../../model/codec.ts";
import { errorObject } from "../anthropic/encode-error.ts";
import { decodeErrorWords } from "../bedrock/decode-error.ts";
import { eventType } from "../event-type.ts";
import type { PivotError } from "../pivot/error.ts";
import { brokenStream } from "../pivot/sse-decoder.ts";

const BROKEN_FRAME = brokenStream("The destination's stream is damaged: a frame does not match its checksum.");
const UNREADABLE = brokenStream("The destination sent an event that cannot be read.");

/**
 * Anthropic's events out of Bedrock's binary frames, as Anthropic itself sends them. An exception of Bedrock's, or a broken frame, becomes an `error`
 * event, after which nothing follows. Holds at most one frame (16 MiB).
 */
export function createUnwrapper(): StreamCodec {
  const frames = createEventStreamReader();
  let over = false;

  const fault = (error: PivotError): string => {
    over = true;
    return `event: error\ndata: ${JSON.stringify({ type: "error", error: errorObject(error) })}\n\n`;
  };

  const written = (message: EventStreamMessage): string => {
    const { headers } = message;
    const type = headers.get(":message-type");
    // An `error` has no body: it is the service's own failure, told in headers.
    if (type === "error") return fault(decodeErrorWords(null, headers.get(":error-code") ?? "", headers.get(":error-message") ?? ""));
    const body = asObject(parseJson(toText(message.body)));
    if (type === "exception") {
      const words = asString(body?.["message"]) ?? asString(body?.["Message"]) ?? "";
      return fault(decodeErrorWords(null, headers.get(":exception-type") ?? "", words));
    }
    // Bedrock may add kinds of events; only chunks carry the model's.
    if (headers.get(":event-type") !== "chunk") return type === "event" ? "" : fault(UNREADABLE);
    const data = decoded(asString(body?.["bytes"]));
    const name = data === null ? null : eventType(data);
    if (data === null || name === null) return fault(UNREADABLE);
    return `event: ${name}\ndata: ${data.includes("\n") ? JSON.stringify(parseJson(data)) : data}\n\n`;
  };

  return {
    chunk(bytes) {
      if (over) return null;
      let text = "";
      try {
        for (const message of frames.push(bytes)) {
          text += written(message);
          if (over) break;
        }
      } catch {
        text += fault(BROKEN_FRAME);
      }
      return text === "" ? null : toBytes(text);
    },
    end: () => ({ bytes: null, complete: !over && !frames.unfinished }),
    fail: () => null,
  };
}

/** The text that a chunk holds in base64; null: it is none. */
function decoded(base64: string | null): string | null {
  if (base64 === null) return null;
  try {
    const units = atob(base64);
    const bytes = new Uint8Array(units.length);
    for (let at = 0; at < units.length; at += 1) bytes[at] = units.charCodeAt(at);
    return toText(bytes);
  } catch {
    return null;
  }
}
