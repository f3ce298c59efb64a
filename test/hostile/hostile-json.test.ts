import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { chatBody } from "./chat-bytes.ts";
import { type HostileWorld, startHostileWorld } from "./hostile-world.ts";
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
const BODIES: Readonly<Record<string, string | Buffer>> = {
  empty: "",
  "no JSON": "hello there",
  "cut short": GOOD.slice(0, -5),
  "a trailing brace": `${GOOD}}`,
  "a NUL escape": '{"model":"m\\u0000","messages":[]}',
  "a byte order mark": `\ufeff${GOOD}`,
  "UTF-16": Buffer.from(GOOD, "utf16le"),
  "bad UTF-8": Buffer.concat([Buffer.from('{"model":"m'), Buffer.from([0xff, 0xfe, 0xc0]), Buffer.from('","messages":[]}')]),
  "an array": "[1,2,3]",
  "a number": "42",
  null: "null",
  "a string": '"m"',
  NaN: '{"model":"m","temperature":NaN,"messages":[]}',
  "duplicate keys": '{"model":"m","model":"other","messages":[],"messages":null}',
  "huge numbers": `{"model":"m","n":1e999999,"k":${"9".repeat(5_000)},"messages":[]}`,
  "arrays 100,000 deep": `{"model":"m","messages":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
  "objects 50,000 deep": `{"model":"m","messages":[],"a":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`,
  "a lone surrogate": '{"model":"\\ud800","messages":[]}',
  "__proto__ and constructor.prototype": '{"model":"m","messages":[],"__proto__":{"planted":1},"constructor":{"prototype":{"planted":1}}}',
  "messages a string": '{"model":"m","messages":"hi"}',
  "messages [null]": '{"model":"m","messages":[null]}',
  "100,000 keys": `{"model":"m","messages":[],${Array.from({ length: 100_000 }, (_, index) => `"k${index}":1`).join(",")}}`,
};

const call = (body: string | Buffer) =>
  rawCall(requestBytes({ headers: [["authorization", `Bearer ${CALLER_TOKEN}`]], body }), { port: world.port, ms: 8_000 }).answer;

it.each(Object.entries(BODIES))(
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
