import { encodeError } from "../openai-chat/encode-error.ts";
import type { CallerCodec } from "../pivot/codec.ts";
import { decodeRequest } from "./decode-request.ts";
import { encodeResponse } from "./encode-response.ts";
import { encodeStream } from "./encode-stream.ts";

/** OpenAI's Responses. Whole errors look as those of chat completions do. */
export const openaiResponsesCodec: CallerCodec = { api: "openai-responses", decodeRequest, encodeResponse, encodeStream, encodeError };
