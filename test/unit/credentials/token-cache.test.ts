import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SecretReference } from "../../../src/model/secret.ts";
import { createTokenWorld, json, numbered, startTokenServer, type TokenReply, type TokenServer, type TokenWorld } from "../../fakes/token-world.ts";
import { fromEnv, planOf, secretOfPlan, sourceRef } from "./compile-credentials.ts";

let world: TokenWorld;
let server: TokenServer;
const signal = new AbortController().signal;
const MINUTE = 60_000;

beforeEach(async () => {
  world = createTokenWorld();
  world.environment["SECRET"] = "canary-client-secret";
  server = await startTokenServer(numbered());
});
afterEach(async () => {
  await world.close();
  await server.close();
});

function reference(path = "/token"): SecretReference {
  const oauth2ClientCredentials = { tokenEndpoint: { url: `${server.url}${path}` }, clientID: "c", clientSecretRef: sourceRef("s") };
  return secretOfPlan(planOf({ type: "OAuth2ClientCredentials", oauth2ClientCredentials }, [fromEnv("s", "SECRET")]));
}
const read = async (token: SecretReference) => {
  const lease = await world.secrets.cache.read(token, signal);
  return `${lease.secret.reveal()}:${lease.state}`;
};
const until = async (condition: () => boolean) => {
  for (let turn = 0; turn < 4_000 && !condition(); turn += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(condition()).toBe(true);
};

describe("a token is held", () => {
  it("one flight for many askers, then no question at all", async () => {
    const token = reference();
    const all = await Promise.all(Array.from({ length: 50 }, () => world.secrets.cache.read(token, signal)));
    expect(new Set(all.map((lease) => lease.secret.reveal()))).toEqual(new Set(["token-1"]));
    expect(server.asked.length).toBe(1);
    expect(world.secrets.cache.peek(token)?.secret.reveal()).toBe("token-1");
  });

  it("and renewed behind a call five minutes before its end", async () => {
    const token = reference();
    await read(token);
    await world.clock.advance(54 * MINUTE);
    expect(await read(token)).toBe("token-1:hit");
    await world.clock.advance(2 * MINUTE);
    expect(await read(token)).toBe("token-1:stale");
    await until(() => world.secrets.cache.peek(token)?.secret.reveal() === "token-2");
    expect(await read(token)).toBe("token-2:hit");
  });

  it("earlier on some instances than on others, never later", async () => {
    const early = createTokenWorld({ random: 1 });
    early.environment["SECRET"] = "s";
    const token = reference();
    await early.secrets.cache.read(token, signal);
    await early.clock.advance(50 * MINUTE);
    expect(early.secrets.cache.peek(token)).toBeNull();
    await early.close();
  });

  it("is served while the endpoint is down, until it really ends and not longer", async () => {
    const token = reference();
    await read(token);
    server.replies = [json({ error: "server_error" }, 503)];
    await world.clock.advance(56 * MINUTE);
    expect(await read(token)).toBe("token-1:stale");
    await until(() => world.events.length > 0);
    await world.clock.advance(3 * MINUTE);
    expect(await read(token)).toBe("token-1:stale");
    await world.clock.advance(MINUTE);
    await expect(read(token)).rejects.toMatchObject({ reason: "unavailable" });
    expect(world.events.map((event) => [event.type, event.subject, event.data["serving"]])).toEqual([
      ["credential.unavailable", "BackendCredentialPolicy/team-a/p", "stale"],
      ["credential.unavailable", "BackendCredentialPolicy/team-a/p", "none"],
    ]);
  });

  it("a refusal at renewal does not take back the token that is held", async () => {
    const token = reference();
    await read(token);
    server.replies = [json({ error: "invalid_client" }, 401)];
    await world.clock.advance(56 * MINUTE);
    expect(await read(token)).toBe("token-1:stale");
    await until(() => world.events.length > 0);
    expect(await read(token)).toBe("token-1:stale");
  });

  it("ends by the wall clock too: an instance may have been frozen", async () => {
    const token = reference();
    await read(token);
    world.clock.jump(60 * MINUTE);
    expect(world.secrets.cache.peek(token)).toBeNull();
    expect(await read(token)).toBe("token-2:miss");
  });

  it("is got anew when the destination says no, once a second at most", async () => {
    const token = reference();
    const { secret } = await world.secrets.cache.read(token, signal);
    const other = await world.secrets.cache.refetch(token, secret, signal);
    expect(other.secret.reveal()).toBe("token-2");
    expect((await world.secrets.cache.refetch(token, other.secret, signal)).secret).toBe(other.secret);
    expect(server.asked.length).toBe(2);
  });

  it("is got anew when the secret that it is made of has been rotated", async () => {
    const token = reference();
    await read(token);
    expect(world.secrets.cache.invalidate((one) => one.location.provider === "token")).toBe(1);
    expect(await read(token)).toBe("token-2:miss");
  });

  it("shares no promise between the requests of a Worker", async () => {
    const worker = createTokenWorld({ shareFlights: false });
    worker.environment["SECRET"] = "s";
    const token = reference();
    expect((await worker.secrets.cache.read(token, signal)).secret.reveal()).toBe("token-1");
    expect((await worker.secrets.cache.read(token, signal)).state).toBe("hit");
    await worker.close();
  });
});

describe("an endpoint that misbehaves", () => {
  const bad: [string, TokenReply, string][] = [
    ["no JSON", (_, response) => void response.end("<html>"), "malformed"],
    ["no token", json({ token_type: "bearer", expires_in: 60 }), "malformed"],
    ["a token that has ended", json({ access_token: "t", token_type: "bearer", expires_in: 0 }), "malformed"],
    ["a refusal", json({ error: "invalid_client", error_description: "canary-client-secret is wrong" }, 400), "denied"],
    ["too many questions", json({}, 429), "unavailable"],
    ["a redirect", (_, response) => void response.writeHead(307, { location: "http://127.0.0.1:1/" }).end(), "unavailable"],
    ["more than 1 MiB", (_, response) => void response.end(`{"access_token":"${"t".repeat(1_100_000)}"}`), "malformed"],
    ["a broken connection", (_, response) => void response.destroy(), "unavailable"],
  ];
  it.each(bad)("%s: no token, and nothing of it is quoted", async (_, reply, reason) => {
    server.replies = [reply];
    const error: unknown = await read(reference()).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: "SecretStoreError", reason });
    expect(`${String(error)} ${JSON.stringify(world.events)} ${JSON.stringify(world.secrets.cache.status())}`).not.toContain("canary");
  });

  it("silence: given up after its time", async () => {
    server.replies = [() => {}];
    const failed = read(reference()).catch((caught: unknown) => caught);
    await until(() => server.asked.length === 1);
    await world.clock.advance(5_000);
    expect(await failed).toMatchObject({ reason: "unavailable" });
  });

  it("one that is down does not hold up another", async () => {
    const other = await startTokenServer(numbered());
    server.replies = [() => {}];
    const stuck = read(reference()).catch((caught: unknown) => caught);
    await until(() => server.asked.length === 1);
    const oauth2ClientCredentials = { tokenEndpoint: { url: `${other.url}/token` }, clientID: "d", clientSecretRef: sourceRef("s") };
    const plan = planOf({ type: "OAuth2ClientCredentials", oauth2ClientCredentials }, [fromEnv("s", "SECRET")]);
    const second = { ...secretOfPlan(plan), id: "BackendCredentialPolicy/team-a/second" };
    expect(await read(second)).toBe("token-1:miss");
    await world.clock.advance(5_000);
    expect(await stuck).toMatchObject({ reason: "unavailable" });
    await other.close();
  });
});
