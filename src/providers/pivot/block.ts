/** The wire APIs between which a call can be translated. One folder each in `src/providers/`. */
export type WireApi = "openai-chat" | "openai-responses" | "anthropic" | "gemini" | "bedrock";

/** One piece of a message, in no API's own words. What an API cannot say is refused or declared by its encoder, never dropped in silence. */
export type Block =
  | TextBlock
  | ImageBlock
  | FileBlock
  | AudioBlock
  | ToolCallBlock
  | ToolResultBlock
  | ReasoningBlock
  | RedactedReasoningBlock
  | RefusalBlock
  | ServerToolBlock;

export interface TextBlock {
  readonly kind: "text";
  readonly text: string;
  readonly citations: readonly Citation[];
  readonly cache: CacheMark | null;
}

export interface ImageBlock {
  readonly kind: "image";
  readonly source: MediaSource;
  /** OpenAI's hint at the resolution; null: none. */
  readonly detail: "low" | "high" | "auto" | "original" | null;
  readonly cache: CacheMark | null;
}

/** A document: PDF, text and the like. */
export interface FileBlock {
  readonly kind: "file";
  readonly source: MediaSource;
  /** File name or title. */
  readonly name: string | null;
  /** What the document is, for the model (Anthropic's `context`). */
  readonly context: string | null;
  /** The model is asked to cite it. */
  readonly cites: boolean;
  readonly cache: CacheMark | null;
}

export interface AudioBlock {
  readonly kind: "audio";
  /** Base64. */
  readonly data: string;
  /** As OpenAI writes it: `wav`, `mp3`. */
  readonly format: string;
}

export interface ToolCallBlock {
  readonly kind: "tool_call";
  readonly id: string;
  readonly name: string;
  /** JSON text as the model wrote it; may be empty or broken, since models err. */
  readonly arguments: string;
  /** Gemini's `thoughtSignature` of the call; null: none. */
  readonly signature: string | null;
  readonly cache: CacheMark | null;
}

export interface ToolResultBlock {
  readonly kind: "tool_result";
  readonly callId: string;
  /** Of the tool, where the API names it; null: find it by the call. */
  readonly name: string | null;
  readonly content: readonly (TextBlock | ImageBlock | FileBlock)[];
  /** Null: the API says nothing of success. Never invent success. */
  readonly isError: boolean | null;
  readonly cache: CacheMark | null;
}

/** What the model thought, as far as the provider shows it. It must come back to the same provider unchanged or not at all. */
export interface ReasoningBlock {
  readonly kind: "reasoning";
  /** OpenAI Responses' id of the item; null: none. */
  readonly id: string | null;
  readonly text: string;
  /** Whether `text` is a summary rather than the thought itself. */
  readonly summary: boolean;
  /** Proves to the provider that the thought is its own (Anthropic and Bedrock `signature`, Gemini `thoughtSignature`, Responses `encrypted_content`). */
  readonly signature: string | null;
  /** Whose signature it is; null: unknown. A signature means nothing to another API. */
  readonly origin: WireApi | null;
}

/** Thought that is only there to be sent back. */
export interface RedactedReasoningBlock {
  readonly kind: "redacted_reasoning";
  readonly data: string;
  readonly origin: WireApi | null;
}

export interface RefusalBlock {
  readonly kind: "refusal";
  readonly text: string;
}

/** A call of a tool that the provider runs itself, or its result, as it stood on the wire. It goes back to the same API only. */
export interface ServerToolBlock {
  readonly kind: "server_tool";
  readonly origin: WireApi;
  readonly value: Readonly<Record<string, unknown>>;
}

/** Where the bytes of an image or a file are. */
export type MediaSource =
  | { readonly type: "base64"; readonly mediaType: string; readonly data: string }
  /** The provider fetches it. `mediaType` is null where the API does not say. */
  | { readonly type: "url"; readonly url: string; readonly mediaType: string | null }
  /** Plain text in place of a file (Anthropic's text documents). */
  | { readonly type: "text"; readonly text: string }
  /** An upload that one provider holds: it cannot cross to another. */
  | { readonly type: "id"; readonly id: string; readonly origin: WireApi };

/** Everything up to here may be cached by the provider. A hint: to drop it loses no meaning. */
export interface CacheMark {
  /** Such as `5m` or `1h`; null: the provider's own. */
  readonly ttl: string | null;
}

/** Where a piece of text comes from. `value` is what stood on the wire of `origin`; the other members are what several APIs can say. */
export interface Citation {
  readonly url: string | null;
  readonly title: string | null;
  readonly quote: string | null;
  /** Characters of the text it stands for, counted in UTF-16 units from 0; null: all of it. */
  readonly start: number | null;
  readonly end: number | null;
  readonly origin: WireApi;
  readonly value: Readonly<Record<string, unknown>>;
}
