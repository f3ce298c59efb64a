import type { AttemptFailure } from "../../src/index.ts";
import { ConnectFailure } from "./connect-failure.ts";
import type { Connection } from "./guarded-connect.ts";
import { errors } from "./undici-parts.ts";
import { clientRefusal } from "./untrusted-reason.ts";

/**
 * What an error of undici or of the socket means. The text is ours: undici's parser errors carry the bytes that the
 * destination sent, which may echo a credential (T6). `sent`: the request was being written when it broke.
 */
export function failureOf(error: unknown, sent: boolean): AttemptFailure {
  if (error instanceof ConnectFailure) return error.failure;
  const code = codeOf(error);
  // By class: undici 7.30 leaves its code undefined.
  if (error instanceof errors.HTTPParserError) return { kind: "protocol", message: "the destination's answer is not HTTP/1.1" };
  switch (code) {
    case "UND_ERR_HEADERS_OVERFLOW":
      return { kind: "protocol", message: "the header section of the answer is too large" };
    case "UND_ERR_RES_CONTENT_LENGTH_MISMATCH":
      return { kind: "protocol", message: "the answer is shorter or longer than it declared" };
    case "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH":
      return { kind: "request_body", message: "the request body is shorter or longer than the caller declared" };
    case "UND_ERR_INVALID_ARG":
    case "UND_ERR_NOT_SUPPORTED":
      return { kind: "protocol", message: "the request cannot be written as HTTP/1.1" };
    default:
      break;
  }
  return reset(sent);
}

/**
 * With TLS 1.3 a server refuses the client's certificate after the client has taken the handshake for done: then the connection's own error says
 * why the request never got an answer. Null: it was something else. `presented`: we have shown a certificate.
 */
export function lateHandshakeFailure(connection: Connection | null, presented: boolean): AttemptFailure | null {
  const code = connection?.errorCode ?? "";
  if (!code.startsWith("ERR_SSL_")) return null;
  const reason = clientRefusal(code, presented);
  if (reason !== null) return { kind: "untrusted", reason, message: "the destination did not accept us without another client certificate" };
  return { kind: "connect", detail: "tls", message: "the destination ended the TLS handshake" };
}

function reset(sent: boolean): AttemptFailure {
  return { kind: "reset", sent, message: sent ? "the destination closed the connection" : "the connection was closed before the request was sent" };
}

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
