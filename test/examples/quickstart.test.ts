import { readdirSync, readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { generatedManifests } from "../../examples/quickstart/generated-manifests.ts";
import { describeCall, parseLoggedCall } from "../../examples/quickstart/logged-call.ts";
import { startScreen } from "../../examples/quickstart/screen.ts";
import { takenPorts } from "../../examples/quickstart/taken-ports.ts";
import { PROVIDERS, TOKENS } from "../../examples/quickstart/world.ts";

const FOLDER = resolve(import.meta.dirname, "../../examples/quickstart");
const texts = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => readFileSync(resolve(FOLDER, name), "utf8"));

describe("the quickstart", () => {
  it("names each provider's port once, in the form that the demo replaces", () => {
    for (const { port } of PROVIDERS) expect(texts.join("").split(`{port: ${port}}`)).toHaveLength(2);
  });

  it("is short enough to read in two minutes", () => {
    expect(texts.join("").split("\n").length).toBeLessThan(250);
  });

  it("generates manifests that are YAML, with paths and no values of secrets", () => {
    const text = generatedManifests({ authority: "-----BEGIN CERTIFICATE-----\nx\n", secretFiles: { "openai-key": "/somewhere/openai-key" } });
    const documents = parseAllDocuments(text).map((document) => document.toJS());
    expect(documents).toMatchObject([
      { kind: "ConfigMap", data: { "ca.crt": "-----BEGIN CERTIFICATE-----\nx\n" } },
      { kind: "SecretSource", metadata: { name: "openai-key" }, spec: { file: { path: "/somewhere/openai-key" } } },
    ]);
  });

  it("shows the address and the tokens on its screen", () => {
    const screen = startScreen("http://127.0.0.1:8787", "/somewhere/generated.yaml");
    for (const token of Object.values(TOKENS)) expect(screen).toContain(token);
    expect(screen).toContain("curl -N http://127.0.0.1:8787/v1/chat/completions");
  });

  it("finds out which ports are taken", async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    // A server that listens on TCP has an AddressInfo.
    const { port } = server.address() as AddressInfo;
    expect(await takenPorts([port, 0])).toEqual([port]);
    await new Promise((done) => server.close(done));
    expect(await takenPorts([port])).toEqual([]);
  });
});

describe("the reading of the access log", () => {
  it("skips what is not a call", () => {
    for (const line of ["", "plain", "{broken", '{"msg":"other"}', '{"msg":"egress"}']) expect(parseLoggedCall(line)).toBeNull();
  });

  it("tells a call in one line", () => {
    const call = parseLoggedCall(
      JSON.stringify({
        msg: "egress",
        request_id: "r1",
        namespace: "team-a",
        service_account: "app",
        method: "POST",
        path: "/v1/chat/completions",
        backend: "XBackend/egress-system/openai-us",
        attempts: [
          { backend: "XBackend/egress-system/openai-eu", status: 429, outcome: "answer" },
          { backend: "XBackend/egress-system/openai-us", status: 200, outcome: "answer" },
        ],
        status: 200,
        outcome: "ok",
        input_tokens: 11,
        output_tokens: 30,
        duration_ms: 12.3,
      }),
    );
    expect(call === null ? null : describeCall(call)).toBe(
      "team-a/app  POST /v1/chat/completions  openai-eu 429, then openai-us 200  => 200 ok  11+30 tokens  12 ms",
    );
  });
});
