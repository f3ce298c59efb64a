import type { ApiProfile } from "../model/backend.ts";

/** Path and query under which a backend of a schema takes a call of its own API. `model` stands in the path where the API has it there, as one segment whatever characters it has. */
export function upstreamPath(api: ApiProfile, { model, stream }: { readonly model: string; readonly stream: boolean }): string {
  const segment = encodeURIComponent(model);
  switch (api.schema) {
    case "OpenAI":
      return `${api.prefix ?? "/v1"}/chat/completions`;
    case "AzureOpenAI":
      return azurePath(api, segment, "/chat/completions");
    case "Anthropic":
      return `${api.prefix ?? "/v1"}/messages`;
    case "AWSBedrock":
      return `${api.prefix ?? ""}/model/${segment}/${stream ? "converse-stream" : "converse"}`;
    case "Gemini":
      return `${api.prefix ?? "/v1beta"}/models/${segment}:${generate(stream)}`;
    case "GCPVertexAI":
      return `${api.prefix ?? "/v1"}/projects/${api.project ?? "-"}/locations/${api.location ?? "-"}/publishers/google/models/${segment}:${generate(stream)}`;
  }
}

/** Azure's own path for an operation: its `v1` API has the deployment in the body, an API version of a date has it in the path. */
export function azurePath(api: ApiProfile, deployment: string, suffix: string): string {
  if (api.apiVersion === null) return `${api.prefix ?? "/openai/v1"}${suffix}`;
  return `${api.prefix ?? "/openai"}/deployments/${deployment}${suffix}?api-version=${encodeURIComponent(api.apiVersion)}`;
}

function generate(stream: boolean): string {
  return stream ? "streamGenerateContent?alt=sse" : "generateContent";
}
