import { asObject, asText } from "../providers/json-fields.ts";
import { describeCall } from "./logged-call.ts";
import type { Stage, Story } from "./story.ts";
import { TOKENS } from "./world.ts";

interface Reply {
  readonly status: number;
  /** The event that came back. */
  readonly event: Readonly<Record<string, unknown>>;
}

async function sendEvent(stage: Stage, token: string, event: object): Promise<Reply> {
  const answer = await fetch(`${stage.world.broker.url}/-/events`, {
    method: "POST",
    headers: { "content-type": "application/cloudevents+json", authorization: `Bearer ${token}`, prefer: "reply" },
    body: JSON.stringify(event),
  });
  const text = await answer.text();
  return { status: answer.status, event: asObject(text === "" ? {} : JSON.parse(text)) };
}

/** A call that nobody waits for on a connection: it comes as a CloudEvent, as often as the platform likes. */
export const callAsEvent: Story = {
  title: "A call comes as an event, twice",
  tell: async (stage) => {
    const url = `${stage.world.broker.url}/v1/chat/completions`;
    const body = { json: { model: "smart", messages: [{ role: "user", content: "Sum up order 7" }] } };
    const event = { specversion: "1.0", id: "order-7", source: "/shop", type: "dev.spillway.egress.request.v1", data: { url, body } };
    const first = await sendEvent(stage, TOKENS["team-a"], event);
    const data = asObject(first.event["data"]);
    const headers = asObject(data["headers"]);
    stage.say(describeCall(await stage.calls.find(asText(headers["x-request-id"]))));
    stage.check("its answer comes back as an event that names it", first.event["causationid"] === "order-7" && data["status"] === 200);
    const before = stage.calls.all.length;
    const second = await sendEvent(stage, TOKENS["team-a"], event);
    stage.check("delivered once more it is answered with the same event", second.event["id"] === first.event["id"]);
    stage.check("and no provider was called for it", stage.calls.all.length === before);
    const stranger = await sendEvent(stage, "no-token-of-ours", { ...event, id: "order-8" });
    stage.check("whoever cannot prove who it is gets 401", stranger.status === 401);
  },
};
