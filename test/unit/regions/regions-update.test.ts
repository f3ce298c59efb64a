import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FakeAwsService, startFakeAwsService } from "../../fakes/aws-service.ts";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } from "../../fakes/aws-signature.ts";

const BINARY = resolve(import.meta.dirname, "../../../dist/spillway.js");
const ARN = (region: string) => ({ modelArn: `arn:aws:bedrock:${region}::foundation-model/anthropic.claude-x` });

let bedrock: FakeAwsService;
let azure: Server;
let azureUrl = "";
const azureSeen: { readonly url: string; readonly authorization: string | undefined; readonly metadata: string | undefined }[] = [];
let answerAzure: (url: string, response: ServerResponse) => void = () => {};
let folder = "";
let file = "";

beforeAll(async () => {
  bedrock = await startFakeAwsService({ region: "eu-central-1", service: "bedrock" });
  azure = createServer((request: IncomingMessage, response) => {
    azureSeen.push({ url: request.url ?? "", authorization: request.headers.authorization, metadata: request.headers["metadata"]?.toString() });
    answerAzure(request.url ?? "", response);
  });
  await new Promise<void>((done) => azure.listen(0, "127.0.0.1", done));
  azureUrl = `http://127.0.0.1:${(azure.address() as AddressInfo).port}`; // it listens on TCP
  folder = await mkdtemp(join(tmpdir(), "spillway-regions-"));
});
beforeEach(() => {
  file = join(folder, `${crypto.randomUUID()}.yaml`);
  azureSeen.length = 0;
  bedrock.requests.length = 0;
});
afterAll(async () => {
  await bedrock?.close();
  azure?.close();
  await rm(folder, { recursive: true, force: true });
});

function update(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const environment = {
    PATH: process.env["PATH"] ?? "",
    AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY,
    AWS_ENDPOINT_URL_BEDROCK: bedrock.url,
    AZURE_RESOURCE_MANAGER_ENDPOINT: azureUrl,
    AZURE_POD_IDENTITY_AUTHORITY_HOST: azureUrl,
    ...env,
  };
  return new Promise((done) => {
    const child = execFile(process.execPath, [BINARY, "regions", "update", ...args], { timeout: 80_000, env: environment }, (_error, out, err) =>
      done({ code: child.exitCode, out, err }),
    );
  });
}

/** Pages as ListInferenceProfiles gives them: two of AWS's own, one of the account's. */
function scriptBedrock(destinations: readonly string[]): void {
  bedrock.script = [
    (request, response) => {
      const url = new URL(request.url, "http://bedrock");
      const page = (items: readonly object[], nextToken?: string) => response.end(JSON.stringify({ inferenceProfileSummaries: items, nextToken }));
      if (url.pathname !== "/inference-profiles") return void response.writeHead(404).end();
      if (url.searchParams.get("type") === "APPLICATION")
        return void page([
          { inferenceProfileArn: "arn:aws:bedrock:eu-central-1:1:application-inference-profile/own", inferenceProfileId: "own", models: [ARN("eu-west-1")] },
        ]);
      if (url.searchParams.get("nextToken") === null)
        return void page([{ inferenceProfileId: "eu.anthropic.claude-x", inferenceProfileArn: "arn:x", models: destinations.map(ARN) }], "more/+=&");
      expect(url.searchParams.get("nextToken")).toBe("more/+=&");
      return void page([{ inferenceProfileId: "global.anthropic.claude-x", inferenceProfileArn: "arn:y", models: [ARN("")] }]);
    },
  ];
}

