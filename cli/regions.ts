import { readFile, rename, writeFile } from "node:fs/promises";
import { configuredEndpoint } from "../adapters/aws/endpoints.ts";
import { createNodeCredentials } from "../adapters/aws/node-credentials.ts";
import {
  type AttestedBackend,
  openAttestationFile,
  type RefreshedFacts,
  type RefreshSource,
  readSource,
  writeSource,
} from "../adapters/regions/attestation-file.ts";
import { readAzureDeployments, readManagedIdentityToken } from "../adapters/regions/read-azure-deployments.ts";
import { readBedrockProfiles } from "../adapters/regions/read-bedrock-profiles.ts";
import { CliError, EXIT } from "./exit.ts";
import { fileFault } from "./file-fault.ts";
import { parseOptions } from "./options.ts";
import { print, warn } from "./terminal.ts";

const HELP = `usage: spillway regions update FILE [--source bedrock:REGION | --source azure:SUBSCRIPTION/RESOURCE-GROUP/ACCOUNT --name NAME --target NAMESPACE/XBACKEND...]

Asks a provider's control plane where it processes, and writes that into RegionAttestations of FILE, which check, prove and serve read. Without
--source it refreshes every attestation of FILE that was made so before (annotation spillway.dev/refresh). Comments, other documents and
unknown fields of FILE stay. Shows what changed. Exit 0 when FILE is true now, 1 when something could not be asked, 2 for bad usage.

  --source        what to ask: the inference profiles that a region of Amazon Bedrock can call, or the deployments of an Azure account
  --name          name of the RegionAttestation (default: made from the source)
  --namespace     its namespace, which must be that of a Gateway (default egress-system)
  --target        an XBackend that it is about, as often as wanted; needed when the attestation is not in FILE yet
  --token-file    a token for Azure Resource Manager (else AZURE_ACCESS_TOKEN, else the machine's managed identity)
  --dry-run       write nothing; exit 1 when FILE would change
  --json          what changed as JSON

AWS: the credentials of the environment (AWS_ACCESS_KEY_ID, a web identity, a container); the right bedrock:ListInferenceProfiles.
Azure: the role Cognitive Services Contributor, or Reader.`;

const ARM = "https://management.azure.com";
const IMDS = "http://169.254.169.254";
const TARGET = /^([a-z0-9][a-z0-9-]{0,62})\/([a-z0-9][a-z0-9.-]{0,252})$/;
const LIMIT_MS = 60_000;

