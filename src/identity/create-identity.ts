import type { Identified, Received } from "../model/call.ts";
import { abortSignalOf } from "../model/call-signal.ts";
import type { Caller, CredentialSlot } from "../model/caller.ts";
import type { DegradedPort } from "../model/degradation.ts";
import { Refusal } from "../model/errors.ts";
import type { Clock, DocumentFetcher, TokenReviewer } from "../model/ports.ts";
import type { CompiledGateway } from "../model/snapshot.ts";
import { createGatewayVerifier, type GatewayVerifier } from "./gateway-verifier.ts";
import type { ReadSecret } from "./held-keys.ts";
import type { Asker, KeySource } from "./key-set.ts";
import { type PresentedCredential, presentedCredentials } from "./presented-credentials.ts";
import { principalCaller } from "./principal-caller.ts";
import { readChain } from "./read-chain.ts";
import { createRemoteKeys } from "./remote-keys.ts";
import type { TokenReviews } from "./token-reviews.ts";
import { rejected, type Unproved } from "./verdict.ts";

export interface IdentityOptions {
  readonly clock: Clock;
  readonly documents: DocumentFetcher;
  readonly readSecret: ReadSecret;
  /** Lower-case hex sha-256 of the UTF-8 text. Given, a token that was verified before is recognised without waiting; else WebCrypto digests. */
  readonly digest?: (text: string) => string;
  /** False on Workers, where a promise that one request began must not be awaited by another. Default true. */
  readonly shareFlights?: boolean;
  /** Left out: callers of issuers with `tokenReview` are `not_ready`. */
  readonly tokenReviewer?: () => Promise<TokenReviewer>;
  /** Told while an issuer gives no keys, or the cluster no word on tokens; left out: nobody is. */
  readonly degraded?: DegradedPort;
}

/** Stage 2: who calls. */
export interface Identity {
  /**
   * Throws, or rejects with, `Refusal`: `identity_missing`, `identity_rejected`, or `not_ready` when keys cannot be read; for a broker whose
   * `Egress-Chain` cannot be honoured `request_malformed` or `egress_loop`.
   * Rejects with the exchange's signal's reason when the caller leaves.
   */
  identify(received: Received): Identified | Promise<Identified>;
}

const ANONYMOUS: Caller = { namespace: "anonymous", serviceAccount: null, workload: null, proof: { kind: "anonymous", issuer: "anonymous" } };

/** Issuers of all Gateways together; beyond it the oldest is forgotten and would be fetched anew. */
const MAX_KEY_SOURCES = 256;

export function createIdentity(options: IdentityOptions): Identity {
  const { clock, documents, readSecret, digest = null, shareFlights = true, degraded } = options;
  let reviews: TokenReviews | null = null;
  // By Gateway object: a reload begins anew, so that an issuer that was struck out is struck out at once.
  const verifiers = new WeakMap<CompiledGateway, GatewayVerifier>();
  // By address: keys outlive a reload, so that a reload while the issuer is down locks nobody out.
  const sources = new Map<string, KeySource>();

  function remoteKeys(uri: string): KeySource {
    const known = sources.get(uri);
    if (known !== undefined) return known;
    const oldest = sources.size < MAX_KEY_SOURCES ? undefined : sources.keys().next().value;
    if (oldest !== undefined) sources.delete(oldest);
    const source = createRemoteKeys(uri, { clock, documents, shareFlights, degraded });
    sources.set(uri, source);
    return source;
  }

  /** Loaded with the first token that a cluster is to be asked about; one for all Gateways. */
  async function tokenReviews(): Promise<TokenReviews> {
    const { createTokenReviews } = await import("./token-reviews.ts");
    reviews ??= createTokenReviews({ load: options.tokenReviewer ?? null, clock, degraded });
    return reviews;
  }

  function verifierOf(gateway: CompiledGateway): GatewayVerifier {
    const known = verifiers.get(gateway);
    if (known !== undefined) return known;
    const verifier = createGatewayVerifier(gateway.identity, { clock, readSecret, remoteKeys, tokenReviews, shareFlights });
    verifiers.set(gateway, verifier);
    return verifier;
  }

  /** The first credential that verifies, in the order of the slots, from number `from` on. */
  async function verify(received: Received, presented: readonly PresentedCredential[], from: number, faults: Fault[]): Promise<Identified> {
    const verifier = verifierOf(received.gateway);
    const { exchange } = received;
    const asker: Asker = { signal: abortSignalOf(exchange.signal), waitUntil: (work) => exchange.waitUntil(work) };
    for (const credential of presented.slice(from)) {
      const { slot, token, fault } = credential;
      if (fault !== null) {
        faults.push({ slot, ...rejected(fault) });
        continue;
      }
      const key = digest === null ? await webDigest(token) : digest(token);
      const verdict = verifier.remembered(key) ?? (await verifier.verify(token, key, asker));
      if (verdict.kind === "proved") return identified(received, verdict.caller, slot);
      faults.push({ slot, ...verdict });
    }
    throw refusalOf(faults);
  }

  return {
    identify(received) {
      const { identity: plan } = received.gateway;
      // Whoever may be anyone is not asked: what stands in the slots is then the caller's own, for the destination.
      if (plan.anonymous === "Allow" && plan.issuers.length === 0 && plan.apiKeys === null && plan.principals.length === 0)
        return identified(received, ANONYMOUS, null);
      const presented = presentedCredentials(received.exchange.headers, received.handshake);
      if (presented.length === 0) {
        const { principal } = received.exchange;
        const known = principal === null ? null : principalCaller(plan.principals, principal);
        if (known !== null) return identified(received, known, null);
        if (plan.anonymous === "Allow") return identified(received, ANONYMOUS, null);
        throw new Refusal("identity_missing", { detail: "Send the broker's token as Authorization: Bearer, x-api-key, api-key or x-goog-api-key." });
      }
      // A credential that is shown and does not verify is refused, never taken for anonymous.
      if (digest === null) return verify(received, presented, 0, []);
      const verifier = verifierOf(received.gateway);
      const faults: Fault[] = [];
      for (const [index, { slot, token, fault }] of presented.entries()) {
        if (fault !== null) {
          faults.push({ slot, ...rejected(fault) });
          continue;
        }
        const verdict = verifier.remembered(digest(token));
        if (verdict === null) return verify(received, presented, index, faults);
        if (verdict.kind === "proved") return identified(received, verdict.caller, slot);
        faults.push({ slot, ...verdict });
      }
      throw refusalOf(faults);
    },
  };
}

function identified(received: Received, caller: Caller, tokenSlot: CredentialSlot | null): Identified {
  return { ...received, caller, tokenSlot, chain: readChain(received.exchange.headers, caller) };
}

interface Fault extends Unproved {
  readonly slot: CredentialSlot;
}

/** Refused either way; when something could not be checked the caller is told to come again instead of throwing its token away. */
function refusalOf(faults: readonly Fault[]): Refusal {
  const detail = `${faults.map(({ slot, reason }) => `${slot}: ${reason}`).join("; ")}.`;
  return faults.some(({ kind }) => kind === "unknown")
    ? new Refusal("not_ready", { detail: `The credential could not be checked. ${detail}`, retryAfter: 1 })
    : new Refusal("identity_rejected", { detail });
}

async function webDigest(text: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
