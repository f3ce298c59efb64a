import { joinBytes } from "../lib/utf8.ts";
import type { Answer } from "../model/outcome.ts";
import { type Clock, type ControlCall, type ControlRequest, type OutboundRequest, SecretStoreError, type Transport } from "../model/ports.ts";
import { sendControl } from "./send.ts";

/** A token is some KiB; whoever sends more than this is no token endpoint. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** One call with its answer, in milliseconds. */
const DEADLINE_MS = 5_000;
const TIMEOUTS = { connectMs: 3_000, firstByteMs: 4_500, streamIdleMs: 2_000 };

/** Calls for tokens over the platform's own transport: its address guards, trust and limits hold for them as for every other call. */
export function createControlCall(transport: Transport, clock: Clock): ControlCall {
  return async (request, signal) => {
    signal.throwIfAborted();
    const controller = new AbortController();
    const leave = () => controller.abort();
    signal.addEventListener("abort", leave, { once: true });
    const cancelTimer = clock.after(DEADLINE_MS, leave);
    try {
      const outcome = await sendControl(transport, request.endpoint, outboundOf(request), controller.signal);
      if (outcome.kind !== "answer") throw new SecretStoreError("unavailable", `the token endpoint gave no answer (${outcome.kind})`);
      return { status: outcome.status, headers: outcome.headers, bytes: await readWhole(outcome) };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SecretStoreError) throw error;
      throw new SecretStoreError("unavailable", "the token endpoint could not be asked");
    } finally {
      cancelTimer();
      signal.removeEventListener("abort", leave);
    }
  };
}

function outboundOf({ endpoint, method, headers, body, clientCertificate, revocationLists }: ControlRequest): OutboundRequest {
  const { origin, authority, path, tls, dns } = endpoint;
  return {
    origin,
    method,
    path,
    headers: ["host", authority, "user-agent", "spillway", "accept-encoding", "identity", ...headers],
    body: body === null ? { kind: "none" } : { kind: "bytes", bytes: body },
    upgrade: null,
    protocol: "http1",
    tls,
    clientCertificate,
    revocationLists,
    dns,
    timeouts: TIMEOUTS,
    // Apart from the pools of calls, although the host may be the same.
    poolKey: `control|${origin.scheme}://${authority}`,
  };
}

function readWhole(answer: Answer): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = [];
    let length = 0;
    answer.body.consume({
      chunk: (bytes) => {
        length += bytes.byteLength;
        if (length <= MAX_ANSWER_BYTES) {
          // A copy: the transport may use its buffer again.
          parts.push(bytes.slice());
          return;
        }
        answer.body.cancel();
        reject(new SecretStoreError("malformed", "the answer of the token endpoint is larger than 1 MiB"));
      },
      end: () => resolve(joinBytes(parts)),
      failed: () => reject(new SecretStoreError("unavailable", "the token endpoint broke off its answer")),
    });
  });
}
