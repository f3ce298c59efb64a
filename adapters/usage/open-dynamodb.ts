import { type UsageStore, UsageStoreError } from "../../src/index.ts";
import { configuredEndpoint } from "../aws/endpoints.ts";
import { createNodeCredentials } from "../aws/node-credentials.ts";
import { createDynamodbUsageStore } from "./dynamodb-store.ts";

/** The store in a table, by the keys, the endpoint and, where the plan has none, the region of the environment. Rejects with `UsageStoreError`, which says what is missing. */
export async function openDynamodbUsage(
  { table, region: planned }: { readonly table: string; readonly region: string | null },
  environment: Readonly<Record<string, string | undefined>>,
): Promise<UsageStore> {
  const region = planned ?? (environment["AWS_REGION"] || environment["AWS_DEFAULT_REGION"]);
  if (!region) throw new UsageStoreError("usage in DynamoDB needs a region: limits.store.dynamodb.region, or AWS_REGION");
  const endpoint = configuredEndpoint(environment, "dynamodb");
  try {
    return createDynamodbUsageStore({ table, region, endpoint, credentials: createNodeCredentials(environment) });
  } catch (error) {
    throw new UsageStoreError(`usage in DynamoDB: ${error instanceof TypeError ? error.message : "it cannot be used"}`);
  }
}
