import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createUndiciTransport } from "../../adapters/transport/undici-transport.ts";
import { createSecrets } from "../../src/credentials/create-secrets.ts";
import { tokenEndpoint } from "../../src/credentials/tokens/token-endpoint.ts";
import type { ControlCall, ControlRequest, Transport } from "../../src/model/ports.ts";
import { Secret, type SecretReference } from "../../src/model/secret.ts";
import type { TokenPlan } from "../../src/model/token-plan.ts";
import { createControlCall } from "../../src/transport/control-call.ts";
import { createFakeClock } from "../fakes/clock.ts";
import { createFakeSecretStore, fakeReference } from "../fakes/secret-store.ts";
import { json, startTokenServer, type TokenServer } from "../fakes/token-world.ts";

const signal = new AbortController().signal;
let inside: TokenServer;
beforeAll(async () => {
  inside = await startTokenServer(json({ access_token: "t", token_type: "bearer" }));
});
afterAll(() => inside.close());

const endpointAt = (address: string) => {
  const endpoint = tokenEndpoint(address);
  if (typeof endpoint === "string") throw new Error(endpoint);
  return endpoint;
};
const ask = (address: string, changes: Partial<ControlRequest> = {}): ControlRequest => ({
  endpoint: endpointAt(address),
  method: "POST",
  headers: ["authorization", "Basic canary"],
  body: null,
  clientCertificate: null,
  revocationLists: [],
  ...changes,
});

describe("a token endpoint as the way to the inside", () => {
  it.each([["127.0.0.1"], ["169.254.169.254"], ["10.0.0.7"], ["::1"], ["93.184.216.34", "127.0.0.1"]])(
    "a name that leads to %s is not asked",
    async (...addresses) => {
      const transport = createUndiciTransport({ lookup: async () => addresses });
      const call = createControlCall(transport, createFakeClock());
      const { port } = new URL(inside.url);
      await expect(call(ask(`https://idp.example.com:${port}/token`), signal)).rejects.toMatchObject({ reason: "unavailable" });
      expect(inside.asked).toEqual([]);
      await transport.close();
    },
  );

  it.each([
    "http://idp.example.com/token",
    "http://169.254.169.253/",
    "http://[::ffff:169.254.169.254]/",
    "https://169.254.169.1/",
    "http://metadata.google.internal.example.com/",
    "http://2130706434/",
    "file:///etc/passwd",
    "https://a@idp.example.com/",
    "https://idp.example.com/#x",
  ])("%s is no endpoint", (address) => {
    expect(typeof tokenEndpoint(address)).toBe("string");
  });

  it("the metadata services have one address each, which no resolver may change", () => {
    for (const [address, at] of [
      ["http://metadata.google.internal/", "169.254.169.254"],
      ["http://169.254.170.23/v1/credentials", "169.254.170.23"],
      ["http://[fd00:ec2::23]/v1/credentials", "fd00:ec2::23"],
      ["http://localhost:1/", "127.0.0.1"],
    ] as const) {
      expect(endpointAt(address)).toMatchObject({ local: true, dns: { addresses: [at] } });
    }
  });
});

describe("the door for calls of the broker's own", () => {
  const sent: unknown[] = [];
  const port: Transport = {
    features: new Set(),
    dispatch: async (request) => {
      sent.push(request);
      return { kind: "cancelled", message: "" };
    },
    close: async () => {},
  };
  const call = createControlCall(port, createFakeClock());

  it.each<readonly [string, Partial<ControlRequest>]>([
    ["another Host", { headers: ["Host", "evil.example"] }],
    ["a header that ends the head", { headers: ["x", "a\r\nb: c"] }],
    ["a path that leaves its own", { endpoint: { ...endpointAt("https://idp.example.com/a"), path: "/a/../b" } }],
    ["plaintext under a TLS scheme", { endpoint: { ...endpointAt("https://idp.example.com/a"), tls: null } }],
    ["an own machine without an address", { endpoint: { ...endpointAt("http://127.0.0.1/a"), dns: endpointAt("https://idp.example.com/").dns } }],
  ])("refuses %s, and nothing leaves", async (_, changes) => {
    await expect(call(ask("https://idp.example.com/a", changes), signal)).rejects.toMatchObject({ reason: "denied" });
    expect(sent).toEqual([]);
  });

  it("lets the rest through", async () => {
    await expect(call(ask("https://idp.example.com/a"), signal)).rejects.toMatchObject({ reason: "unavailable" });
    expect(sent).toHaveLength(1);
  });
});

describe("Google's and Azure's metadata services, which answer on the link only", () => {
  const asked: { url: string; headers: readonly string[] }[] = [];
  const read = async (plan: TokenPlan, body: string) => {
    const call: ControlCall = async ({ endpoint, headers }) => {
      asked.push({ url: `${endpoint.origin.scheme}://${endpoint.authority}${endpoint.path}`, headers });
      return { status: 200, headers: [], bytes: new TextEncoder().encode(body) };
    };
    const store = createFakeSecretStore("missing");
    const { cache } = createSecrets({ stores: [store], clock: createFakeClock(), random: () => 0, emit: () => {}, call });
    const reference: SecretReference = { ...fakeReference(), location: { provider: "token", plan, subject: null } };
    return (await cache.read(reference, signal)).secret;
  };

  it("are asked as they want it, with a header that no page of a browser can send", async () => {
    const google = { flow: "googleMetadata", endpoint: endpointAt("http://metadata.google.internal/computeMetadata/v1/") } as const;
    const access = await read(
      { ...google, token: { kind: "access", scopes: ["https://a", "https://b"] } },
      '{"access_token":"g","expires_in":1800,"token_type":"Bearer"}',
    );
    expect([access.reveal(), access.goodForMs]).toEqual(["g", 1_800_000]);
    const claims = Buffer.from(JSON.stringify({ exp: Date.UTC(2026, 10, 22, 12, 30) / 1_000 })).toString("base64url");
    const identity = await read({ ...google, token: { kind: "identity", audience: "https://run.example/x y" } }, `eyJh.${claims}.c2ln\n`);
    expect([identity.reveal(), identity.goodForMs]).toEqual([`eyJh.${claims}.c2ln`, 1_800_000]);
    const azure = {
      flow: "azureManagedIdentity",
      endpoint: endpointAt("http://169.254.169.254/metadata/identity/oauth2/token"),
      resource: "https://r",
      clientId: null,
    } as const;
    expect((await read(azure, '{"access_token":"z","expires_in":"86399","token_type":"Bearer"}')).goodForMs).toBe(43_200_000);
    expect(asked.map((one) => one.url)).toEqual([
      "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token?scopes=https%3A%2F%2Fa%2Chttps%3A%2F%2Fb",
      "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity?audience=https%3A%2F%2Frun.example%2Fx%20y&format=full",
      "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fr",
    ]);
    expect(asked.map((one) => one.headers.slice(0, 2))).toEqual([
      ["metadata-flavor", "Google"],
      ["metadata-flavor", "Google"],
      ["metadata", "true"],
    ]);
    expect(JSON.stringify(new Secret("g", null, 1))).toBe('"[secret]"');
  });
});
