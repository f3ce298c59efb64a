import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";
import { type ServedBroker, serveManifests } from "../fakes/served-broker.ts";

/** The broker and this test share one event loop: what holds up the one makes the other late. */
function holdUpLoop(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("an instance whose event loop is late", () => {
  let provider: Provider;
  let broker: ServedBroker;
  const endings: (() => void)[] = [];
  const finish = () => {
    for (const end of endings) end();
  };

  beforeAll(async () => {
    provider = await startProvider({
      behaviour: (_seen, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write('data: {"choices":[{"delta":{"content":"first"}}]}\n\n');
        endings.push(() => response.end("data: [DONE]\n\n"));
      },
    });
    const manifests = testManifests({ backends: [{ name: "only", port: provider.port, api: "OpenAI" }] });
    broker = await serveManifests(manifests, { environment: { SPILLWAY_OVERLOAD: "on" } });
  });

  afterAll(async () => {
    finish();
    await broker.stop();
    await provider.close();
  });

  const call = () =>
    fetch(`http://127.0.0.1:${broker.port}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${CALLER_TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "m", stream: true, messages: [] }),
    });
  /** A machine that is late of itself may refuse it first. */
  const takenCall = async (): Promise<Response> => {
    const answers: Response[] = [];
    const status = async () => {
      const answer = await call();
      if (answer.status === 200) answers.push(answer);
      else await answer.body?.cancel();
      return answer.status;
    };
    await expect.poll(status, { interval: 100 }).toBe(200);
    return answers[0] ?? expect.unreachable("it was taken");
  };
  /** The first 503 to what is asked while the loop is held up. */
  const refusedWhileLate = async (ask: () => Promise<Response>): Promise<Response> => {
    for (let round = 0; round < 40; round += 1) {
      const asked = ask();
      for (let late = 0; late < 3; late += 1) {
        holdUpLoop(160);
        await turn();
      }
      const answer = await asked;
      if (answer.status === 503) return answer;
      await answer.body?.cancel();
    }
    return expect.unreachable("it was taken while the loop was late");
  };
  const page = async (path: string) => (await fetch(`http://127.0.0.1:${broker.port}${path}`)).status;

  it("F17: refuses new calls with 503 and Retry-After 1, finishes the stream under way, stays alive, is not ready, and comes back by itself", async () => {
    const under = await takenCall();
    const text = under.text();

    const refused = await refusedWhileLate(call);
    expect(refused.headers.get("x-egress-error")).toBe("overloaded");
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refused.json()).toMatchObject({ error: { code: "overloaded" } });
    expect(await page("/-/healthz")).toBe(200);
    await (await refusedWhileLate(() => fetch(`http://127.0.0.1:${broker.port}/-/readyz`))).body?.cancel();

    finish();
    expect(await text).toContain("[DONE]");
    await expect.poll(() => page("/-/readyz"), { timeout: 20_000, interval: 100 }).toBe(200);
    await (await takenCall()).body?.cancel();
  });
});
