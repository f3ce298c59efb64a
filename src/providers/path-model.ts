/** Where a path names the model that is asked, and what is asked of it. */
export interface PathModel {
  /** The model's segment as it stands in the path, from `start` to `end`. */
  readonly start: number;
  readonly end: number;
  readonly name: "converse" | "invoke_model" | "generate_content" | "embeddings" | "count_tokens";
  readonly stream: boolean;
}

/** Amazon Bedrock: `/model/<id or ARN, encoded>/converse`. */
const BEDROCK: ReadonlyMap<string, Pick<PathModel, "name" | "stream">> = new Map([
  ["converse", { name: "converse", stream: false }],
  ["converse-stream", { name: "converse", stream: true }],
  ["invoke", { name: "invoke_model", stream: false }],
  ["invoke-with-response-stream", { name: "invoke_model", stream: true }],
  ["count-tokens", { name: "count_tokens", stream: false }],
]);

/** Gemini and Vertex AI: `/v1beta/models/<id>:generateContent`; `rawPredict` carries other publishers' own APIs. */
const GOOGLE: ReadonlyMap<string, Pick<PathModel, "name" | "stream">> = new Map([
  ["generateContent", { name: "generate_content", stream: false }],
  ["streamGenerateContent", { name: "generate_content", stream: true }],
  ["rawPredict", { name: "generate_content", stream: false }],
  ["streamRawPredict", { name: "generate_content", stream: true }],
  ["embedContent", { name: "embeddings", stream: false }],
  ["batchEmbedContents", { name: "embeddings", stream: false }],
  ["countTokens", { name: "count_tokens", stream: false }],
]);

/** Null: the path names no model, as those of all other APIs do. Without a query. */
export function pathModel(path: string): PathModel | null {
  const slash = path.lastIndexOf("/");
  if (slash <= 0) return null;
  const last = path.slice(slash + 1);
  const bedrock = BEDROCK.get(last);
  if (bedrock !== undefined) {
    const before = path.lastIndexOf("/", slash - 1);
    return before !== -1 && slash > before + 1 && path.slice(0, before).endsWith("/model") ? { start: before + 1, end: slash, ...bedrock } : null;
  }
  const colon = last.lastIndexOf(":");
  const google = colon <= 0 ? undefined : GOOGLE.get(last.slice(colon + 1));
  return google !== undefined && path.slice(0, slash).endsWith("/models") ? { start: slash + 1, end: slash + 1 + colon, ...google } : null;
}

/** Longer than any model's name, Bedrock's ARNs (2,048 at most) included. */
const MAX_LENGTH = 2_048;

/** The model's name, decoded; null: what stands there is none. It goes to rules, logs and telemetry: control characters have no place in it. */
export function modelInPath(path: string, { start, end }: PathModel): string | null {
  try {
    const model = decodeURIComponent(path.slice(start, end));
    return model.length <= MAX_LENGTH && /^[\x21-\x7e]+$/.test(model) ? model : null;
  } catch {
    return null;
  }
}

/** The path with another model: as one segment, whatever characters it has. */
export function withModel(path: string, { start, end }: PathModel, model: string): string {
  return `${path.slice(0, start)}${encodeURIComponent(model)}${path.slice(end)}`;
}
