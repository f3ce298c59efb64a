import type { FactSource } from "./fact-table.ts";

/** An area inside which Google says that machine learning processing stays. */
export type VertexArea = "us" | "eu";

/** Vertex AI: which locations belong to which area, and which models are promised to stay there. Whatever is not listed needs an attestation. */
export const VERTEX_FACTS: FactSource & {
  readonly areaOfLocation: ReadonlyMap<string, VertexArea>;
  readonly models: ReadonlyMap<string, ReadonlySet<VertexArea>>;
} = {
  checkedAt: "2026-11-22",
  source: "Google Cloud: Data residency for Generative AI on Vertex AI, tables of ML processing",
  areaOfLocation: new Map<string, VertexArea>([
    ["us", "us"],
    ["us-central1", "us"],
    ["us-east1", "us"],
    ["us-east4", "us"],
    ["us-east5", "us"],
    ["us-south1", "us"],
    ["us-west1", "us"],
    ["us-west4", "us"],
    ["eu", "eu"],
    ["europe-west3", "eu"],
    ["europe-west4", "eu"],
    ["europe-west9", "eu"],
  ]),
  models: new Map<string, ReadonlySet<VertexArea>>(
    [
      "gemini-2.0-flash-001",
      "gemini-2.0-flash-lite-001",
      "gemini-2.5-flash",
      "gemini-2.5-flash-image",
      "gemini-2.5-flash-lite",
      "gemini-2.5-pro",
      "gemini-embedding-001",
      "text-embedding-004",
      "text-embedding-005",
      "text-multilingual-embedding-002",
    ].map((model) => [model, new Set<VertexArea>(["us", "eu"])]),
  ),
};
