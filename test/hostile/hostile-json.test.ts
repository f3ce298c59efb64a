import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { chatBody } from "./chat-bytes.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
import { JSON_BODIES } from "./json-bodies.ts";
import { headerOf, rawCall, requestBytes } from "./raw-client.ts";

let world: HostileWorld;
beforeAll(async () => {
  // A budget, an alias and a price make the broker read the body whatever it holds.
  world = await startHostileWorld({
    firstBackend: { models: '[{name: m, price: {inputPerMTok: "1", outputPerMTok: "1"}}, {name: "*"}]' },
    manifests: {
      rules:
        "  - name: by-model\n    matches: [{headers: [{name: X-Gateway-Model-Name, value: m}]}]\n    backendRefs: [{group: spillway.dev, kind: BackendGroup, name: group}]\n  - name: other\n    backendRefs: [{group: spillway.dev, kind: BackendGroup, name: group}]\n",
    },
  });
});
afterAll(() => world?.close());
beforeEach(() => world.reset());

const GOOD = chatBody();

const call = (body: string | Buffer) => rawCall(requestBytes({ headers: [["authorization", `Bearer ${CALLER_TOKEN}`]], body }), { port: world.port }).answer;

it.each(Object.entries(JSON_BODIES))(
  "T19 T21 B7: a body that is %s makes no 5xx, no hang and no trace of our code; the next call is untouched",
  async (_name, body) => {
    const answer = await call(body);
    expect(answer.end).toBe("clean");
    expect(answer.status).toBeGreaterThanOrEqual(200);
    expect(answer.status).toBeLessThan(500);
    if (answer.status >= 400) expect(headerOf(answer, "x-egress-error")).toMatch(/^request_malformed$|^request_too_large$|^model_unknown$/);
    expect(answer.body).not.toMatch(/\bat .+:\d+:\d+|node:|\.js\b|\.ts\b|SyntaxError|TypeError|RangeError/);
    world.reset();
    expect(await call(GOOD)).toMatchObject({ status: 200, end: "clean" });
    expect(world.first.seen.map((seen) => seen.body.toString())).toEqual([GOOD]);
  },
);
