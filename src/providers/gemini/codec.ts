import type { UpstreamCodec } from "../pivot/codec.ts";
import { decodeError } from "./decode-error.ts";
import { decodeResponse } from "./decode-response.ts";
import { decodeStream } from "./decode-stream.ts";
import { encodeRequest } from "./encode-request.ts";

/** Google's `generateContent`, at the Gemini API and at Vertex AI. */
export const geminiCodec: UpstreamCodec = { api: "gemini", encodeRequest, decodeResponse, decodeStream, decodeError };
