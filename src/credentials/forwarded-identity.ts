import { createSingleFlight, type SingleFlight } from "../lib/single-flight.ts";
import { createTtlCache, type TtlCache } from "../lib/ttl-cache.ts";
import type { ForwardedIdentity } from "../model/backend.ts";
import type { Caller } from "../model/caller.ts";
import type { Clock } from "../model/ports.ts";
import { Secret } from "../model/secret.ts";
import type { SigningKey } from "./signing-key.ts";

/** For whom, and as whom, a token is made. */
export interface ForwardedCall {
  readonly plan: ForwardedIdentity;
  /** The value of `plan.signingKey` now. */
  readonly key: Secret;
  /** Of the Gateway that the call came to. */
  readonly chainId: string;
  readonly caller: Caller;
}

/** Tells parents who calls. Tokens are signed once for many calls of the same caller. */
export interface IdentityForwarder {
  /** A token that is held and good for a quarter of its time yet; null: `sign` one. */
  peek(call: ForwardedCall): Secret | null;
  /** Rejects with `SecretStoreError` `malformed` when the key cannot sign. */
  sign(call: ForwardedCall): Promise<Secret>;
}

const MAX_TOKENS = 4_096;
/** The part of a token's time in which it is handed out: the rest is for the way, and for clocks that differ. */
const USED_FOR = 0.75;

/** What was made with one value of a key: a rotated key begins anew, and the old one's tokens go with its secret. */
interface Signer {
  key: SigningKey | null;
  readonly tokens: TtlCache<Secret>;
  readonly flights: SingleFlight<Secret>;
}

/** `shareFlights` false: on Workers a promise that one call began must not be awaited by another. */
export function createIdentityForwarder(options: { readonly clock: Clock; readonly shareFlights: boolean }): IdentityForwarder {
  const { clock, shareFlights } = options;
  // The secret cache gives one object as long as the value is the same.
  const signers = new WeakMap<Secret, Signer>();

  function signerOf(secret: Secret): Signer {
    const known = signers.get(secret);
    if (known !== undefined) return known;
    const signer: Signer = { key: null, tokens: createTtlCache({ maxEntries: MAX_TOKENS, monotonic: clock.monotonic }), flights: createSingleFlight() };
    signers.set(secret, signer);
    return signer;
  }

  async function signNow(call: ForwardedCall, signer: Signer, name: string): Promise<Secret> {
    if (signer.key === null) {
      // Few brokers have a parent: the others start without what signs.
      const { readSigningKey } = await import("./signing-key.ts");
      signer.key = await readSigningKey(call.key);
    }
    const token = new Secret(await signer.key.sign(claimsOf(call, Math.floor(clock.now() / 1_000))), null);
    signer.tokens.set(name, token, call.plan.ttlSeconds * 1_000 * USED_FOR);
    return token;
  }

  return {
    peek: (call) => signers.get(call.key)?.tokens.get(nameOf(call)) ?? null,
    sign(call) {
      const signer = signerOf(call.key);
      const name = nameOf(call);
      return shareFlights ? signer.flights.join(name, () => signNow(call, signer, name), null) : signNow(call, signer, name);
    },
  };
}

/** JSON keeps the parts apart whatever they hold. */
function nameOf({ plan, chainId, caller }: ForwardedCall): string {
  return JSON.stringify([
    plan.audience,
    plan.ttlSeconds,
    plan.issuer ?? chainId,
    chainId,
    caller.namespace,
    caller.serviceAccount,
    caller.workload,
    actorsOf(caller),
  ]);
}

function claimsOf({ plan, chainId, caller }: ForwardedCall, now: number): Readonly<Record<string, unknown>> {
  const { namespace, serviceAccount, workload } = caller;
  return {
    iss: plan.issuer ?? chainId,
    aud: plan.audience,
    sub: serviceAccount === null ? namespace : `${namespace}/${serviceAccount}`,
    iat: now,
    exp: now + plan.ttlSeconds,
    jti: crypto.randomUUID(),
    namespace,
    ...(serviceAccount === null ? {} : { serviceAccount }),
    ...(workload === null ? {} : { workload }),
    act: nested([chainId, ...actorsOf(caller)]),
  };
}

function actorsOf({ proof }: Caller): readonly string[] {
  return proof.kind === "broker" ? proof.actors : [];
}

/** RFC 8693 section 4.1: the current actor outermost, those before it nested. */
function nested(actors: readonly string[]): object | undefined {
  return actors.reduceRight<object | undefined>((act, sub) => (act === undefined ? { sub } : { sub, act }), undefined);
}
