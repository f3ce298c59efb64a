import { PROFILE } from "./naive-provider.ts";

/** A request before it meets the door. */
export interface HostileRequest {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: string;
}

/** A number in [0, 1) of a seed: the same run again finds the same requests. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const chat = (model: string) => JSON.stringify({ model, messages: [{ role: "user", content: "hello" }] });
const CONVERSE = JSON.stringify({ messages: [{ role: "user", content: [{ text: "hello" }] }] });
const GEMINI = JSON.stringify({ contents: [{ role: "user", parts: [{ text: "hello" }] }] });
const SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0";

/** Requests that some lock allows. */
const PERMITTED: readonly (readonly [host: string, path: string, body: string])[] = [
  ["bedrock-runtime.eu-central-1.amazonaws.com", `/model/${SONNET}/converse`, CONVERSE],
  ["bedrock-runtime.eu-central-1.amazonaws.com", `/model/${encodeURIComponent(PROFILE)}/converse-stream`, CONVERSE],
  ["bedrock-runtime.eu-central-1.amazonaws.com", `/model/${encodeURIComponent(`arn:aws:bedrock:eu-central-1::foundation-model/${SONNET}`)}/converse`, CONVERSE],
  ["europe-west4-aiplatform.googleapis.com", "/v1/projects/p1/locations/europe-west4/publishers/google/models/gemini-2.5-flash:generateContent", GEMINI],
  [
    "europe-west4-aiplatform.googleapis.com",
    "/v1/projects/p1/locations/europe-west4/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
    GEMINI,
  ],
  ["eu.api.openai.com", "/v1/chat/completions", chat("gpt-4o")],
  ["eu.api.openai.com", "/v1/responses", '{"model":"gpt-4.1","input":"hello","store":false}'],
  ["us.api.openai.com", "/v1/embeddings", '{"model":"text-embedding-3-small","input":"hello"}'],
  ["api.anthropic.com", "/v1/messages", '{"model":"claude-opus-4-6","max_tokens":5,"messages":[],"inference_geo":"us"}'],
  ["contoso.openai.azure.com", "/openai/deployments/regional/chat/completions?api-version=2025-04-01", '{"messages":[]}'],
  ["contoso.openai.azure.com", "/openai/v1/chat/completions", chat("regional")],
  ["api.eu.mistral.ai", "/v1/chat/completions", chat("mistral-large-latest")],
  ["inference.europe.example", "/v1/chat/completions", chat("llama")],
  ["inference.america.example", "/v1/chat/completions", chat("llama")],
];

export const HOSTS: readonly string[] = [
  ...new Set(PERMITTED.map(([host]) => host)),
  "api.openai.com",
  "api.mistral.ai",
  "api.groq.com",
  "aiplatform.googleapis.com",
];

