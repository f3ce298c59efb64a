import { describe, expect, it } from "vitest";
import type { ExchangeOptions } from "../fakes/exchange.ts";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { type Installation, install } from "../pipeline/installation.ts";

/** Rows of the upstream test HTTPRouteCORS, in words and hosts of our own, and what it leaves open. */
const REF = "backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: first}]";
const withCors = (name: string, path: string, cors: object, more = "") =>
  `  - name: ${name}\n    matches: [{path: {type: PathPrefix, value: ${path}}${more}}]\n    filters: [{type: CORS, cors: ${JSON.stringify(cors)}}]\n    ${REF}\n`;

const LISTED = {
  allowOrigins: ["https://app.example", "https://*.apps.example", "http://local.example:8080"],
  allowMethods: ["GET", "PUT"],
  allowHeaders: ["x-one", "x-two"],
  exposeHeaders: ["x-three"],
  allowCredentials: true,
  maxAge: 600,
};
const RULES = [
  withCors("listed", "/listed", LISTED),
  withCors("any", "/any", { allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], exposeHeaders: ["*"] }),
  withCors("any-with-credentials", "/secret", { allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], exposeHeaders: ["*"], allowCredentials: true }),
  withCors("nobody", "/nobody", {}),
  withCors("by-method", "/by-method", { allowOrigins: ["*"], allowMethods: ["POST"] }, ", method: POST"),
  `  - name: none\n    matches: [{path: {type: PathPrefix, value: /none}}]\n    ${REF}\n`,
  `  - name: moved\n    matches: [{path: {type: PathPrefix, value: /moved}}]\n    filters: [{type: CORS, cors: {allowOrigins: ["*"]}}, {type: RequestRedirect, requestRedirect: {hostname: a.example}}]\n`,
].join("");
const start = () => install({ backends: [{ name: "first", port: 8001 }], rules: RULES });

async function ask(one: Installation, options: ExchangeOptions) {
  const fake = await one.call(options);
  const cors = Object.fromEntries(
    ["allow-origin", "allow-methods", "allow-headers", "expose-headers", "max-age", "allow-credentials"].flatMap((name) => {
      const values = fake.header(`access-control-${name}`);
      return values.length === 0 ? [] : [[name, values.length === 1 ? values[0] : values]];
    }),
  );
  return { status: fake.received()?.status, cors, vary: fake.header("vary").join(", "), fake };
}

const preflight = (target: string, origin: string, method: string, headers: readonly string[] = []): ExchangeOptions => ({
  method: "OPTIONS",
  target,
  headers: ["Origin", origin, "Access-Control-Request-Method", method, ...headers],
});
const simple = (target: string, origin: string): ExchangeOptions => ({ target, headers: ["Authorization", `Bearer ${CALLER_TOKEN}`, "Origin", origin] });

describe("a preflight (HTTPRouteCORS)", () => {
  it.each(["https://app.example", "https://one.apps.example", "https://one.two.apps.example", "http://local.example:8080"])(
    "from %s is answered by the broker, without a credential, and nothing is called",
    async (origin) => {
      const one = start();
      const { status, cors, vary } = await ask(one, preflight("/listed/x", origin, "PUT", ["Access-Control-Request-Headers", "x-one"]));
      expect(status).toBe(204);
      expect(cors).toEqual({
        "allow-origin": origin,
        "allow-methods": "GET, PUT",
        "allow-headers": "x-one, x-two",
        "expose-headers": "x-three",
        "max-age": "600",
        "allow-credentials": "true",
      });
      expect(vary).toContain("origin");
      expect(one.transport.sent).toEqual([]);
    },
  );

  it.each([
    "https://other.example",
    "http://app.example",
    "https://app.example:8443",
    "https://apps.example",
    "https://evilapps.example",
    "https://app.example.evil.example",
    "http://local.example",
    "null",
    "https://app.example, https://evil.example",
  ])("from %s gets nothing that a browser would take for a yes", async (origin) => {
    const one = start();
    expect(await ask(one, preflight("/listed", origin, "GET"))).toMatchObject({ status: 204, cors: {} });
    expect(one.transport.sent).toEqual([]);
  });

  it("of any origin is allowed by * without credentials", async () => {
    const { cors } = await ask(start(), preflight("/any", "https://who.example:1234", "DELETE", ["Access-Control-Request-Headers", "x-a, x-b"]));
    expect(cors).toEqual({ "allow-origin": "*", "allow-methods": "DELETE", "allow-headers": "x-a, x-b", "expose-headers": "*", "max-age": "5" });
  });

  it("with credentials never shows a *", async () => {
    const { cors } = await ask(start(), preflight("/secret", "https://who.example", "PUT", ["Access-Control-Request-Headers", "x-a"]));
    expect(cors).toEqual({
      "allow-origin": "https://who.example",
      "allow-methods": "PUT",
      "allow-headers": "x-a",
      "max-age": "5",
      "allow-credentials": "true",
    });
    expect((await ask(start(), preflight("/secret", "null", "PUT"))).cors).toEqual({});
  });

  it("does not echo what is no list of names", async () => {
    const { cors } = await ask(start(), preflight("/any", "https://who.example", "a b", ["Access-Control-Request-Headers", "x-a, <script>"]));
    expect(cors).toEqual({ "allow-origin": "*", "expose-headers": "*", "max-age": "5" });
  });

  it("of a filter without origins is refused to all", async () => {
    expect((await ask(start(), preflight("/nobody", "https://app.example", "GET"))).cors).toEqual({});
  });

  it("is looked up by the method that it asks about too", async () => {
    expect((await ask(start(), preflight("/by-method", "https://app.example", "POST"))).cors).toMatchObject({ "allow-methods": "POST" });
  });

  it("on a rule without CORS is a call like any other: it needs a credential", async () => {
    const one = start();
    expect((await ask(one, preflight("/none", "https://app.example", "GET"))).status).toBe(401);
    expect((await ask(one, { method: "OPTIONS", target: "/listed", headers: ["Origin", "https://app.example"] })).status).toBe(401);
    expect(one.transport.sent).toEqual([]);
  });

  it("is in the log with its rule and without a caller", async () => {
    const one = start();
    await ask(one, preflight("/listed", "https://app.example", "GET"));
    expect(one.log[0]).toMatchObject({ status: 204, outcome: "ok", rule: "team-a/route/listed" });
  });
});

