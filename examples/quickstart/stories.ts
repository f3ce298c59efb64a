import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { APIError } from "openai";
import { asList, asObject, asText } from "../providers/json-fields.ts";
import { callAsEvent } from "./event-story.ts";
import { describeCall } from "./logged-call.ts";
import type { Stage, Story } from "./story.ts";
import { whoUsedWhat } from "./usage-story.ts";
import { TOKENS, type World } from "./world.ts";

type Team = "team-a" | "team-b";

// The SDKs as anybody has them: only the address and the key change. Their own retries are off, so that what is seen is the broker's work.
const openaiOf = (world: World, team: Team) => new OpenAI({ baseURL: `${world.broker.url}/v1`, apiKey: TOKENS[team], maxRetries: 0 });
const anthropicOf = (world: World, team: Team) => new Anthropic({ baseURL: world.broker.url, apiKey: TOKENS[team], maxRetries: 0 });

const ask = (content: string) => [{ role: "user" as const, content }];

/** The broker's id of a call. Where a provider sends an `x-request-id` of its own, the broker's is the last. */
function requestIdOf(headers: Headers | undefined): string | null {
  return headers?.get("x-request-id")?.split(", ").at(-1) ?? null;
}

interface StreamedCall {
  readonly requestId: string | null;
  readonly text: string;
  readonly chunks: number;
  /** How the stream ended for the caller; null: well. */
  readonly error: string | null;
}

async function streamChat(world: World, team: Team, content: string): Promise<StreamedCall> {
  const { data, response } = await openaiOf(world, team)
    .chat.completions.create({ model: "smart", stream: true, messages: ask(content) })
    .withResponse();
  let text = "";
  let chunks = 0;
  let error: string | null = null;
  try {
    for await (const chunk of data) {
      chunks += 1;
      text += chunk.choices[0]?.delta.content ?? "";
    }
  } catch (reason) {
    error = reason instanceof Error ? reason.message : "unknown";
  }
  return { requestId: requestIdOf(response.headers), text, chunks, error };
}

/** What the SDK tells about a call that was refused; null: the call went well. */
async function refusalOf(call: Promise<unknown>): Promise<{ readonly status: number; readonly code: string | null; readonly requestId: string | null } | null> {
  try {
    await call;
    return null;
  } catch (error) {
    if (!(error instanceof APIError)) throw error;
    return { status: error.status ?? 0, code: error.headers?.get("x-egress-error") ?? null, requestId: requestIdOf(error.headers) };
  }
}

/** Every header and credential that a provider saw, as one text, to look for what must not be in it. */
async function seenBy(
  stage: Stage,
  provider: Parameters<World["ask"]>[0],
): Promise<{ readonly total: number; readonly text: string; readonly slots: readonly string[] }> {
  const seen = asObject(await stage.world.ask(provider));
  const calls = asList(seen["calls"]);
  const slots = calls.flatMap((call) => asText(asObject(asObject(call)["credential"])["slot"]) ?? []);
  return { total: Number(seen["total"]), text: JSON.stringify(calls), slots };
}

const openaiStream: Story = {
  title: "An app points the OpenAI SDK at the broker and streams",
  tell: async (stage) => {
    const call = await streamChat(stage.world, "team-a", "what is an egress broker");
    stage.say(`${call.chunks} chunks: "${call.text.slice(0, 70)}…"`);
    const logged = await stage.calls.find(call.requestId);
    stage.say(describeCall(logged));
    stage.check("the answer streamed from the European provider", call.error === null && call.text.includes("openai-eu") && logged.region === "eu");
    // The SDK hangs up at [DONE], which may be before the provider has ended its message: still a whole answer.
    stage.check("it is booked as a whole answer", logged.outcome === "ok");
    stage.check(
      "the alias `smart` became gpt-5.5 on the way",
      logged.model === "smart" && (await seenBy(stage, "openai-eu")).text.includes('"model":"gpt-5.5"'),
    );
    stage.check(
      "it is attributed to team-a/app, with its tokens, though the app did not ask for usage",
      logged.caller === "team-a/app" && logged.outputTokens !== null,
    );
    stage.check("the provider got its own key, and never saw the team's token", !(await seenBy(stage, "openai-eu")).text.includes("demo-token"));
  },
};

