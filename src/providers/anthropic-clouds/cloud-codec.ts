import { asObject, parseJson } from "../../lib/json-value.ts";
import { toText } from "../../lib/utf8.ts";
import { anthropicCodec } from "../anthropic/codec.ts";
import { decodeError as decodeBedrockError } from "../bedrock/decode-error.ts";
import { decodeError as decodeGoogleError } from "../gemini/decode-error.ts";
import type { StreamDecoder, UpstreamCodec } from "../pivot/codec.ts";
import { type AnthropicCloud, cloudBody } from "./cloud-body.ts";
import { createUnwrapper } from "./unwrap-stream.ts";

/** Messages at a cloud that serves Claude: Anthropic's words in the cloud's wrapping, and errors in the words of either. */
export function cloudCodec(cloud: AnthropicCloud): UpstreamCodec {
  return {
    ...anthropicCodec,
    encodeRequest(request, target) {
      const encoded = anthropicCodec.encodeRequest(request, target);
      return encoded.ok ? { ...encoded, body: cloudBody(cloud, encoded.body) } : encoded;
    },
    decodeStream: cloud === "bedrock" ? decodeWrappedStream : anthropicCodec.decodeStream,
    decodeError(status, headers, body) {
      if (cloud === "bedrock") return decodeBedrockError(status, headers, body);
      // What the model's own server says passes through Google unchanged; what stops before it is Google's.
      const anthropics = asObject(parseJson(toText(body)))?.["type"] === "error";
      return anthropics ? anthropicCodec.decodeError(status, headers, body) : decodeGoogleError(status, headers, body);
    },
  };
}

function decodeWrappedStream(): StreamDecoder {
  const unwrapper = createUnwrapper();
  const decoder = anthropicCodec.decodeStream();
  return {
    push(bytes) {
      const events = unwrapper.chunk(bytes);
      return events === null ? [] : decoder.push(events);
    },
    end: () => decoder.end(),
  };
}
