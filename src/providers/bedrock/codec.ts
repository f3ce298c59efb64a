import type { UpstreamCodec } from "../pivot/codec.ts";
import { decodeError } from "./decode-error.ts";
import { decodeResponse } from "./decode-response.ts";
import { decodeStream } from "./decode-stream.ts";
import { encodeRequest } from "./encode-request.ts";

/** Amazon Bedrock's Converse. */
export const bedrockCodec: UpstreamCodec = { api: "bedrock", encodeRequest, decodeResponse, decodeStream, decodeError };
