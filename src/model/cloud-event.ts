import type { Exchange } from "./exchange.ts";
import type { HeaderList } from "./http.ts";

/** A CloudEvent 1.0 (CNCF specification), whatever it came in or goes out by. */
export interface CloudEvent {
  readonly id: string;
  /** URI reference; `source` and `id` together name the event. */
  readonly source: string;
  readonly type: string;
  readonly subject: string | null;
  /** RFC 3339. */
  readonly time: string | null;
  readonly dataContentType: string | null;
  readonly dataSchema: string | null;
  /** Extension attributes: names of lower-case letters and digits. */
  readonly extensions: Readonly<Record<string, string>>;
  readonly data: EventData;
}

/** The payload. `json` is parsed; `bytes` is what `data_base64`, or a binary-mode body of another media type, held. */
export type EventData =
  | { readonly kind: "none" }
  | { readonly kind: "json"; readonly value: unknown }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/** What became of an event that was handed to the broker: it decides whether the platform acknowledges it. */
export type EventVerdict =
  /** Acknowledge it. `reply` is the answer where the sender wanted it back; null: it has been published, or there is none. */
  | { readonly kind: "done"; readonly reply: CloudEvent | null }
  /** Deliver it again later: nothing is lost. `status` is one that CloudEvents senders retry (409, 429, 503). */
  | { readonly kind: "retry"; readonly status: number; readonly detail: string; readonly retryAfterSeconds: number | null }
  /** Delivering it again cannot help: it belongs in the dead-letter queue. `status` is one that senders do not retry (400, 401, 403). */
  | { readonly kind: "poison"; readonly status: number; readonly detail: string };

/** An HTTP message that brings events to the broker itself. */
export interface IncomingEvents {
  readonly headers: HeaderList;
  readonly authority: string;
  /** Read once the sender is proved, and not before; null: it is larger than what is read. */
  readonly body: () => Promise<Uint8Array | null>;
  readonly platform: EventPlatform;
}

/** What the platform knows of a message beside its bytes. */
export type EventPlatform = Pick<Exchange, "principal" | "place" | "remainingMs" | "waitUntil">;

/** The answer to it. */
export interface EventAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}
