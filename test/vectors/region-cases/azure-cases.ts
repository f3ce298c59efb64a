import { attest, deny, EU, processing, table } from "./region-case.ts";

const CHAT = { messages: [{ role: "user", content: "hello" }] };
const HOST = "contoso.openai.azure.com";
const path = (deployment: string, operation = "chat/completions") => `/openai/deployments/${deployment}/${operation}?api-version=2025-04-01-preview`;
const DEPLOYMENTS = attest({
  fromControlPlane: true,
  deployments: [
    { name: "regional", sku: "Standard", location: "swedencentral" },
    { name: "provisioned", sku: "ProvisionedManaged", location: "francecentral" },
    { name: "zone-eu", sku: "DataZoneStandard", location: "swedencentral" },
    { name: "zone-us", sku: "DataZoneProvisionedManaged", location: "eastus2" },
    { name: "zone-ch", sku: "DataZoneStandard", location: "switzerlandnorth" },
    { name: "zone-uk", sku: "DataZoneStandard", location: "uksouth" },
    { name: "global", sku: "GlobalStandard", location: "swedencentral" },
    { name: "global-ptu", sku: "GlobalProvisionedManaged", location: "swedencentral" },
    { name: "dev", sku: "DeveloperTier", location: "swedencentral" },
    { name: "batch", sku: "GlobalBatch", location: "swedencentral" },
    { name: "new-sku", sku: "QuantumStandard", location: "swedencentral" },
    { name: "nowhere", sku: "Standard", location: "atlantis" },
    { name: "twice", sku: "Standard", location: "swedencentral" },
    { name: "twice-global", sku: "Standard", location: "swedencentral" },
  ],
});
const SECOND = attest({
  deployments: [
    { name: "twice", sku: "Standard", location: "eastus" },
    { name: "twice-global", sku: "GlobalStandard", location: "swedencentral" },
  ],
});

export const azureCases = [
  ...table(HOST, { attestations: [DEPLOYMENTS] }, [
    [path("regional"), CHAT, "SE"],
    [path("regional", "embeddings"), { input: "x" }, "SE"],
    [path("provisioned"), CHAT, "FR"],
    [path("zone-eu"), CHAT, EU],
    [path("zone-us"), CHAT, "US"],
    [path("zone-ch"), CHAT, deny("azure.sku")],
    [path("zone-uk"), CHAT, deny("azure.sku")],
    [path("global"), CHAT, deny("azure.sku")],
    [path("global-ptu"), CHAT, deny("azure.sku")],
    [path("dev"), CHAT, deny("azure.sku")],
    [path("batch"), CHAT, deny("azure.sku")],
    [path("new-sku"), CHAT, deny("azure.sku")],
    [path("nowhere"), CHAT, deny("azure.sku")],
    [path("unknown"), CHAT, deny("azure.deployment")],
    [path("Regional"), CHAT, deny("azure.deployment")],
    [path("gpt-4o"), CHAT, deny("azure.deployment")],
    [path("regional%2F..%2Fglobal"), CHAT, deny("azure.path")],
    [path("regional/../global"), CHAT, deny("azure.path")],
    [path("regional;x"), CHAT, deny("azure.path")],
    [path("regional", "images/generations"), CHAT, deny("azure.path")],
    [path("regional", "extensions/chat/completions"), CHAT, deny("azure.path")],
    [path("regional", "audio/transcriptions"), CHAT, deny("azure.path")],
    [path("regional"), { ...CHAT, model: "regional" }, "SE"],
    [path("regional"), { ...CHAT, model: "global" }, deny("azure.path")],
    [path("regional"), { ...CHAT, model: "gpt-4o" }, "SE", { prepared: true }],
    [path("regional"), CHAT, deny("azure.path"), { method: "GET" }],
    [`${path("regional")}&deployment=global`, CHAT, deny("azure.query")],
    [`${path("regional")}&api-version=x`, CHAT, deny("azure.query")],
    ["/openai/v1/chat/completions", { ...CHAT, model: "regional" }, "SE"],
    ["/openai/v1/chat/completions", { ...CHAT, model: "global" }, deny("azure.sku")],
    ["/openai/v1/chat/completions", CHAT, deny("azure.path")],
    ["/openai/v1/responses", { model: "zone-eu", input: "x", store: false }, EU],
    ["/openai/v1/responses", { model: "zone-eu", input: "x", store: true }, deny("content.state")],
    ["/openai/v1/files", null, deny("azure.path"), { method: "GET" }],
    ["/openai/v1/batches", { model: "regional" }, deny("azure.path")],
    ["/openai/realtime", null, deny("azure.path"), { method: "GET" }],
    [path("regional"), { ...CHAT, data_sources: [{ type: "azure_search" }] }, deny("content.tool")],
    [path("regional"), { ...CHAT, tools: [{ type: "mcp" }] }, deny("content.tool")],
    [path("regional"), CHAT, deny("host.unproven"), { port: 8443 }],
    [path("regional"), CHAT, "SE", { ca: "PEM", label: "swedencentral" }],
  ]),
  ...table(HOST, {}, [
    [path("regional"), CHAT, deny("azure.deployment")],
    [path("regional"), CHAT, deny("azure.deployment"), { label: "swedencentral" }],
    [path("regional"), CHAT, deny("azure.deployment"), { attestations: [processing("swedencentral")] }],
  ]),
  ...table(HOST, { attestations: [DEPLOYMENTS, SECOND] }, [
    [path("twice"), CHAT, "SE,US"],
    [path("twice-global"), CHAT, deny("azure.sku")],
  ]),
  ...table("contoso.services.ai.azure.com", { attestations: [DEPLOYMENTS] }, [
    ["/models/chat/completions?api-version=2024-05-01-preview", { ...CHAT, model: "regional" }, "SE"],
    ["/anthropic/v1/messages", { model: "regional", max_tokens: 1, messages: [] }, "SE"],
    ["/api/projects/p/agents", CHAT, deny("azure.path")],
  ]),
  ...table("contoso.cognitiveservices.azure.com", { attestations: [DEPLOYMENTS] }, [[path("regional"), CHAT, "SE"]]),
  ...table("contoso.openai.azure.us", {}, [[path("regional"), CHAT, deny("azure.deployment")]]),
];
