import { decodeError } from "../openai-chat/decode-error.ts";
import { encodeError } from "../openai-chat/encode-error.ts";
import type { CallerCodec, UpstreamCodec } from "../pivot/codec.ts";
import { decodeRequest } from "./decode-request.ts";
import { decodeResponse } from "./decode-response.ts";
import { decodeStream } from "./decode-stream.ts";
import { encodeRequest } from "./encode-request.ts";
import { encodeResponse } from "./encode-response.ts";
import { encodeStream } from "./encode-stream.ts";

/** OpenAI's Responses. Whole errors look as those of chat completions do. */
export const openaiResponsesCodec: CallerCodec & UpstreamCodec = {
  api: "openai-responses",
  decodeRequest,
  encodeRequest,
  decodeResponse,
  encodeResponse,
  decodeStream,
  encodeStream,
  decodeError,
  encodeError,
};
