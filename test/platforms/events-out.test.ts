import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { type EventReceiver, startEventReceiver } from "../fakes/event-receiver.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";

let provider: Provider;
let receiver: EventReceiver;
let broker: BrokerProcess | null = null;

beforeAll(async () => {
  provider = await startProvider();
  receiver = await startEventReceiver();
});
afterEach(async () => {
  await broker?.stop();
  broker = null;
  receiver.taken.length = 0;
});
afterAll(async () => {
  await receiver.close();
  await provider.close();
});

async function start(env: Readonly<Record<string, string>>): Promise<BrokerProcess> {
  broker = await startBroker({ manifests: testManifests({ backends: [{ name: "one", port: provider.port }] }), env });
  return broker;
}

const chat = (at: BrokerProcess, token = CALLER_TOKEN) =>
  fetch(`${at.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-test", messages: [] }),
  });

const typesOf = () => receiver.taken.map(({ type }) => type);

describe("a broker on Node with a K_SINK", () => {
  it("tells of calls and of refusals while it runs", async () => {
    const running = await start({ K_SINK: receiver.url, K_SERVICE: "egress" });
    expect((await chat(running)).status).toBe(200);
    expect((await chat(running, "sk-nobody")).status).toBe(401);
    await expect.poll(typesOf).toEqual(expect.arrayContaining(["dev.spillway.egress.completed.v1", "dev.spillway.egress.denied.v1"]));
    const completed = receiver.taken.find(({ type }) => type === "dev.spillway.egress.completed.v1");
    expect(completed).toMatchObject({ specversion: "1.0", source: "/spillway/egress", data: { status: 200, outcome: "ok" } });
    expect(JSON.stringify(receiver.taken)).not.toContain(CALLER_TOKEN);
    expect(JSON.stringify(receiver.taken)).not.toContain("sk-");
  });

  it("has told of every call by the time it has stopped, although the sink was slow to take them", async () => {
    const running = await start({ K_SINK: receiver.url });
    receiver.script.push(503, 429);
    const answers = await Promise.all(Array.from({ length: 100 }, () => chat(running)));
    for (const answer of answers) await answer.arrayBuffer();
    expect(answers.map(({ status }) => status)).toEqual(Array(100).fill(200));
    expect(await running.stop()).toBe(0);
    expect(typesOf().filter((type) => type === "dev.spillway.egress.completed.v1")).toHaveLength(100);
    expect(new Set(receiver.taken.map(({ id }) => id)).size).toBe(receiver.taken.length);
  });

  it("does not start with a sink that cannot be meant, and says why", async () => {
    const failed: unknown = await start({ SPILLWAY_SINK: "kafka:sk-1" }).catch((reason: unknown) => reason);
    expect(String(failed)).toContain("SPILLWAY_SINK must be an https:// or http:// URL, sqs:QUEUE_URL or eventbridge:BUS_NAME_OR_ARN");
    expect(String(failed)).not.toContain("sk-1");
  });
});