/** `spillway regions`. */
export async function runRegions(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions(
    args,
    {
      source: { type: "string" },
      name: { type: "string" },
      namespace: { type: "string" },
      target: { type: "string", multiple: true },
      "token-file": { type: "string" },
      "dry-run": { type: "boolean" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
    true,
  );
  if (values.help === true) {
    print(HELP);
    return EXIT.good;
  }
  const [command, path, ...more] = positionals;
  if (command !== "update") throw new CliError(`regions knows one command, update${command === undefined ? "" : `, not "${command}"`}`);
  if (path === undefined || more.length > 0) throw new CliError("which file? say regions update FILE");
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    // With --source the file may be made.
    if (values.source !== undefined && error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw fileFault(path, "read", error);
  });
  const file = open(text, path);
  const defaultNamespace = values.namespace ?? "egress-system";
  const targets = (values.target ?? []).map(targetOf);
  const known = file.refreshable();
  const asked = values.source === undefined ? known : [{ namespace: null, name: values.name ?? nameFor(sourceOf(values.source)), source: values.source }];
  if (asked.length === 0) throw new CliError(`no RegionAttestation of ${path} says how it is refreshed: make one with --source and --target`);
  const changes: { readonly attestation: string; readonly lines: readonly string[] }[] = [];
  const failures: string[] = [];
  for (const { name, source: written, namespace: own } of asked) {
    const source = sourceOf(written);
    const namespace = own ?? defaultNamespace;
    if (targets.length === 0 && !known.some((one) => one.name === name)) throw new CliError("which backends is it about? say --target NAMESPACE/XBACKEND");
    try {
      const facts = await ask(source, values["token-file"] ?? null, AbortSignal.timeout(LIMIT_MS));
      changes.push({ attestation: `${namespace}/${name}`, lines: file.put({ namespace, name }, source, targets, facts) });
    } catch (error) {
      failures.push(`${writeSource(source)}: ${error instanceof Error ? error.message : "unknown"}`);
    }
  }
  const isChanged = changes.some(({ lines }) => lines.length > 0);
  // All or nothing: a file that is half true would pass for wholly true.
  if (failures.length === 0 && values["dry-run"] !== true) await replace(path, file.text());
  const ok = failures.length === 0 && !(values["dry-run"] === true && isChanged);
  if (values.json === true) print(JSON.stringify({ ok, file: path, changes, failures }, null, 2));
  else {
    for (const { attestation, lines } of changes)
      print(`${attestation}: ${lines.length === 0 ? "nothing changed" : ""}\n${lines.map((line) => `  ${line}`).join("\n")}`.trimEnd());
    for (const failure of failures) warn(`spillway: ${failure}; ${path} is as it was`);
  }
  return ok ? EXIT.good : EXIT.faults;
}

async function ask(source: RefreshSource, tokenFile: string | null, signal: AbortSignal): Promise<RefreshedFacts> {
  const { env } = process;
  const checkedAt = `${new Date().toISOString().slice(0, 19)}Z`;
  if (source.kind === "bedrock") {
    const { region } = source;
    const { profiles, everywhere } = await readBedrockProfiles({
      region,
      credentials: createNodeCredentials(env),
      endpoint: configuredEndpoint(env, "bedrock"),
      signal,
    });
    if (everywhere.length > 0) warn(`spillway: left out, for they may go anywhere: ${everywhere.join(", ")}`);
    return { member: "inferenceProfiles", items: profiles.map((profile) => ({ ...profile })), source: `bedrock:ListInferenceProfiles in ${region}`, checkedAt };
  }
  const token = await tokenFor(tokenFile, signal);
  const endpoint = endpointOf("AZURE_RESOURCE_MANAGER_ENDPOINT", env["AZURE_RESOURCE_MANAGER_ENDPOINT"], ARM);
  const deployments = await readAzureDeployments({ ...source, token, endpoint, signal });
  return { member: "deployments", items: deployments.map((one) => ({ ...one })), source: `Azure Resource Manager, ${writeSource(source)}`, checkedAt };
}

async function tokenFor(file: string | null, signal: AbortSignal): Promise<string> {
  const { env } = process;
  if (file === null) {
    const given = env["AZURE_ACCESS_TOKEN"]?.trim() ?? "";
    return given === ""
      ? readManagedIdentityToken(endpointOf("AZURE_POD_IDENTITY_AUTHORITY_HOST", env["AZURE_POD_IDENTITY_AUTHORITY_HOST"], IMDS), signal)
      : given;
  }
  const token = (await readFile(file, "utf8").catch(() => "")).trim();
  if (token === "") throw new Error("the token file cannot be read, or is empty");
  return token;
}

/** A token goes there: over TLS, or to this machine and its link. */
function endpointOf(name: string, value: string | undefined, otherwise: string): string {
  const url = URL.parse(value?.trim() || otherwise);
  const isNear = url !== null && /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\]|169\.254\.169\.254)$/.test(url.hostname);
  if (url === null || !(url.protocol === "https:" || (url.protocol === "http:" && isNear))) throw new CliError(`${name} must be an https URL`);
  return url.origin;
}

function open(text: string, path: string): ReturnType<typeof openAttestationFile> {
  try {
    return openAttestationFile(text);
  } catch (error) {
    throw new CliError(`${path}: ${error instanceof Error ? error.message : "it is no YAML"}`);
  }
}

async function replace(path: string, text: string): Promise<void> {
  // Whole or not at all: a broker may be watching it.
  const draft = `${path}.${process.pid}.new`;
  await writeFile(draft, text);
  await rename(draft, path);
}

function sourceOf(text: string): RefreshSource {
  const source = readSource(text);
  if (source === null) throw new CliError(`a source is bedrock:REGION or azure:SUBSCRIPTION/RESOURCE-GROUP/ACCOUNT, not "${text}"`);
  return source;
}

function nameFor(source: RefreshSource): string {
  return source.kind === "bedrock" ? `bedrock-${source.region}` : `azure-${source.account.toLowerCase()}`;
}

function targetOf(text: string): AttestedBackend {
  const [, namespace, name] = TARGET.exec(text) ?? [];
  if (namespace === undefined || name === undefined) throw new CliError(`--target is NAMESPACE/XBACKEND, not "${text}"`);
  return { namespace, name };
}
