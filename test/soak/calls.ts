import { createHash } from "node:crypto";
import type { Question, Reply } from "./client.ts";
import { type Plan, type Tenant, textOf } from "./tenants.ts";

/** Kinds of calls and how often each is made. */
const KINDS = {
  json: 28,
  stream: 24,
  "h2-json": 4,
  "h2-stream": 5,
  "translated-json": 7,
  "translated-stream": 8,
  "left-stream": 8,
  "left-json": 3,
  "slow-reader": 4,
  upload: 5,
  "large-upload": 2,
  get: 4,
} as const;
export type Kind = keyof typeof KINDS;

const ALL = Object.values(KINDS).reduce<number>((sum, weight) => sum + weight, 0);

/** A call as it is made, with all that is needed to judge its answer. */
export interface Call {
  readonly id: number;
  readonly requestId: string;
  readonly kind: Kind;
  readonly tenant: Tenant;
  readonly plan: Plan;
  readonly model: string;
  readonly question: Omit<Question, "port">;
}

/** A request may take 15 s by its route; what takes longer hangs. */
const BOUND_MS = 22_000;
/** Above what a broker keeps for a second try. */
const LARGE = 1_500_000;

export function pickKind(random: () => number): Kind {
  let left = random() * ALL;
  for (const [kind, weight] of Object.entries(KINDS)) {
    left -= weight;
    if (left < 0) return kind as Kind; // a key of KINDS
  }
  return "json";
}

/** Makes the call with this number. `epoch` goes into the name of the model, by which the ledger tells calls apart. */
export function makeCall(id: number, kind: Kind, tenant: Tenant, credential: string, epoch: number, random: () => number): Call {
  // A shorter one would be replaced.
  const requestId = `soak-${String(id).padStart(8, "0")}`;
  const headers: Record<string, string> = { "x-request-id": requestId };
  const base = { id, requestId, kind, tenant };
  const common = { protocol: kind.startsWith("h2-") ? ("h2" as const) : ("h1" as const), leaveAfterMs: null, pauseMs: 0, boundMs: BOUND_MS };
  if (kind === "get" || kind === "upload" || kind === "large-upload") {
    const plan: Plan = { tenant: tenant.name, id, chunks: 0, pad: 0, gapMs: 0 };
    const size = kind === "get" ? 0 : kind === "upload" ? Math.floor(20_000 + random() * 180_000) : LARGE;
    const body = Buffer.alloc(size, `${id} `);
    Object.assign(headers, { authorization: `Bearer ${credential}`, "x-soak-tenant": tenant.name });
    if (kind !== "get") Object.assign(headers, { "content-type": "application/octet-stream", "content-length": `${size}` });
    return { ...base, plan, model: "", question: { ...common, method: kind === "get" ? "GET" : "POST", path: `/files/${id}`, headers, body } };
  }
  const streamed = kind.includes("stream") || kind === "slow-reader";
  const translated = kind.startsWith("translated");
  const slow = kind === "slow-reader";
  const plan: Plan = {
    tenant: tenant.name,
    id,
    chunks: slow ? 300 : 1 + Math.floor(random() * 20),
    pad: slow ? 3_000 : Math.floor(random() * 60),
    gapMs: slow ? 0 : Math.floor(random() * 60),
  };
  const model = `${kind.startsWith("left") ? "left" : "soak"}-${epoch}`;
  const content = `Say this: soak:${JSON.stringify(plan)}`;
  const body = JSON.stringify({
    model,
    messages: [{ role: "user", content }],
    ...(translated ? { max_tokens: 500 } : {}),
    ...(streamed ? { stream: true } : {}),
    ...(streamed && !translated ? { stream_options: { include_usage: true } } : {}),
  });
  Object.assign(headers, {
    "content-type": "application/json",
    "content-length": `${Buffer.byteLength(body)}`,
    ...(translated ? { "x-api-key": credential, "anthropic-version": "2023-06-01" } : { authorization: `Bearer ${credential}` }),
  });
  const question = {
    ...common,
    method: "POST",
    path: translated ? "/v1/messages" : "/v1/chat/completions",
    headers,
    body,
    leaveAfterMs: kind.startsWith("left") ? Math.floor(random() * 400) : null,
    pauseMs: slow ? 1_500 : 0,
  };
  return { ...base, plan, model, question };
}

/** What is wrong with an answer, whatever was broken meanwhile; null: nothing. */
export function wrongIn(call: Call, reply: Reply): string | null {
  if (reply.end === "late") return "hangs";
  if (reply.status !== 200) return null;
  if (call.kind === "get" || call.kind === "upload" || call.kind === "large-upload") return wrongFile(call, reply);
  const expected = textOf(call.plan);
  const streamed = call.question.body.includes('"stream":true');
  if (!streamed) {
    if (reply.end !== "whole") return null;
    return jsonText(reply.text) === expected ? null : "another body than the destination's";
  }
  const { text, finished } = streamText(reply.text);
  if (!expected.startsWith(text)) return "chunks that the destination did not send";
  if (finished && text !== expected) return "cut short, and looks complete";
  // Told by an error event, or by the framing.
  if (reply.end === "whole" && !finished && !/"error"|event: error/.test(reply.text)) return "ends without its end marker, and nobody says so";
  return null;
}

/** Whether it got all of its answer. */
export function isWhole(call: Call, reply: Reply): boolean {
  if (reply.status !== 200 || reply.end !== "whole") return false;
  return !call.question.body.includes('"stream":true') || streamText(reply.text).finished;
}

function wrongFile({ question }: Call, { text, end }: Reply): string | null {
  if (end !== "whole") return null;
  const body = Buffer.from(question.body);
  const expected = JSON.stringify({ path: question.path, bytes: body.length, digest: createHash("sha256").update(body).digest("hex") });
  return text === expected ? null : "another body than the destination's";
}

function jsonText(text: string): string | null {
  try {
    const answer = JSON.parse(text) as { choices?: { message: { content: string } }[]; content?: { text?: string }[] }; // one of two APIs
    return answer.choices?.[0]?.message.content ?? answer.content?.map((part) => part.text ?? "").join("") ?? null;
  } catch {
    return null;
  }
}

/** The words of a stream of either API, and whether its end came. A piece of an event at the end does not count. */
function streamText(text: string): { readonly text: string; readonly finished: boolean } {
  const words: string[] = [];
  let finished = false;
  for (const event of text.split("\n\n").slice(0, -1)) {
    const data = event.slice(event.indexOf("data: ") + 6);
    if (data === "[DONE]") finished = true;
    else if (data.startsWith("{")) {
      const parsed = JSON.parse(data) as { type?: string; delta?: { text?: string }; choices?: { delta?: { content?: string } }[] }; // one of two APIs
      words.push(parsed.choices?.[0]?.delta?.content ?? parsed.delta?.text ?? "");
      if (parsed.type === "message_stop") finished = true;
    }
  }
  return { text: words.join(""), finished };
}
