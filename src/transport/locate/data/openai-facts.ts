import type { FactSource } from "./fact-table.ts";

/** A path that the regional hosts serve. */
export interface OpenAiPath {
  readonly method: string;
  readonly path: string;
  /** It carries no content, so no model has to be named. */
  readonly listing: boolean;
}

/** OpenAI: hosts that process in their region, the paths and the models for which that is documented. */
export const OPENAI_FACTS: FactSource & {
  /** Region by host. Hosts that only store in a region stand in none of these and need an attestation. */
  readonly processing: ReadonlyMap<string, "us" | "eu" | "ae">;
  readonly storageOnly: ReadonlySet<string>;
  readonly paths: readonly OpenAiPath[];
  /** Names of models, each also with a date behind it (`gpt-4.1-2025-04-14`). */
  readonly models: ReadonlySet<string>;
  /** Regions whose own short list of models is not in this table: each model has to be attested. */
  readonly modelsUnlisted: ReadonlySet<string>;
} = {
  checkedAt: "2026-11-22",
  source: "OpenAI platform documentation: Data residency; Your data; openai-node (the regions of its dataResidency option)",
  processing: new Map<string, "us" | "eu" | "ae">([
    ["us.api.openai.com", "us"],
    ["eu.api.openai.com", "eu"],
    ["ae.api.openai.com", "ae"],
  ]),
  storageOnly: new Set(["au", "ca", "jp", "in", "sg", "kr", "gb"]),
  paths: [
    { method: "POST", path: "/v1/chat/completions", listing: false },
    { method: "POST", path: "/v1/responses", listing: false },
    { method: "POST", path: "/v1/embeddings", listing: false },
    { method: "GET", path: "/v1/models", listing: true },
  ],
  models: new Set([
    "gpt-3.5-turbo",
    "gpt-4",
    "gpt-4-turbo",
    "gpt-4.1",
    "gpt-4.1-mini",
    "gpt-4.1-nano",
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-5",
    "gpt-5-mini",
    "gpt-5-nano",
    "o1",
    "o3",
    "o3-mini",
    "o4-mini",
    "text-embedding-3-large",
    "text-embedding-3-small",
    "text-embedding-ada-002",
  ]),
  modelsUnlisted: new Set(["ae"]),
};