const anthropicStream: Story = {
  title: "Another app does the same with the Anthropic SDK",
  tell: async (stage) => {
    const stream = anthropicOf(stage.world, "team-a").messages.stream({ model: "claude-demo-5", max_tokens: 200, messages: ask("what is a tier") });
    const message = await stream.finalMessage();
    const requestId = requestIdOf(stream.response?.headers);
    const logged = await stage.calls.find(requestId);
    stage.say(describeCall(logged));
    stage.check("the answer came from the European provider", logged.backend === "anthropic-eu" && logged.region === "eu");
    stage.check(
      "the broker counted what the SDK counted",
      logged.inputTokens === message.usage.input_tokens && logged.outputTokens === message.usage.output_tokens,
    );
    stage.check(
      "the key went into x-api-key",
      (await seenBy(stage, "anthropic-eu")).slots.every((slot) => slot === "x-api-key"),
    );
  },
};

const noToken: Story = {
  title: "Somebody without a token calls",
  tell: async (stage) => {
    const before = await seenBy(stage, "openai-eu");
    const stranger = new OpenAI({ baseURL: `${stage.world.broker.url}/v1`, apiKey: "sk-stolen-somewhere", maxRetries: 0 });
    const refusal = await refusalOf(stranger.chat.completions.create({ model: "smart", messages: ask("hello") }));
    stage.say(`refused: ${refusal?.status ?? "no"} ${refusal?.code ?? ""}`);
    stage.check("the SDK sees an authentication error with the broker's reason", refusal?.status === 401 && refusal.code === "identity_rejected");
    stage.check("nothing was sent anywhere", (await seenBy(stage, "openai-eu")).total === before.total);
  },
};

const failover: Story = {
  title: "The provider in Europe is overloaded (429): the same call goes on",
  tell: async (stage) => {
    await stage.world.tell("openai-eu", "429", 1);
    const call = await streamChat(stage.world, "team-a", "are you busy");
    const logged = await stage.calls.find(call.requestId);
    stage.say(describeCall(logged));
    stage.check("the caller saw one good stream, and no error", call.error === null && call.text.includes("openai-us"));
    stage.check(
      "the broker tried Europe, was refused, and went to America",
      logged.attempts.map((attempt) => `${attempt.backend} ${attempt.status}`).join(", ") === "openai-eu 429, openai-us 200",
    );
  },
};

const anotherApi: Story = {
  title: "Both OpenAI endpoints are overloaded: Anthropic serves the OpenAI SDK",
  tell: async (stage) => {
    await stage.world.tell("openai-eu", "429", 1);
    await stage.world.tell("openai-us", "503", 1);
    const call = await streamChat(stage.world, "team-a", "do you speak another language");
    const logged = await stage.calls.find(call.requestId);
    stage.say(`"${call.text.slice(0, 70)}…"`);
    stage.say(describeCall(logged));
    stage.check("the OpenAI SDK read one good stream", call.error === null && call.text.includes("anthropic-eu"));
    stage.check(
      "the third tier answered, and its tokens are counted",
      logged.attempts.map((attempt) => attempt.backend).join(", ") === "openai-eu, openai-us, anthropic-eu" && logged.outputTokens !== null,
    );
    stage.check("it came as a message, with Anthropic's own model", (await seenBy(stage, "anthropic-eu")).text.includes("claude-demo-5"));
  },
};

