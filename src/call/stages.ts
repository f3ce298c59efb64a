import type { Attribution } from "../attribution/create-attribution.ts";
import type { CallerTokens } from "../credentials/caller-tokens.ts";
import type { IdentityForwarder } from "../credentials/forwarded-identity.ts";
import type { SecretCache } from "../credentials/secret-cache.ts";
import type { AwsSigner } from "../credentials/sign-aws.ts";
import type { Identity } from "../identity/create-identity.ts";
import type { DegradedPort } from "../model/degradation.ts";
import type { EgressEvent } from "../model/event.ts";
import type { Clock, Random, Transport } from "../model/ports.ts";
import type { Concurrency } from "../plan/concurrency.ts";
import type { MirrorGate } from "../plan/mirror-gate.ts";
import type { RetryBudget } from "../plan/retry-budget.ts";
import type { TenantHealth } from "../plan/tenant-health.ts";
import type { LimitDesk } from "../policy/limits/limit-desk.ts";
import type { TokenRatios } from "../policy/limits/token-ratios.ts";
import type { CallPrices } from "../usage/call-prices.ts";
import type { Outlets } from "./guard-outlets.ts";
import type { OpenCalls } from "./open-calls.ts";

/** The parts of the broker that keep state between calls; one set a broker, handed to every call. */
export interface Stages {
  readonly clock: Clock;
  readonly random: Random;
  readonly identity: Identity;
  readonly secrets: SecretCache;
  readonly callerTokens: CallerTokens;
  readonly signer: AwsSigner;
  readonly forwarder: IdentityForwarder;
  readonly openCalls: OpenCalls;
  readonly health: TenantHealth;
  readonly concurrency: Concurrency;
  readonly budget: RetryBudget;
  readonly mirrors: MirrorGate;
  readonly transport: Transport;
  readonly attribution: Attribution;
  /** Counts limits. */
  readonly limits: LimitDesk;
  readonly tokenRatios: TokenRatios;
  readonly prices: CallPrices;
  readonly outlets: Outlets;
  readonly degraded: DegradedPort;
  /** Hands an event to the platform's sink. Never throws, never waits. */
  readonly emit: (event: EgressEvent) => void;
}
