import type { CallInFlight } from "../call/attempt/attempt.ts";
import type { AttemptRecord, CallRecord } from "../model/call-record.ts";
import type { Cleared } from "../model/cleared.ts";
import type { Usage } from "../model/operation.ts";
import type { RateCard } from "../model/price.ts";
import { providerNameOf } from "../model/provider-name.ts";
import { matchModel } from "../plan/model-rule.ts";
import type { LoadPriceBook, PricedCall, Pricing } from "../pricing/create-pricing.ts";
import { upstreamModel } from "../providers/upstream-model.ts";

/** What calls cost, before and after they were made. */
export interface CallPrices {
  /** Prices of the call's model at a destination, for so many input tokens; null: not known. */
  rates(call: CallInFlight, cleared: Cleared, inputTokens: number): RateCard | null | Promise<RateCard | null>;
  /** Notes in the record what the call cost, as far as that is known. The first call that needs the book of prices waits for it; its answer has left by then. Never rejects. */
  settle(call: CallInFlight, record: CallRecord): null | Promise<void>;
}

/** Attempts that came to this reached nobody who could charge for them. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  "connect",
  "untrusted",
  "credential_unavailable",
  "request_body",
  "region_locked",
  "limit_exceeded",
  "limits_unavailable",
]);

/** Asks the prices about calls: those of the policies, and of the book that `loadBook` loads; null: there is none. What works out prices loads with the first call that has any. */
export function createCallPrices(loadBook: LoadPriceBook | null): CallPrices {
  let pricing: Pricing | null = null;

  /** Null at once where neither a policy nor a list can know a price: for servers of one's own, and what is no AI call. */
  function withPricing<Found>(
    { price, backend }: PricedCall,
    ask: (pricing: Pricing) => Found | null | Promise<Found | null>,
  ): Found | null | Promise<Found | null> {
    if (price === null && (loadBook === null || providerNameOf(backend) === null)) return null;
    if (pricing !== null) return ask(pricing);
    return import("../pricing/create-pricing.ts").then(({ createPricing }) => {
      pricing ??= createPricing(loadBook);
      return ask(pricing);
    });
  }

  return {
    rates({ body, record }, { target }, inputTokens) {
      const { backend } = target;
      const callers = body.facts?.model ?? null;
      const matched = backend.api === null ? null : matchModel(backend.api, target.model ?? callers);
      const rule = matched === "unknown" ? null : matched;
      const model = upstreamModel(target.model, rule, callers);
      const priced = { backend, price: rule?.price ?? null, model, served: null, time: record.startedAt };
      return withPricing(priced, (known) => known.ratesOf(priced, inputTokens));
    },
    settle({ routed }, record) {
      const { charged, answer } = record;
      const attempt = charged === null ? null : chargedAttempt(record);
      const backend = attempt === null ? undefined : routed.snapshot.backends.get(attempt.backend);
      if (charged === null || attempt === null || backend === undefined) return null;
      const served = attempt.status === 0 ? null : (answer?.responseModel ?? null);
      const priced = { backend, price: attempt.price, model: attempt.model, served, time: record.startedAt };
      const cost = withPricing(priced, (known) => known.costOf(priced, withoutMissing(charged.usage, record), charged.estimated));
      if (cost instanceof Promise)
        return cost.then((known) => {
          record.cost = known;
        });
      record.cost = cost;
      return null;
    },
  };
}

/** The one that served the call, or else the last that may have worked on it. */
function chargedAttempt({ attempts }: CallRecord): AttemptRecord | null {
  return attempts.findLast(({ status, outcome }) => status < 400 && !NEVER_SENT.has(outcome)) ?? null;
}

/** Embeddings have no output, and no provider says so. */
function withoutMissing(usage: Usage, { operation }: CallRecord): Usage {
  return operation.name === "embeddings" && usage.outputTokens === null ? { ...usage, outputTokens: 0 } : usage;
}
