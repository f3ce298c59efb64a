import { afterAll, beforeAll, expect, it } from "vitest";
import { OTHER_TOKEN } from "../fakes/manifests.ts";
import { reply } from "../fakes/upstream.ts";
import { chatAnswer, chatCall } from "./chat-bytes.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { rawCall } from "./raw-client.ts";

/** Both tenants call the same two destinations; the rule that only team-a's calls match has a time limit that nobody could keep to. */
let world: HostileWorld;
beforeAll(async () => {
  const group = "    backendRefs: [{group: spillway.dev, kind: BackendGroup, name: group}]\n";
  world = await startHostileWorld({
    failover: true,
    firstBackend: { concurrency: "{min: 1, max: 4}" },
    manifests: {
      groupSpec: "",
      rules: `  - name: hasty\n    matches: [{headers: [{name: x-hasty, value: yes-please}]}]\n    timeouts: {request: 10s, backendRequest: 20ms}\n${group}  - name: others\n${group}`,
    },
  });
  // A destination that takes its time, as a model does.
  world.firstDoes((socket) => setTimeout(() => socket.write(reply(chatAnswer("first"), { "content-type": "application/json" })), 250));
});
afterAll(() => world?.close());

it("T8: a tenant whose own time limit makes a good destination fail takes it from nobody else: neither out, nor slow, nor fewer calls at once", async () => {
  const { port } = world;
  for (let i = 0; i < 6; i += 1) {
    const hasty = await rawCall(chatCall({ headers: [["x-hasty", "yes-please"]] }), { port }).answer;
    expect(hasty.status).toBe(200);
    expect(hasty.body).toContain("second");
  }
  // Four at once, as many as the destination may have open.
  const others = await Promise.all(Array.from({ length: 4 }, () => rawCall(chatCall({ token: OTHER_TOKEN }), { port }).answer));
  expect(others.map(({ status, body }) => `${status} ${body.includes("first") ? "first" : "second"}`)).toEqual(Array(4).fill("200 first"));
});
