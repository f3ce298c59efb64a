import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

/** A request as the provider saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** Settles when the connection of this request has closed, with the time. */
  readonly closed: Promise<number>;
}

export type Behaviour = (seen: SeenRequest, response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

/** A provider of the test's own on loopback. */
export interface Provider {
  readonly port: number;
  readonly seen: SeenRequest[];
  /** What it does from now on. */
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
}

/** Starts a provider; by default it answers as both OpenAI and Anthropic do. */
export async function startProvider(
  options: { readonly tls?: { readonly certPem: string; readonly keyPem: string; readonly ca?: string }; readonly behaviour?: Behaviour } = {},
): Promise<Provider> {
  let behaviour: Behaviour = options.behaviour ?? answerWell;
  const seen: SeenRequest[] = [];
  const listener: RequestListener = (request, response) => {
    const parts: Buffer[] = [];
    const closed = new Promise<number>((settle) => response.once("close", () => settle(performance.now())));
    response.on("error", () => {});
    request.on("error", () => {});
    request.on("data", (bytes: Buffer) => parts.push(bytes));
    request.on("end", () => {
      const record: SeenRequest = {
        method: request.method ?? "",
        url: request.url ?? "",
        headers: request.headers,
        rawHeaders: request.rawHeaders,
        body: Buffer.concat(parts).toString(),
        closed,
      };
      seen.push(record);
      void behaviour(record, response, request);
    });
  };
  const server: Server =
    options.tls === undefined
      ? createServer(listener)
      : (createTlsServer(
          {
            cert: options.tls.certPem,
            key: options.tls.keyPem,
            ...(options.tls.ca === undefined ? {} : { ca: options.tls.ca, requestCert: true, rejectUnauthorized: true }),
          },
          listener,
        ) as unknown as Server); // https.Server has the same members that are used here
  // A connection that is kept must not end just as the next call comes, because the machine stood still for the five seconds that Node gives it.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  return {
    port: (server.address() as AddressInfo).port, // listening on TCP
    seen,
    behave: (next) => {
      behaviour = next;
    },
    close: () =>
      new Promise((settle) => {
        server.close(() => settle());
        server.closeAllConnections();
      }),
  };
}

/** Answers with a status and a JSON error, as an overloaded or broken provider does. */
export function fail(status: number, headers: Readonly<Record<string, string>> = {}): Behaviour {
  return (_seen, response) => {
    response
      .writeHead(status, { "content-type": "application/json", ...headers })
      .end(JSON.stringify({ error: { message: `made-up ${status}`, type: "test", code: null, param: null } }));
  };
}

/** Takes the request and never answers. */
export const hang: Behaviour = () => {};

export const chatChunk = (index: number, text: string, extra: object = {}) =>
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-test", choices: [{ index: 0, delta: index === 0 ? { role: "assistant", content: text } : { content: text }, finish_reason: null }], ...extra })}\n\n`;

export const WORDS = ["Once", " upon", " a", " time", " – ünïcödé ✓"];