describe("spillway regions update, Bedrock", () => {
  it("makes an attestation from every page, refreshes it by itself afterwards, and keeps what it does not know", async () => {
    scriptBedrock(["eu-west-1", "eu-central-1"]);
    const made = await update([file, "--source", "bedrock:eu-central-1", "--target", "team-a/bedrock-eu"]);
    expect(made.err).toContain("global.anthropic.claude-x");
    expect(made.code).toBe(0);
    expect(bedrock.requests.every(({ signed }) => signed)).toBe(true);
    expect(bedrock.requests).toHaveLength(3);
    const text = await readFile(file, "utf8");
    expect(text).toContain("spillway.dev/refresh: bedrock:eu-central-1");
    expect(text).toContain("from: ControlPlane");
    expect(text).toMatch(/id: eu\.anthropic\.claude-x\n\s+sourceRegion: eu-central-1\n\s+destinationRegions:\n\s+- eu-central-1\n\s+- eu-west-1\n/);
    expect(text).not.toContain("global.");
    await writeFile(
      file,
      `# kept by hand\n${text.replace("spec:", "spec: # the place\n  futureField: kept")}---\napiVersion: v1\nkind: Namespace\nmetadata: {name: other}\n`,
    );

    scriptBedrock(["eu-west-1", "eu-central-2"]);
    const dry = await update([file, "--dry-run"]);
    expect(dry.code).toBe(1);
    expect(await readFile(file, "utf8")).not.toContain("eu-central-2");
    const changed = await update([file]);
    expect(changed.code).toBe(0);
    expect(changed.out).toContain('- eu.anthropic.claude-x from eu-central-1: {"destinationRegions":["eu-central-1","eu-west-1"]');
    expect(changed.out).toContain('+ eu.anthropic.claude-x from eu-central-1: {"destinationRegions":["eu-central-2","eu-west-1"]');
    const after = await readFile(file, "utf8");
    for (const kept of ["# kept by hand", "# the place", "futureField: kept", "name: other"]) expect(after).toContain(kept);
    const same = await update([file, "--json"]);
    expect(JSON.parse(same.out)).toMatchObject({ ok: true, changes: [{ attestation: "egress-system/bedrock-eu-central-1", lines: [] }], failures: [] });
  });

  it("leaves the file alone when AWS says no, and says so without a secret", async () => {
    scriptBedrock(["eu-west-1"]);
    const refused = await update([file, "--source", "bedrock:eu-central-1", "--target", "team-a/b"], { AWS_SECRET_ACCESS_KEY: "a wrong one" });
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("bedrock:eu-central-1");
    expect(refused.err).not.toContain("a wrong one");
    await expect(readFile(file, "utf8")).rejects.toThrow();
  });
});

describe("spillway regions update, Azure", () => {
  const ACCOUNT = "/subscriptions/0000-1/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/contoso";
  const source = ["--source", "azure:0000-1/rg/contoso", "--target", "team-a/azure"];
  const answerWell = (next: string) => (url: string, response: ServerResponse) => {
    if (url.startsWith("/metadata/identity")) return void response.end(JSON.stringify({ access_token: "machine-token" }));
    if (url === `${ACCOUNT}?api-version=2024-10-01`) return void response.end(JSON.stringify({ location: "Sweden Central" }));
    if (url === `${ACCOUNT}/deployments?api-version=2024-10-01`)
      return void response.end(JSON.stringify({ value: [{ name: "zone", sku: { name: "DataZoneStandard", capacity: 1 } }], nextLink: next }));
    if (url === "/next-page") return void response.end(JSON.stringify({ value: [{ name: "chat", sku: { name: "Standard" } }] }));
    return void response.writeHead(404).end();
  };

  it("writes SKU and location of every deployment, with a token of a file, of the environment or of the machine", async () => {
    answerAzure = answerWell(`${azureUrl}/next-page`);
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, "file-token\n");
    expect((await update([file, ...source, "--token-file", tokenFile])).code).toBe(0);
    expect(await readFile(file, "utf8")).toMatch(/- name: chat\n\s+sku: Standard\n\s+location: swedencentral\n\s+- name: zone\n\s+sku: DataZoneStandard\n/);
    expect(new Set(azureSeen.map(({ authorization }) => authorization))).toEqual(new Set(["Bearer file-token"]));
    azureSeen.length = 0;
    expect((await update([file], { AZURE_ACCESS_TOKEN: "given-token" })).code).toBe(0);
    expect(azureSeen.at(-1)?.authorization).toBe("Bearer given-token");
    azureSeen.length = 0;
    expect((await update([file])).code).toBe(0);
    expect(azureSeen[0]).toMatchObject({ metadata: "true" });
    expect(azureSeen.at(-1)?.authorization).toBe("Bearer machine-token");
  });

  it("follows no page to another address: the token would go along", async () => {
    answerAzure = answerWell("http://127.0.0.2:1/elsewhere");
    const led = await update([file, ...source], { AZURE_ACCESS_TOKEN: "given-token" });
    expect(led.code).toBe(1);
    expect(led.err).toContain("leads elsewhere");
    expect(led.err).not.toContain("given-token");
  });
});

it("is told of bad usage", async () => {
  expect((await update([])).code).toBe(2);
  expect(await update([file])).toMatchObject({ code: 1, err: expect.stringContaining("there is no such file") });
  await writeFile(file, "");
  expect((await update([file])).code).toBe(2);
  expect((await update([file, "--source", "gopher:x"])).code).toBe(2);
});
