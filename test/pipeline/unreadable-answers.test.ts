import { expect, it } from "vitest";
import { createFakeExchange } from "../fakes/exchange.ts";
import { chat, install, STREAM_HEADERS } from "./installation.ts";

const DEEP = `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`;

it("F35: a stream that opens with what cannot be put into other words goes to the next candidate, and holds no connection", async () => {
  const one = install({
    backends: [
      { name: "claude", port: 8001, api: "Anthropic" },
      { name: "spare", port: 8002, api: "OpenAI" },
    ],
    group: ["claude", "spare"],
  });
  const opening = `event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":${DEEP}}}\n\n`;
  one.transport.script("claude", { status: 200, headers: STREAM_HEADERS, body: [opening], ending: "hang" });
  const body = JSON.stringify({ model: "m", stream: true, messages: [{ role: "user", content: "hi" }] });
  const caller = await one.call({ ...chat(), body });
  expect(caller.received()?.body).toBe("from spare");
  expect(one.transport.sent[0]?.answer?.over).toBe(true);
  expect(one.transport.listening()).toBe(0);
});

it("F35: an answer that cannot be handed on at all is 500, and its connection is given back", async () => {
  const one = install({ backends: [{ name: "only", port: 8001 }] });
  one.transport.script("only", { status: 200, headers: STREAM_HEADERS, body: ["data: x\n\n"], ending: "hang" });
  const { exchange, received } = createFakeExchange(chat());
  const responder = { ...exchange.responder, started: false, deliver: () => Promise.reject(new Error("the platform is gone")) };
  await one.broker.handle({ ...exchange, responder });
  expect(received()?.status).toBe(500);
  expect(one.transport.sent[0]?.answer?.over).toBe(true);
  expect(one.transport.listening()).toBe(0);
});
