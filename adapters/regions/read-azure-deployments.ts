import { readBounded } from "../transport/read-bounded.ts";

/** A deployment as Azure Resource Manager tells of it, in the form of a RegionAttestation. */
export interface AzureDeployment {
  readonly name: string;
  readonly sku: string;
  readonly location: string;
}

/** One account of Azure OpenAI or Foundry. */
export interface AzureAccount {
  readonly subscription: string;
  readonly resourceGroup: string;
  readonly account: string;
}

export interface AzureOptions extends AzureAccount {
  /** A token for Azure Resource Manager. */
  readonly token: string;
  /** Address of Azure Resource Manager, without a last slash. */
  readonly endpoint: string;
  readonly signal: AbortSignal;
}

const API_VERSION = "2024-10-01";
const MAX_PAGES = 100;
const MAX_BYTES = 4 * 1024 * 1024;

/** Why Azure did not tell: its status, never its text. */
export class AzureError extends Error {
  override readonly name = "AzureError";
}

/** SKU and location of every deployment of an account, all pages. Rejects with `AzureError`. */
export async function readAzureDeployments(options: AzureOptions): Promise<readonly AzureDeployment[]> {
  const { subscription, resourceGroup, account, endpoint } = options;
  const names = [subscription, resourceGroup, account].map(encodeURIComponent);
  const path = `/subscriptions/${names[0]}/resourceGroups/${names[1]}/providers/Microsoft.CognitiveServices/accounts/${names[2]}`;
  const location = textOf((await ask(`${endpoint}${path}?api-version=${API_VERSION}`, options))["location"]);
  if (location === null) throw new AzureError("the account has no location");
  const deployments: AzureDeployment[] = [];
  let next: string | null = `${endpoint}${path}/deployments?api-version=${API_VERSION}`;
  for (let page = 0; next !== null; page += 1) {
    // The token goes with every page: to this address and to no other.
    if (page >= MAX_PAGES || new URL(next).origin !== new URL(endpoint).origin)
      throw new AzureError("the next page of deployments leads elsewhere, or there are too many");
    const answer = await ask(next, options);
    if (!Array.isArray(answer["value"])) throw new AzureError("the list of deployments is not one");
    for (const one of answer["value"]) {
      const [name, sku] = [textOf(objectOf(one)["name"]), textOf(objectOf(objectOf(one)["sku"])["name"])];
      if (name === null || sku === null) throw new AzureError("a deployment has no name or no SKU");
      // `Sweden Central` and `swedencentral` are the same.
      deployments.push({ name, sku, location: location.toLowerCase().replaceAll(" ", "") });
    }
    const link = textOf(answer["nextLink"]);
    if (link !== null && !URL.canParse(link)) throw new AzureError("the next page of deployments is not a URL");
    next = link;
  }
  return deployments.sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** A token for Azure Resource Manager of the identity that Azure gave this machine (IMDS). Rejects with `AzureError`. */
export async function readManagedIdentityToken(endpoint: string, signal: AbortSignal): Promise<string> {
  const url = `${endpoint}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=${encodeURIComponent("https://management.azure.com/")}`;
  const token = textOf((await fetchJson(url, { metadata: "true" }, signal))["access_token"]);
  if (token === null) throw new AzureError("the managed identity gave no token");
  return token;
}

function ask(url: string, { token, signal }: AzureOptions): Promise<Readonly<Record<string, unknown>>> {
  return fetchJson(url, { authorization: `Bearer ${token}`, accept: "application/json" }, signal);
}

async function fetchJson(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
  const { host } = new URL(url);
  const answer = await fetch(url, { headers, redirect: "manual", signal }).catch(() => {
    throw new AzureError(`${host} cannot be reached`);
  });
  const bytes = await readBounded(answer, MAX_BYTES);
  if (answer.status !== 200 || bytes === null) throw new AzureError(`${host} answered ${answer.status}`);
  try {
    return objectOf(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    throw new AzureError(`${host} gave an answer that is no JSON`);
  }
}

/** Without members where it is no object. */
function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  // `as`: an object that is no array can be read by any key, and every read gives `unknown`.
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
