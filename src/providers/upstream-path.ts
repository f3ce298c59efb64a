import type { ApiProfile } from "../model/backend.ts";

/** Path and query under which a backend of a schema takes a call of its own API. `model` stands in the path where the API has it there, as one segment whatever characters it has. */
export function upstreamPath(api: ApiProfile, { model, stream }: { readonly model: string; readonly stream: boolean }): string {
  const segment = encodeURIComponent(model);
  switch (api.schema) {
    case "OpenAI":
      return `${api.prefix ?? "/v1"}/chat/completions`;
    case "OpenAIResponses":
      return `${api.prefix ?? "/v1"}/responses`;
    case "AzureOpenAI":
      return azurePath(api, segment, "/chat/completions");
    case "Anthropic":
      return `${api.prefix ?? "/v1"}/messages`;
    case "AWSAnthropic":
      return `${api.prefix ?? ""}/model/${segment}/${stream ? "invoke-with-response-stream" : "invoke"}`;
    case "GCPAnthropic":
      return `${publisher(api, "anthropic")}/models/${vertexSegment(segment)}:${stream ? "streamRawPredict" : "rawPredict"}`;
    case "AWSBedrock":
      return `${api.prefix ?? ""}/model/${segment}/${stream ? "converse-stream" : "converse"}`;
    case "Gemini":
      return `${api.prefix ?? "/v1beta"}/models/${segment}:${generate(stream)}`;
    case "GCPVertexAI":
      return `${publisher(api, "google")}/models/${vertexSegment(segment)}:${generate(stream)}`;
  }
}

/** Where Vertex AI counts the tokens of a message for Claude; the model is named in the body. */
export function countTokensPath(api: ApiProfile): string {
  return `${publisher(api, "anthropic")}/models/count-tokens:rawPredict`;
}

function publisher(api: ApiProfile, name: string): string {
  return `${api.prefix ?? "/v1"}/projects/${api.project ?? "-"}/locations/${api.location ?? "-"}/publishers/${name}`;
}

/** Versions of models follow an `@`, which stands in a path as it is. */
function vertexSegment(segment: string): string {
  return segment.replaceAll("%40", "@");
}

/** Azure's own path for an operation: its `v1` API has the deployment in the body, an API version of a date has it in the path. */
export function azurePath(api: ApiProfile, deployment: string, suffix: string): string {
  if (api.apiVersion === null) return `${api.prefix ?? "/openai/v1"}${suffix}`;
  return `${api.prefix ?? "/openai"}/deployments/${deployment}${suffix}?api-version=${encodeURIComponent(api.apiVersion)}`;
}

function generate(stream: boolean): string {
  return stream ? "streamGenerateContent?alt=sse" : "generateContent";
}
