import { BODY, LIMITS } from "./cases-body.ts";
import { ERRORS } from "./cases-errors.ts";
import { BROWSERS, COPIES } from "./cases-extended.ts";
import { FAILOVER } from "./cases-failover.ts";
import { HEADERS } from "./cases-headers.ts";
import { HEALTH } from "./cases-health.ts";
import { CREDENTIALS, IDENTITY } from "./cases-identity.ts";
import { REFUSALS } from "./cases-refusals.ts";
import { RETRIES } from "./cases-retries.ts";
import { ROUTING } from "./cases-routing.ts";
import { STREAMING } from "./cases-streaming.ts";
import { TRANSLATION } from "./cases-translation.ts";
import { USAGE } from "./cases-usage.ts";
import type { Vector } from "./vector.ts";

/** Every case, for every platform. */
export const VECTORS: readonly Vector[] = [
  ...ROUTING,
  ...IDENTITY,
  ...CREDENTIALS,
  ...FAILOVER,
  ...RETRIES,
  ...HEALTH,
  ...STREAMING,
  ...REFUSALS,
  ...ERRORS,
  ...HEADERS,
  ...BODY,
  ...LIMITS,
  ...BROWSERS,
  ...COPIES,
  ...TRANSLATION,
  ...USAGE,
];
