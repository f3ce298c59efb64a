import { type AnswerBody, type AttemptFailure, type OutboundRequest, type Outcome, PLAIN_DNS, type TlsProfile } from "../../src/index.ts";

/** A request to a fake upstream on loopback; whatever the test needs otherwise is in `changes`. */
export function outbound(port: number, changes: Partial<OutboundRequest> = {}): OutboundRequest {
  return {
    origin: { scheme: changes.tls ? "https" : "http", hostname: "api.openai.com", port },
    method: "POST",
    path: "/v1/chat/completions",
    headers: ["host", "api.openai.com", "content-type", "application/json"],
    body: { kind: "bytes", bytes: Buffer.from('{"model":"m"}') },
    upgrade: null,
    protocol: "http1",
    tls: null,
    clientCertificate: null,
    revocationLists: [],
    dns: { ...PLAIN_DNS, addresses: ["127.0.0.1"] },
    timeouts: { connectMs: 20_000, firstByteMs: 20_000, streamIdleMs: 20_000 },
    poolKey: "test",
    ...changes,
  };
}

export function tlsProfile(changes: Partial<TlsProfile> = {}): TlsProfile {
  return {
    serverName: "api.openai.com",
    ca: null,
    subjectAltNames: [],
    clientCertificate: null,
    clientCertificateBinding: null,
    minVersion: "TLSv1.2",
    pins: [],
    crl: null,
    ...changes,
  };
}

/** How a whole body ended, and what came of it. */
export interface Drained {
  readonly text: string;
  readonly failure: AttemptFailure | null;
}

export function drain(body: AnswerBody): Promise<Drained> {
  return new Promise((resolve) => {
    const parts: Uint8Array[] = [];
    const settle = (failure: AttemptFailure | null): void => resolve({ text: Buffer.concat(parts).toString(), failure });
    body.consume({ chunk: (bytes) => void parts.push(bytes), end: () => settle(null), failed: settle });
  });
}

/** The answer of an outcome; throws when it is a failure. */
export function answerOf(outcome: Outcome): Extract<Outcome, { kind: "answer" }> {
  if (outcome.kind !== "answer") throw new Error(`no answer but ${outcome.kind}: ${outcome.message}`);
  return outcome;
}

/** What a failure is, in one word or two, for tables. */
export function labelOf(outcome: Outcome): string {
  if (outcome.kind === "connect") return `connect ${outcome.detail}`;
  if (outcome.kind === "timeout") return `timeout ${outcome.phase}`;
  if (outcome.kind === "reset") return outcome.sent ? "reset sent" : "reset unsent";
  return outcome.kind;
}

/** Waits until the condition holds; throws after twenty seconds. For what only a socket can tell. */
export async function until(condition: () => boolean, what: string): Promise<number> {
  const started = performance.now();
  while (!condition()) {
    if (performance.now() - started > 20_000) throw new Error(`it never came about: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return performance.now() - started;
}
