import { find } from "./header-list.ts";
import { LONGEST_TIMER_MS } from "./longest-timer.ts";

/** `application/grpc`, `application/grpc+proto`; not `application/grpc-web`, which is no more than a body over any HTTP. */
const GRPC_TYPE = /^application\/grpc(?:\+[^;\s]+)?(?:\s*;|\s*$)/i;
const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 0.001, n: 0.000_001 };
const encoder = new TextEncoder();

/** Whether a call is gRPC, which HTTP/2 alone carries: its status comes in trailers. `protocol` such as `1.1`, `2.0` or `HTTP/2`. */
export function isGrpc(protocol: string, headers: readonly string[]): boolean {
  // Nearly every call is HTTP/1.1 and is done here.
  if (protocol.endsWith("1.1") || protocol.endsWith("1.0")) return false;
  const type = find(headers, "content-type");
  return type !== null && GRPC_TYPE.test(type);
}

/** `grpc-timeout` in milliseconds, rounded up, at most about 24 days; null: there is none, or it cannot be read, which gRPC servers take for none too. */
export function grpcTimeoutMs(headers: readonly string[]): number | null {
  const parts = TIMEOUT.exec(find(headers, "grpc-timeout") ?? "");
  const unit = UNIT_MS[parts?.[2] ?? ""];
  return parts === null || unit === undefined ? null : Math.min(Math.ceil(Number(parts[1]) * unit), LONGEST_TIMER_MS);
}

/** Text as `grpc-message` carries it: UTF-8, of which all but printable ASCII, and the percent sign, is percent-encoded. */
export function grpcMessage(text: string): string {
  let message = "";
  for (const byte of encoder.encode(text)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    message += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return message;
}
