import type { DegradedPort } from "../model/degradation.ts";
import type { EgressEvent } from "../model/event.ts";
import type { ControlCall, SecretStore } from "../model/ports.ts";
import type { SecretReference } from "../model/secret.ts";
import { isPerCaller, MAX_CALLER_TOKENS } from "./caller-tokens.ts";
import { createSecretCache, type SecretCache, type SecretCacheOptions } from "./secret-cache.ts";
import { type AwsSigner, createAwsSigner } from "./sign-aws.ts";
import { createTokenStore } from "./tokens/token-store.ts";

/** A policy whose callers' tokens cannot be had is told of once in this time, however many callers it has. Milliseconds. */
const TELL_EVERY_MS = 60_000;
const MAX_TOLD = 256;

export interface Secrets {
  readonly cache: SecretCache;
  readonly signer: AwsSigner;
}

/**
 * The secrets of a broker and the tokens that are made of them. Tokens of single callers are held apart: a caller with many tokens must not
 * push out what all others need.
 */
export function createSecrets(options: SecretCacheOptions & { readonly call: ControlCall }): Secrets {
  const { call, ...shared } = options;
  const { clock, stores, emit, degraded } = shared;
  const signer = createAwsSigner(clock.now);
  const tokens: SecretStore = createTokenStore({ clock, call, stores, secrets: () => secrets, signer });
  const secrets = createSecretCache({ ...shared, stores: [...stores, tokens] });
  const { watch: _, ...unwatched } = shared;
  const callers = createSecretCache({
    ...unwatched,
    stores: [tokens],
    emit: seldom(emit),
    maxEntries: MAX_CALLER_TOKENS,
    ...(degraded === undefined ? {} : { degraded: byPolicy(degraded) }),
  });
  const cacheOf = (reference: SecretReference): SecretCache => (isPerCaller(reference) ? callers : secrets);
  return {
    signer,
    cache: {
      peek: (reference) => cacheOf(reference).peek(reference),
      read: (reference, signal, waitUntil) => cacheOf(reference).read(reference, signal, waitUntil),
      refetch: (reference, used, signal) => cacheOf(reference).refetch(reference, used, signal),
      invalidate: (matches) => secrets.invalidate(matches) + callers.invalidate(matches),
      status: secrets.status,
    },
  };
}

function seldom(emit: (event: EgressEvent) => void): (event: EgressEvent) => void {
  const told = new Map<string, number>();
  return (event) => {
    const subject = policyOf(event.subject);
    if (event.time < (told.get(subject) ?? Number.NEGATIVE_INFINITY) + TELL_EVERY_MS) return;
    if (told.size >= MAX_TOLD) told.clear();
    told.set(subject, event.time);
    emit({ ...event, subject });
  };
}

/** What one caller's token cannot be had for is told of the policy, until any caller gets one. */
function byPolicy({ enter, leave }: DegradedPort): DegradedPort {
  return { enter: (part, subject, reason, more) => enter(part, policyOf(subject), reason, more), leave: (part, subject) => leave(part, policyOf(subject)) };
}

/** The id of a caller's token without the caller. */
function policyOf(subject: string): string {
  return subject.split("#", 1)[0] ?? subject;
}
