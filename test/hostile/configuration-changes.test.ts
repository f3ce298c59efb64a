import { Agent, request } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { compileManifests } from "../../adapters/config/compile-manifests.ts";
import { PLATFORMS } from "../../adapters/config/platforms.ts";
import { type EventReceiver, startEventReceiver } from "../fakes/event-receiver.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";
import { type ServedBroker, serveManifests } from "../fakes/served-broker.ts";
import { recordFigure } from "./figure.ts";

/** Each takes about 15 ms: the thousand of the promise are for `SPILLWAY_LONG=1` and for the figures. */
const LONG = process.env["SPILLWAY_LONG"] !== undefined || process.env["SPILLWAY_FIGURES"] !== undefined;
const CHANGES = LONG ? 1_000 : 200;
const CALLERS = 8;
/** Every so many changes one that has five hundred routes more. */
const HUGE_EVERY = 100;

let provider: Provider;
let broker: ServedBroker;
let sink: EventReceiver;
let good = "";
const agent = new Agent({ keepAlive: true, maxSockets: CALLERS });

beforeAll(async () => {
  // Says the caller's words back, after a moment: some calls live through several changes.
  provider = await startProvider({
    behaviour: (seen, response) => void setTimeout(() => response.writeHead(200, { "content-type": "text/plain" }).end(seen.body), seen.body.length % 7),
  });
  good = testManifests({ backends: [{ name: "one", port: provider.port, key: "k" }] });
  // Each change is an event, which would else be a line of the test's output.
  sink = await startEventReceiver();
  broker = await serveManifests(good, { environment: { K_SINK: sink.url } });
});
afterAll(async () => {
  agent.destroy();
  await broker?.stop();
  await provider?.close();
  await sink?.close();
});

/** The answer in one line: `200 WORDS`, or what went wrong. */
function call(words: string): Promise<string> {
  return new Promise((settle) => {
    const asked = request(`http://127.0.0.1:${broker.port}/say`, { method: "POST", agent, headers: { authorization: `Bearer ${CALLER_TOKEN}` } }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      answer.once("end", () => settle(`${answer.statusCode} ${text}`)).once("error", (error) => settle(`cut: ${error.message}`));
    });
    asked.once("error", (error) => settle(`failed: ${error.message}`));
    asked.end(words);
  });
}

const route = (name: string) =>
  `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  parentRefs: [{name: egress, namespace: egress-system}]\n  rules: [{name: r, matches: [{path: {type: Exact, value: /${name}}}], backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: one}]}]\n---\n`;

/** The change with this number, and whether it may be taken over: good ones of three sizes, one that is cut off inside a map, one with a word that does not exist. */
function change(index: number): { readonly text: string; readonly valid: boolean } {
  if (index % HUGE_EVERY === 0) return { text: Array.from({ length: 500 }, (_, extra) => route(`huge-${index}-${extra}`)).join("") + good, valid: true };
  if (index % 4 === 1) {
    const opened = [...good.matchAll(/: \{/g)].map((match) => match.index + 3);
    return { text: good.slice(0, opened[index % opened.length]), valid: false };
  }
  if (index % 4 === 3) return { text: good.replace("scope: Shared", `scope: Shared${index}`), valid: false };
  return { text: route(`extra-${index}`) + good.replace("name: all\n", `name: all-${index}\n`), valid: true };
}

it("F18 B20: changes of configuration under load, good, cut off, wrong and huge: no call fails, and only good ones are taken over", async () => {
  const wrong: string[] = [];
  let answered = 0;
  let changing = true;
  const caller = async (name: number): Promise<void> => {
    for (let index = 0; changing; index += 1) {
      const words = `caller ${name}, call ${index}${".".repeat(index % 5)}`;
      const answer = await call(words);
      if (answer !== `200 ${words}`) wrong.push(answer);
      answered += 1;
    }
  };
  const callers = Array.from({ length: CALLERS }, (_, name) => caller(name));
  const taken: boolean[] = [];
  const { broker: core } = broker.server;
  for (let index = 0; index < CHANGES; index += 1) {
    const { text, valid } = change(index);
    const before = core.status()["snapshot"];
    core.load(compileManifests([{ path: "manifests.yaml", text }], PLATFORMS.knative));
    taken.push(valid === (JSON.stringify(core.status()["snapshot"]) !== JSON.stringify(before)));
    expect(core.ready()).toBe(true);
    // Calls go on between two changes.
    await new Promise((settle) => setImmediate(settle));
  }
  changing = false;
  await Promise.all(callers);
  recordFigure({ row: "B20", what: `calls failed in ${CHANGES} changes, of ${answered}`, value: wrong.length, unit: "calls", bar: "0" });
  expect(taken.filter((right) => !right)).toEqual([]);
  expect(wrong).toEqual([]);
  expect(answered).toBeGreaterThan(CHANGES);
});
