/** A request as it arrives somewhere. */
export interface ArrivedRequest {
  /** Lower-case, without port; that of Host. */
  readonly host: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** Countries where it may be processed; null: anywhere. */
export type NaivePlace = readonly string[] | null;

const EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split(" ");
const EEA_CH = [...EU, "CH", "IS", "LI", "NO"];

/** What attestations say of the hosts below; the tests give the broker the same. */
export const PROFILE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";

const OPENAI_MODEL =
  /^(gpt-4o|gpt-4o-mini|gpt-4\.1|gpt-4\.1-mini|gpt-4\.1-nano|gpt-4|gpt-4-turbo|gpt-5|gpt-5-mini|gpt-5-nano|o1|o3|o3-mini|o4-mini|gpt-3\.5-turbo|text-embedding-3-(small|large)|text-embedding-ada-002)(-\d{4}-\d\d-\d\d)?$/;
/** What a server would do with a list of tools, if there is one. */
const SERVER_TOOL = /"type"\s*:\s*"(web_search|mcp|code_interpreter|web_fetch|x_search)[^"]*"|"(systemTool|googleSearch|google_search)"\s*:/i;
const TOOLS = /"tools"\s*:/i;
const SERVER_WORK =
  /"type"\s*:\s*"item_reference"|"(web_search_options|mcp_servers|data_sources|search_parameters|plugins|previous_response_id|conversation|file_id|cachedContent|cached_content|guardrailConfig|container)"\s*:(?!\s*null)|"(store|background)"\s*:\s*true|"(url|image_url|fileUri|file_uri)"\s*:\s*"(https?|s3|gs):\/\//i;

/**
 * Where careless providers would process a request: written from their documentation, without a line of the broker's own rules. It reads as
 * leniently as any server might: escapes are undone until there are none, dots and slashes folded, every one of several keys counts, and keys are
 * compared without case.
 */
export function whereProcessed(request: ArrivedRequest, labels: Readonly<Record<string, readonly string[]>>): NaivePlace {
  const path = lenient(request.path);
  const body = request.body.replaceAll(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  const ai =
    /\/(chat\/completions|completions|responses|embeddings|messages)$/i.test(path) ||
    /^\/model\/.+\/(converse|invoke)(-stream)?$|:(stream)?generatecontent$/i.test(path);
  const label = labels[request.host];
  if (ai && (SERVER_WORK.test(body) || (TOOLS.test(body) && SERVER_TOOL.test(body)))) return null;
  const guarded = request.headers.some(([name]) => name.toLowerCase() === "x-amzn-bedrock-guardrailidentifier");
  if (guarded && request.host.startsWith("bedrock")) return null;
  if (label !== undefined) return label;
  const models = valuesOf(body, "model");
  switch (request.host) {
    case "bedrock-runtime.eu-central-1.amazonaws.com":
      return bedrock(path);
    case "europe-west4-aiplatform.googleapis.com":
      return vertex(path);
    case "eu.api.openai.com":
    case "us.api.openai.com": {
      const listing = /^\/v1\/models$/i.test(path);
      if (!listing && (!/^\/v1\/(chat\/completions|responses|embeddings)$/i.test(path) || models.length === 0)) return null;
      if (models.some((model) => !OPENAI_MODEL.test(model))) return null;
      return request.host === "eu.api.openai.com" ? EEA_CH : ["US"];
    }
    case "api.anthropic.com": {
      const said = valuesOf(body, "inference_geo");
      return said.length > 0 && said.every((value) => value === "us") && /^\/v1\/messages$/i.test(path) ? ["US"] : null;
    }
    case "contoso.openai.azure.com": {
      const inPath = /\/deployments\/([^/]+)\//i.exec(path)?.[1];
      const asked = inPath === undefined ? models : [inPath, ...models];
      return asked.length > 0 && asked.every((name) => name === "regional") ? ["SE"] : null;
    }
    case "api.eu.mistral.ai":
      return /^\/v1\/(chat\/completions|embeddings|fim\/completions)$/i.test(path) ? EEA_CH : null;
    default:
      return null;
  }
}

function bedrock(path: string): NaivePlace {
  const id = /^\/model\/(.+)\/(converse|converse-stream|invoke|invoke-with-response-stream|count-tokens)$/i.exec(path)?.[1];
  if (id === undefined || /global\./i.test(id)) return null;
  if (id.startsWith("arn:")) return /^arn:aws:bedrock:eu-central-1:\d*:(foundation-model\/anthropic\.|provisioned-model\/)/.test(id) ? ["DE"] : null;
  if (id === PROFILE) return ["DE", "SE"];
  return /^(anthropic|amazon|meta|mistral)\.[^/]+$/.test(id) ? ["DE"] : null;
}

function vertex(path: string): NaivePlace {
  const match = /\/locations\/([^/]+)\/publishers\/google\/models\/(gemini-2\.5-(?:flash|pro)):(?:generateContent|streamGenerateContent|countTokens)$/i.exec(
    path,
  );
  return match !== null && match[1] === "europe-west4" && path.split("/locations/").length === 2 ? EU : null;
}

/** Every value that any reader could take for this key's; one that is no text reads as something else. */
function valuesOf(body: string, key: string): readonly string[] {
  return [...body.matchAll(new RegExp(`"${key}"\\s*:\\s*("([^"\\\\]*)"|.)`, "gis"))].map((match) => match[2] ?? "\0");
}

function lenient(path: string): string {
  let plain = path.split("?", 1)[0] ?? "";
  for (let round = 0; round < 4; round += 1) plain = plain.replaceAll(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  const kept: string[] = [];
  for (const segment of plain.replaceAll("\\", "/").split("/")) {
    const name = segment.split(";", 1)[0] ?? "";
    if (name === "..") kept.pop();
    else if (name !== "" && name !== ".") kept.push(name);
  }
  return `/${kept.join("/")}`;
}