describe("an answer (HTTPRouteCORS)", () => {
  it("carries what the rule says, in place of what the destination says", async () => {
    const one = start();
    one.transport.script("first", {
      status: 200,
      headers: ["Access-Control-Allow-Origin", "*", "access-control-allow-credentials", "false", "access-control-expose-headers", "x-inner", "Vary", "accept"],
      body: "well",
    });
    const { cors, vary } = await ask(one, simple("/listed", "https://app.example"));
    expect(cors).toEqual({ "allow-origin": "https://app.example", "expose-headers": "x-three", "allow-credentials": "true" });
    expect(vary).toBe("accept, origin");
  });

  it("of another origin carries nothing, and is not kept for one that is allowed", async () => {
    const one = start();
    one.transport.script("first", { status: 200, headers: ["access-control-allow-origin", "*"], body: "well" });
    expect(await ask(one, simple("/listed", "https://other.example"))).toMatchObject({ status: 200, cors: {}, vary: "origin" });
  });

  it("names its headers where * may not stand", async () => {
    const one = start();
    one.transport.script("first", { status: 200, headers: ["X-Total", "7", "content-type", "text/plain"], body: "well" });
    const { cors } = await ask(one, simple("/secret", "https://who.example"));
    expect(cors["expose-headers"]).toContain("x-total");
    expect(cors["expose-headers"]).not.toContain("*");
  });

  it("of a rule without CORS is the destination's own business", async () => {
    const one = start();
    one.transport.script("first", { status: 200, headers: ["access-control-allow-origin", "https://theirs.example"], body: "well" });
    expect((await ask(one, simple("/none", "https://theirs.example"))).cors).toEqual({ "allow-origin": "https://theirs.example" });
  });

  it("of the broker's own, once a rule is found, may be read too", async () => {
    const one = start();
    one.transport.script("first", { kind: "connect", detail: "refused", message: "" });
    const { status, cors } = await ask(one, simple("/listed", "https://app.example"));
    expect(status).toBe(502);
    expect(cors).toMatchObject({ "allow-origin": "https://app.example", "allow-credentials": "true" });
  });

  it("that redirects carries them too", async () => {
    expect(await ask(start(), simple("/moved", "https://who.example"))).toMatchObject({ status: 302, cors: { "allow-origin": "*" } });
  });
});

describe("CORS at backendRefs", () => {
  const cors = (origin: string) => `filters: [{type: CORS, cors: {allowOrigins: ["${origin}"]}}]`;
  const ref = (name: string, more = "") => `{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}${more === "" ? "" : `, ${more}`}}`;
  const serve = (rule: string) =>
    install({
      backends: [
        { name: "first", port: 8001 },
        { name: "second", port: 8002 },
      ],
      rules: `  - ${rule}\n`,
    });
  const preflight = { method: "OPTIONS", target: "/x", headers: ["origin", "https://app.example", "access-control-request-method", "GET"] };

  it("counts for the rule where all that get calls say the same", async () => {
    const one = serve(
      `backendRefs: [${ref("first", cors("https://app.example"))}, ${ref("second", cors("https://app.example"))}, ${ref("first", "weight: 0")}]`,
    );
    expect(await ask(one, preflight)).toMatchObject({ status: 204, cors: { "allow-origin": "https://app.example" } });
    expect(await ask(one, { headers: ["origin", "https://app.example", "authorization", `Bearer ${CALLER_TOKEN}`] })).toMatchObject({
      status: 200,
      cors: { "allow-origin": "https://app.example" },
    });
  });

  it.each([
    ["they differ", `backendRefs: [${ref("first", cors("https://app.example"))}, ${ref("second", cors("https://other.example"))}]`],
    ["one has none", `backendRefs: [${ref("first", cors("https://app.example"))}, ${ref("second")}]`],
    ["the rule has its own", `${cors("https://app.example")}\n    backendRefs: [${ref("first", cors("https://app.example"))}]`],
  ])("is refused where %s, for a preflight comes before a destination is picked", async (_, rule) => {
    const one = serve(rule);
    expect((await ask(one, { headers: ["authorization", `Bearer ${CALLER_TOKEN}`] })).status).toBe(500);
    expect(one.transport.sent).toEqual([]);
  });
});