const rotation: Story = {
  title: "The OpenAI key is rotated, and the old one revoked, while 50 calls run",
  tell: async (stage) => {
    let next = 0;
    let failed = 0;
    let rotated: Promise<void> | null = null;
    const requestIds: (string | null)[] = [];
    const worker = async () => {
      while (next < 50) {
        next += 1;
        if (next === 20) rotated = stage.world.rotateOpenaiKey();
        try {
          const { response } = await openaiOf(stage.world, "team-a")
            .chat.completions.create({ model: "smart", messages: ask("still there") })
            .withResponse();
          requestIds.push(requestIdOf(response.headers));
        } catch {
          failed += 1;
        }
      }
    };
    await Promise.all(Array.from({ length: 5 }, worker));
    await rotated;
    const logged = await Promise.all(requestIds.map((id) => stage.calls.find(id)));
    const refetched = logged.filter((call) => call.attempts.length > 1).length;
    stage.say(`50 calls, five at a time; the key changed after 20; ${refetched} met the revoked key, and the broker fetched the new one and sent them again`);
    stage.check(`${failed} calls failed`, failed === 0 && requestIds.length === 50);
    stage.check("at least one call met the revoked key, so this was a real rotation", refetched > 0);
  },
};

const diesMidStream: Story = {
  title: "The provider dies in the middle of a stream",
  tell: async (stage) => {
    await stage.world.tell("openai-eu", "die-mid-stream", 1);
    const call = await streamChat(stage.world, "team-a", "tell me a long story");
    const logged = await stage.calls.find(call.requestId);
    stage.say(`${call.chunks} chunks, then: ${call.error ?? "a clean end"}`);
    stage.say(describeCall(logged));
    stage.check("the part that had come was delivered", call.chunks > 3);
    stage.check("the caller is told the truth: an error, not a clean end", call.error !== null);
    stage.check("the broker did not start over: a caller would get two answers in one", logged.attempts.length === 1 && logged.outcome !== "ok");
  },
};

const regionLock: Story = {
  title: "Team B may use Europe only",
  tell: async (stage) => {
    const america = (await seenBy(stage, "openai-us")).total;
    const home = await streamChat(stage.world, "team-b", "where are you");
    const logged = await stage.calls.find(home.requestId);
    stage.say(describeCall(logged));
    stage.check("its calls are answered in Europe", home.text.includes("openai-eu") && logged.outcome === "ok");
    const refused = await refusalOf(openaiOf(stage.world, "team-b").chat.completions.create({ model: "gpt-5.5-us", messages: ask("hello") }));
    stage.say(describeCall(await stage.calls.find(refused?.requestId ?? null)));
    stage.check("a model that only America has is refused with 403 region_locked", refused?.status === 403 && refused.code === "region_locked");
    await stage.world.tell("openai-eu", "503", null);
    const moved = await streamChat(stage.world, "team-b", "where are you now");
    stage.say(describeCall(await stage.calls.find(moved.requestId)));
    stage.check(
      "when OpenAI's European endpoint is down, Anthropic's serves, past the American one",
      moved.error === null && moved.text.includes("anthropic-eu"),
    );
    await stage.world.tell("anthropic-eu", "503", null);
    const stuck = await refusalOf(openaiOf(stage.world, "team-b").chat.completions.create({ model: "smart", messages: ask("hello") }));
    await stage.world.tell("openai-eu", "ok", null);
    await stage.world.tell("anthropic-eu", "ok", null);
    stage.say(describeCall(await stage.calls.find(stuck?.requestId ?? null)));
    stage.check("when all of Europe is down the call fails rather than leave the region", stuck !== null);
    stage.check("not one of these calls reached America", (await seenBy(stage, "openai-us")).total === america);
  },
};

/** The user stories, in the order in which they are told. Those that leave a provider with failures behind it come late. */
export const STORIES: readonly Story[] = [
  openaiStream,
  anthropicStream,
  noToken,
  callAsEvent,
  failover,
  anotherApi,
  rotation,
  diesMidStream,
  regionLock,
  whoUsedWhat,
];
