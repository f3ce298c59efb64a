/** One kind of call that is measured. */
export interface Scene {
  readonly name: "chat" | "chat-jwt" | "stream";
  readonly title: string;
  /** Value of `x-bench-scene`, by which the upstream knows what to answer. */
  readonly answer: "chat" | "stream";
  readonly requestBody: string;
  /** The parts of the answer; a stream sends each as a chunk of its own. */
  readonly answerParts: readonly string[];
  readonly token: "api-key" | "jwt";
}

const QUESTION = "Please explain in a few words what an egress broker does, and why nobody should have to think about it. ".repeat(8);

const messages = [
  { role: "system", content: "You are a helpful assistant." },
  { role: "user", content: QUESTION },
];

const frame = { id: "chatcmpl-9f2c41d07a5b4e6fa8c3", created: 1_790_000_000, model: "gpt-5.5", service_tier: "default", system_fingerprint: "fp_bench" };
const usage = {
  prompt_tokens: 180,
  completion_tokens: 97,
  total_tokens: 277,
  prompt_tokens_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
};

const chatRequest = JSON.stringify({ model: "smart", messages });
const chatAnswer = JSON.stringify({
  ...frame,
  object: "chat.completion",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: "It knows who calls and where the call may go. ".repeat(13), refusal: null },
      logprobs: null,
      finish_reason: "stop",
    },
  ],
  usage,
});

/** 97 pieces of text, the opening, the end, and the usage: one hundred events, then the marker. */
function streamParts(): readonly string[] {
  const event = (choices: readonly unknown[], counted: unknown) =>
    `data: ${JSON.stringify({ ...frame, object: "chat.completion.chunk", choices, usage: counted })}\n\n`;
  const delta = (content: object, finish: string | null = null) => event([{ index: 0, delta: content, logprobs: null, finish_reason: finish }], null);
  return [
    delta({ role: "assistant", content: "" }),
    ...Array.from({ length: 97 }, (_, index) => delta({ content: ` word${index}` })),
    delta({}, "stop"),
    event([], usage),
    "data: [DONE]\n\n",
  ];
}

/** The caller asks for usage itself, so that the right answer is the same bytes from every proxy. */
const streamRequest = JSON.stringify({ model: "smart", stream: true, stream_options: { include_usage: true }, messages });

export const SCENES: readonly Scene[] = [
  { name: "chat", title: "chat call, 1 KB each way, API key", answer: "chat", requestBody: chatRequest, answerParts: [chatAnswer], token: "api-key" },
  { name: "chat-jwt", title: "chat call, 1 KB each way, signed token", answer: "chat", requestBody: chatRequest, answerParts: [chatAnswer], token: "jwt" },
  {
    name: "stream",
    title: "stream of 100 events in a burst, API key",
    answer: "stream",
    requestBody: streamRequest,
    answerParts: streamParts(),
    token: "api-key",
  },
];
