import { AwsError } from "../aws/aws-error.ts";
import type { AwsCredentialSource } from "../aws/credentials.ts";
import { awsHost, readEndpoint } from "../aws/endpoints.ts";
import { createSignedExchange } from "../aws/signed-exchange.ts";

/** An inference profile as its control plane tells of it, in the form of a RegionAttestation. */
export interface InferenceProfile {
  /** The id of a profile of AWS's own, the ARN of one of the account's. */
  readonly id: string;
  readonly sourceRegion: string;
  readonly destinationRegions: readonly string[];
}

export interface BedrockProfiles {
  readonly profiles: readonly InferenceProfile[];
  /** Ids of profiles that may go to any region, or of which a region is not told: no attestation could help them. */
  readonly everywhere: readonly string[];
}

export interface BedrockOptions {
  readonly region: string;
  readonly credentials: AwsCredentialSource;
  /** Address in place of AWS's own; null: AWS's. */
  readonly endpoint: string | null;
  readonly signal: AbortSignal;
}

const MAX_PAGES = 100;
const MAX_BYTES = 4 * 1024 * 1024;
const MODEL_REGION = /^arn:aws[a-z-]*:bedrock:([a-z0-9-]*):/;

/** ListInferenceProfiles of one region, all pages, of both types. Rejects with `AwsError`. */
export async function readBedrockProfiles({ region, credentials, endpoint, signal }: BedrockOptions): Promise<BedrockProfiles> {
  const base = endpoint === null ? `https://${awsHost("bedrock", region)}` : readEndpoint(endpoint);
  const exchange = createSignedExchange({ service: "bedrock", region, credentials, timeoutMs: 15_000 });
  const profiles: InferenceProfile[] = [];
  const everywhere: string[] = [];
  for (const type of ["SYSTEM_DEFINED", "APPLICATION"]) {
    let next: string | null = null;
    for (let page = 0; page === 0 || next !== null; page += 1) {
      if (page >= MAX_PAGES) throw malformed();
      const url = new URL(`${base}/inference-profiles`);
      url.searchParams.set("maxResults", "100");
      url.searchParams.set("type", type);
      if (next !== null) url.searchParams.set("nextToken", next);
      const { bytes } = await exchange({ method: "GET", url: url.href, headers: { accept: "application/json" }, body: null, maxBytes: MAX_BYTES, signal });
      const answer = objectOf(parse(bytes));
      const summaries = answer?.["inferenceProfileSummaries"];
      if (!Array.isArray(summaries)) throw malformed();
      for (const summary of summaries) {
        const found = profileOf(objectOf(summary), type, region);
        if (typeof found === "string") everywhere.push(found);
        else profiles.push(found);
      }
      next = textOf(answer?.["nextToken"]);
    }
  }
  return { profiles: profiles.sort((one, other) => (one.id < other.id ? -1 : 1)), everywhere: everywhere.sort() };
}

/** Only its id where some model of it has no region. */
function profileOf(summary: Readonly<Record<string, unknown>> | null, type: string, sourceRegion: string): InferenceProfile | string {
  const id = textOf(summary?.[type === "APPLICATION" ? "inferenceProfileArn" : "inferenceProfileId"]);
  const models = summary?.["models"];
  if (id === null || !Array.isArray(models) || models.length === 0) throw malformed();
  const regions = models.map((model) => MODEL_REGION.exec(textOf(objectOf(model)?.["modelArn"]) ?? "")?.[1] ?? "");
  return regions.includes("") ? id : { id, sourceRegion, destinationRegions: [...new Set(regions)].sort() };
}

function malformed(): AwsError {
  return new AwsError("bedrock", "Malformed", { status: null, retryable: false, attempts: 1 });
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw malformed();
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | null {
  // `as`: an object that is no array can be read by any key, and every read gives `unknown`.
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : null;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
