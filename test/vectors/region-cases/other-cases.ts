import { attest, deny, EEA_CH, EU, processing, table } from "./region-case.ts";

const CHAT = { model: "some-model", messages: [{ role: "user", content: "hello" }] };
const PATH = "/v1/chat/completions";

/** Hosts that prove nothing: only a RegionAttestation counts, the label does not. */
const SILENT: readonly (readonly [string, string])[] = [
  ["api.groq.com", "groq.host"],
  ["api.together.ai", "together.host"],
  ["api.together.xyz", "together.host"],
  ["api.deepseek.com", "deepseek.host"],
  ["api.perplexity.ai", "perplexity.host"],
  ["api.cohere.com", "cohere.host"],
  ["api.cloudflare.com", "workers-ai.host"],
  ["eu-west-1.api.x.ai", "xai.host"],
  ["storage.googleapis.com", "google-storage.host"],
];
/** Hosts that are documented to go anywhere: nothing counts. */
const ROAMING: readonly (readonly [string, string])[] = [
  ["api.mistral.ai", "mistral.host"],
  ["api.x.ai", "xai.host"],
  ["openrouter.ai", "openrouter.host"],
];

export const otherCases = [
  ...SILENT.flatMap(([host, rule]) =>
    table(host, {}, [
      [PATH, CHAT, deny(rule)],
      [PATH, CHAT, deny(rule), { label: "eu-central-1" }],
      [PATH, CHAT, "DE", { attestations: [processing("eu-central-1")] }],
      [PATH, { ...CHAT, tools: [{ type: "browser_search" }] }, deny("content.tool"), { attestations: [processing("eu-central-1")] }],
    ]),
  ),
  ...ROAMING.flatMap(([host, rule]) =>
    table(host, {}, [
      [PATH, CHAT, deny(rule)],
      [PATH, CHAT, deny(rule), { label: "us", attestations: [processing("us")] }],
    ]),
  ),
  ...table("api.eu.mistral.ai", {}, [
    [PATH, { ...CHAT, model: "mistral-large-latest" }, EEA_CH],
    ["/v1/embeddings", { model: "mistral-embed", input: "x" }, EEA_CH],
    ["/v1/agents/completions", CHAT, deny("mistral.path")],
    ["/v1/conversations", CHAT, deny("mistral.path")],
    ["/v1/files", null, deny("mistral.path"), { method: "GET" }],
    ["/v1/ocr", { model: "m", document: {} }, deny("mistral.path")],
    [PATH, { messages: [] }, deny("mistral.model")],
    [PATH, { ...CHAT, tools: [{ type: "web_search" }] }, deny("content.tool")],
    [PATH, CHAT, deny("host.fronted"), { headers: ["host", "api.mistral.ai"] }],
  ]),
  ...table("api.us.mistral.ai", {}, [[PATH, CHAT, "US"]]),
  ...table("us.api.x.ai", {}, [
    [PATH, { ...CHAT, model: "grok-4.6" }, "US"],
    [PATH, { ...CHAT, model: "grok-4" }, deny("xai.model")],
    [PATH, { ...CHAT, model: "grok-4.6", search_parameters: { mode: "auto" } }, deny("content.tool")],
    ["/v1/files", { model: "grok-4.6" }, deny("xai.path")],
    ["/v1/responses", { model: "grok-4.6", input: "x", store: false, tools: [{ type: "x_search" }] }, deny("content.tool")],
  ]),
  ...table("eu.openrouter.ai", {}, [
    ["/api/v1/chat/completions", { ...CHAT, model: "mistralai/mistral-large" }, EU],
    ["/api/v1/chat/completions", { ...CHAT, model: "openai/gpt-4o:online" }, deny("openrouter.model")],
    ["/api/v1/chat/completions", { ...CHAT, models: ["a", "b"] }, deny("content.field")],
    ["/api/v1/chat/completions", { ...CHAT, plugins: [{ id: "web" }] }, deny("content.tool")],
    ["/api/v1/chat/completions", { ...CHAT, provider: { order: ["x"] } }, deny("content.field")],
  ]),
  // Hosts that nobody documents: the owner's label, or an administrator's word before it.
  ...table("inference.example.com", {}, [
    [PATH, CHAT, deny("unknown")],
    [PATH, CHAT, "DE", { label: "eu-central-1" }],
    [PATH, CHAT, "DE", { label: "eu-central-1", port: 8443, ca: "PEM" }],
    [PATH, CHAT, "DE", { label: "eu-central-1", plaintext: true, port: 80 }],
    [PATH, CHAT, "US", { label: "eu-central-1", attestations: [processing("us-east-1")] }],
    [PATH, CHAT, "DE,US", { attestations: [processing("us-east-1"), processing("eu-central-1")] }],
    [PATH, CHAT, "FR", { attestations: [attest({ processing: { regions: [], countries: ["FR"] } })] }],
    [PATH, { ...CHAT, anything: 1, guided_json: {} }, "DE", { label: "eu-central-1" }],
    [PATH, { ...CHAT, tools: [{ type: "web_search" }] }, deny("content.tool"), { label: "eu-central-1" }],
    [PATH, { ...CHAT, Tools: [{ type: "web_search" }] }, deny("content.tool"), { label: "eu-central-1" }],
    [PATH, { ...CHAT, "tool/": [{ type: "web_search" }] }, deny("content.tool"), { label: "eu-central-1" }],
    [PATH, { ...CHAT, Web_Search_Options: {} }, deny("content.tool"), { label: "eu-central-1" }],
    [PATH, { ...CHAT, tool_choice: "auto", tools: [{ type: "function", function: { name: "f" } }] }, "DE", { label: "eu-central-1" }],
    [
      PATH,
      { ...CHAT, messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "https://x.example" } }] }] },
      deny("content.fetch"),
      { label: "eu" },
    ],
    ["/v1/responses", { model: "m", input: "x", previous_response_id: "r" }, deny("content.state"), { label: "eu" }],
    [PATH, '{"model":"a","model":"b"}', deny("content.body"), { label: "eu-central-1" }],
    [PATH, '{"model":"a","model":"b"}', "DE", { label: "eu-central-1", prepared: true }],
    [PATH, "not json", deny("content.body"), { label: "eu-central-1" }],
    [PATH, CHAT, deny("content.body"), { label: "eu-central-1", headers: ["content-encoding", "br"] }],
    ["/v1/chat%2Fcompletions", { ...CHAT, tools: [{ type: "web_search" }] }, deny("content.tool"), { label: "eu-central-1" }],
    ["/v1/Chat/Completions/", { ...CHAT, tools: [{ type: "web_search" }] }, deny("content.tool"), { label: "eu-central-1" }],
    ["/v1/chat/completions;x=1", { ...CHAT, tools: [{ type: "web_search" }] }, deny("content.tool"), { label: "eu-central-1" }],
    ["/v1/chat/%2563ompletions", { ...CHAT, tools: [{ type: "web_search" }] }, deny("content.tool"), { label: "eu-central-1" }],
    ["/upload", "not json", "DE", { label: "eu-central-1" }],
    ["/mcp", { jsonrpc: "2.0", method: "tools/call", params: { name: "x", arguments: { url: "https://x" } } }, "DE", { label: "eu-central-1" }],
    ["/mcp", { jsonrpc: "2.0", method: "tools/call" }, deny("unknown")],
    ["/a2a/v1/message:send", { message: {} }, "DE", { attestations: [processing("eu-central-1")] }],
    [PATH, CHAT, deny("host.fronted"), { label: "eu-central-1", headers: ["host", "api.openai.com"] }],
    [PATH, CHAT, deny("host.fronted"), { label: "eu-central-1", headers: ["host", "us.api.openai.com:443"] }],
    [PATH, CHAT, "DE", { label: "eu-central-1", headers: ["host", "tenant.example.com"] }],
  ]),
];