const BODY_PARTS: readonly string[] = [
  '"inference_geo":"global"',
  '"inference_geo":"us"',
  '"Inference_Geo":"global"',
  '"inference\\u005fgeo":"global"',
  '"model":"gpt-99"',
  '"model":"gpt-4o"',
  '"model":"global"',
  '"model":"regional"',
  '"Model":"gpt-99"',
  '"model":null',
  '"model":["gpt-99"]',
  '"tools":[{"type":"web_search"}]',
  '"tools":[{"type":"function","function":{"name":"f"}}]',
  '"tools":[{"type":"mcp","server_url":"https://x.example"}]',
  '"tools":[{"googleSearch":{}}]',
  '"to\\u006fls":[{"type":"web_search"}]',
  '"toolConfig":{"tools":[{"systemTool":{"name":"x"}}]}',
  '"web_search_options":{}',
  '"mcp_servers":[]',
  '"data_sources":[]',
  '"search_parameters":{"mode":"on"}',
  '"plugins":[{"id":"web"}]',
  '"previous_response_id":"resp_1"',
  '"conversation":"conv_1"',
  '"container":"c"',
  '"store":true',
  '"store":false',
  '"background":true',
  '"cachedContent":"c"',
  '"guardrailConfig":{"guardrailIdentifier":"g"}',
  '"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x.example/i.png"}}]}]',
  '"contents":[{"parts":[{"fileData":{"fileUri":"gs://b/x"}}]}]',
  '"input":[{"type":"item_reference","id":"x"}]',
  '"temperature":0.5',
  '"tomorrows_option":1',
];
const PATH_PARTS: readonly string[] = [
  "..",
  "%2e%2e",
  ".%2e",
  "%252e%252e",
  "",
  ";x=1",
  "%2f",
  "%5c",
  "\\",
  "global",
  "us-central1",
  "locations/global",
  "..%2f..",
  "%00",
  "@evil.example",
  "models",
];
const PREFIXES: readonly string[] = ["global.", "us.", "eu.", "apac.", "GLOBAL.", "%67lobal.", "x.", "anthropic."];
const REPLACED: readonly (readonly [string, string])[] = [
  ["europe-west4", "us-central1"],
  ["europe-west4", "global"],
  ["regional", "global"],
  ["eu-central-1", "us-east-1"],
  ["gpt-4o", "gpt-99"],
  ["gemini-2.5-flash", "gemini-9"],
  ["/v1/", "/v2/"],
  ["/v1/", "//v1/"],
  ["converse", "async-invoke"],
  ["publishers/google", "publishers/anthropic"],
  ["claude-opus-4-6", "claude-opus-4-5"],
  ['"us"', '"global"'],
];
const QUERIES: readonly string[] = ["?alt=json", "?key=callers", "?$httpMethod=GET", "?region=us", "&x=1", "?", "?inference_geo=global"];
const HEADERS: readonly (readonly [string, string])[] = [
  ["content-encoding", "gzip"],
  ["content-type", "text/plain"],
  ["content-type", "multipart/form-data; boundary=x"],
  ["openai-project", "proj_us"],
  ["anthropic-workspace-id", "w"],
  ["x-goog-user-project", "p"],
  ["x-amzn-bedrock-guardrailidentifier", "g"],
  ["anthropic-beta", "code-execution-2025-08-25"],
];

/** A permitted request with up to three things done to it; sometimes none. */
export function hostileRequest(random: () => number): HostileRequest {
  const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)] as Value; // never empty
  let [host, path, body] = pick(PERMITTED);
  let method = "POST";
  let headers: readonly string[] = ["content-type", "application/json"];
  for (let changes = Math.floor(random() * 4); changes > 0; changes -= 1) {
    const kind = Math.floor(random() * 12);
    if (kind === 0) host = pick(HOSTS);
    else if (kind === 1) path = insertSegment(path, pick(PATH_PARTS), random);
    else if (kind === 2) path = path.replace(/\/model\//, `/model/${pick(PREFIXES)}`);
    else if (kind === 3 || kind === 4) {
      const [from, to] = pick(REPLACED);
      if (random() < 0.5) path = path.replace(from, to);
      else body = body.replace(from, to);
    } else if (kind === 5) path += pick(QUERIES);
    else if (kind === 6 || kind === 7) body = random() < 0.5 ? body.replace("{", `{${pick(BODY_PARTS)},`) : body.replace(/\}$/, `,${pick(BODY_PARTS)}}`);
    else if (kind === 8) body = changeCharacter(body, random);
    else if (kind === 9) path = changeCharacter(path, random);
    else if (kind === 10) headers = [...headers.filter((_, index) => index > 1 || random() < 0.5 || index < 0), ...pick(HEADERS)];
    else method = pick(["GET", "PUT", "POST"]);
  }
  if (headers.length % 2 === 1) headers = ["content-type", "application/json"];
  return { host, method, path, headers, body };
}

function insertSegment(path: string, segment: string, random: () => number): string {
  const segments = path.split("/");
  segments.splice(1 + Math.floor(random() * segments.length), 0, segment);
  return segments.join("/");
}

const CHARACTERS = [..."./%;:@\"',{}[]\\ aA0-_~é"];

function changeCharacter(text: string, random: () => number): string {
  const at = Math.floor(random() * text.length);
  const character = CHARACTERS[Math.floor(random() * CHARACTERS.length)] ?? "x";
  const dropped = random() < 0.5 ? 1 : 0;
  return `${text.slice(0, at)}${random() < 0.3 ? "" : character}${text.slice(at + dropped)}`;
}