/** The good provider: chat, completions, responses, embeddings, messages, count_tokens, models; streamed and not. */
export const answerWell: Behaviour = (seen, response) => {
  const path = seen.url.split("?")[0] ?? "";
  const body = !seen.body.startsWith("{") ? {} : (JSON.parse(seen.body) as { model?: string; stream?: boolean; stream_options?: { include_usage?: boolean } });
  const model = body.model ?? "gpt-test";
  const json = (value: unknown) => response.writeHead(200, { "content-type": "application/json", "x-provider-only": "yes" }).end(JSON.stringify(value));
  const events = (list: readonly string[]) => {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    for (const event of list) response.write(event);
    response.end();
  };
  if (path.endsWith("/chat/completions")) {
    const usage = {
      prompt_tokens: 11,
      completion_tokens: 5,
      total_tokens: 16,
      prompt_tokens_details: { cached_tokens: 3 },
      completion_tokens_details: { reasoning_tokens: 2 },
    };
    if (body.stream !== true)
      return void json({
        id: "chatcmpl-1",
        object: "chat.completion",
        created: 1,
        model,
        choices: [{ index: 0, message: { role: "assistant", content: WORDS.join(""), refusal: null }, finish_reason: "stop", logprobs: null }],
        usage,
      });
    const list = WORDS.map((word, index) => chatChunk(index, word));
    list.push(
      `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model, choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\n`,
    );
    if (body.stream_options?.include_usage === true)
      list.push(`data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model, choices: [], usage })}\n\n`);
    list.push("data: [DONE]\n\n");
    return void events(list);
  }
  if (path.endsWith("/embeddings"))
    return void json({
      object: "list",
      model,
      data: [{ object: "embedding", index: 0, embedding: Buffer.from(new Float32Array([0.5, -0.5]).buffer).toString("base64") }],
      usage: { prompt_tokens: 4, total_tokens: 4 },
    });
  if (path.endsWith("/responses")) {
    const answer = {
      id: "resp_1",
      object: "response",
      created_at: 1,
      status: "completed",
      model,
      output: [
        { type: "message", id: "msg_1", role: "assistant", status: "completed", content: [{ type: "output_text", text: WORDS.join(""), annotations: [] }] },
      ],
      usage: {
        input_tokens: 7,
        output_tokens: 5,
        total_tokens: 12,
        input_tokens_details: { cached_tokens: 1 },
        output_tokens_details: { reasoning_tokens: 0 },
      },
    };
    if (body.stream !== true) return void json(answer);
    const event = (type: string, data: object, sequence: number) => `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence, ...data })}\n\n`;
    const list = [
      event("response.created", { response: { ...answer, status: "in_progress", output: [], usage: null } }, 0),
      event(
        "response.output_item.added",
        { output_index: 0, item: { type: "message", id: "msg_1", role: "assistant", status: "in_progress", content: [] } },
        1,
      ),
      event(
        "response.content_part.added",
        { item_id: "msg_1", output_index: 0, content_index: 0, part: { type: "output_text", text: "", annotations: [] } },
        2,
      ),
    ];
    WORDS.forEach(
      (delta, index) =>
        void list.push(event("response.output_text.delta", { item_id: "msg_1", output_index: 0, content_index: 0, delta, logprobs: [] }, 3 + index)),
    );
    list.push(event("response.output_text.done", { item_id: "msg_1", output_index: 0, content_index: 0, text: WORDS.join(""), logprobs: [] }, 20));
    list.push(event("response.output_item.done", { output_index: 0, item: answer.output[0] }, 21));
    list.push(event("response.completed", { response: answer }, 22));
    return void events(list);
  }
  if (path.endsWith("/messages/count_tokens")) return void json({ input_tokens: 14 });
  if (path.endsWith("/messages")) {
    const usage = { input_tokens: 9, cache_creation_input_tokens: 2, cache_read_input_tokens: 4, output_tokens: 5 };
    const message = {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model,
      content: [{ type: "text", text: WORDS.join("") }],
      stop_reason: "end_turn",
      stop_sequence: null,
      usage,
    };
    if (body.stream !== true) return void json(message);
    const event = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
    return void events([
      event("message_start", { message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } } }),
      event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
      event("ping", {}),
      ...WORDS.map((text) => event("content_block_delta", { index: 0, delta: { type: "text_delta", text } })),
      event("content_block_stop", { index: 0 }),
      event("message_delta", { delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 5 } }),
      event("message_stop", {}),
    ]);
  }
  if (path.endsWith("/models")) return void json({ object: "list", data: [{ id: "gpt-test", object: "model", created: 1, owned_by: "test" }] });
  response
    .writeHead(200, { "content-type": "text/plain", "x-echo-method": seen.method, "x-echo-length": String(seen.body.length) })
    .end(`echo ${seen.method} ${seen.url}`);
};
