import { isGrpc } from "../lib/grpc-protocol.ts";
import type { ApiProfile } from "../model/backend.ts";
import type { Candidate, Routed } from "../model/call.ts";
import { type Cleared, clear, placeFault } from "../model/cleared.ts";
import { Refusal } from "../model/errors.ts";
import type { Exclusion, Planned } from "../model/planned.ts";
import type { Random } from "../model/ports.ts";
import { candidatesOf } from "./candidates-of.ts";
import type { HealthView } from "./health.ts";
import { matchModel } from "./model-rule.ts";
import { PlanRefusal } from "./plan-refusal.ts";

/** What planning needs to know of the call itself. */
export interface PlanRequest {
  /** Model of the JSON body; null where there is none or it could not be read. */
  readonly model: string | null;
  /** Whether a backend that speaks this API can serve the call, by translation if need be. */
  readonly serves: (api: ApiProfile) => boolean;
}

/**
 * Stage 5: the ordered candidates of a call and why the others are out. The lock speaks before anything else, and what it denies never
 * comes back. Throws a `PlanRefusal` when nothing is left (`region_locked`, `model_unknown`, `translation_unsupported`, `upgrade_unsupported`, `egress_loop`), and a `Refusal`
 * `backend_invalid` or `route_rejected` for the share of calls that falls on a reference that cannot be used, or a rule without targets.
 * Draws from `random`; else without effect.
 */
export function plan(routed: Routed, request: PlanRequest, health: HealthView, random: Random): Planned {
  const { rule, lock } = routed;
  if (rule.action.kind !== "forward") throw new Refusal("internal_error", { detail: "A rule that does not forward has no destinations." });
  const misplaced = placeFault(routed.exchange.place, lock);
  if (misplaced !== null) throw new Refusal("region_locked", { detail: `This broker may not serve the call: ${misplaced}.` });
  const found = candidatesOf(rule.action.targets, random);
  if ("statusCode" in found) return { candidates: [], redirect: found, excluded: [] };
  const excluded: Exclusion[] = [];
  const usable: Cleared[] = [];
  for (const candidate of found) {
    const backend = candidate.target.backend.key;
    const clearance = clear(candidate, lock, routed.exchange.place);
    if (!clearance.ok) {
      excluded.push({ backend, reason: "region", evidence: clearance.evidence });
      continue;
    }
    const reason = unfit(candidate, request, routed);
    if (reason === null) usable.push(clearance.cleared);
    else excluded.push({ backend, reason, evidence: null });
  }
  if (usable.length === 0) throw nothingLeft(excluded, request.model, routed);
  return { candidates: withinAttempts(healthy(usable, health, excluded)), redirect: null, excluded };
}

/** Why this backend cannot serve this call at all; null: it can. */
export function unfit(
  { target }: Candidate,
  request: PlanRequest,
  routed: Pick<Routed, "chain" | "operation" | "handshake" | "exchange">,
): Exclusion["reason"] | null {
  const { api, parent, protocol } = target.backend;
  const { chain, operation, handshake, exchange } = routed;
  if (protocol === "http1" ? isGrpc(exchange.protocol, exchange.headers) : handshake !== null) return "protocol";
  if (parent !== null && chain !== null && chain.hop >= chain.maxHops) return "hops";
  if (api === null) return null;
  if (!request.serves(api)) return "dialect";
  const model = target.model ?? request.model;
  // A model that could not be read is not one that was allowed: otherwise an encoded body would step around the list.
  // What a WebSocket asks of a model is in its frames, which nobody reads: it counts as asking for something.
  if (model === null && (operation.inference || handshake !== null) && api.onUnknownModel === "Reject") return "model";
  return matchModel(api, model) === "unknown" ? "model" : null;
}

/** Without the backends that are out, unless that leaves none: trying a sick backend beats refusing a call that it might serve. */
function healthy(usable: readonly Cleared[], health: HealthView, excluded: Exclusion[]): readonly Cleared[] {
  const well = usable.filter((cleared) => health.available(cleared.target.backend.key));
  if (well.length === 0 || well.length === usable.length) return usable;
  for (const cleared of usable) if (!well.includes(cleared)) excluded.push({ backend: cleared.target.backend.key, reason: "evicted", evidence: null });
  return well;
}

/** `failover.attemptsPerTier` counts backends that would be called, so that an evicted one does not use up its tier. */
function withinAttempts(candidates: readonly Cleared[]): readonly Cleared[] {
  const used = new Map<number, number>();
  return candidates.filter((cleared) => {
    const limit = cleared.failover?.attemptsPerTier ?? null;
    if (limit === null) return true;
    const count = (used.get(cleared.tier) ?? 0) + 1;
    used.set(cleared.tier, count);
    // A tier always gets one try: a limit below that would be a rule without destinations.
    return count <= Math.max(1, limit);
  });
}

function nothingLeft(excluded: readonly Exclusion[], model: string | null, { operation, handshake }: Pick<Routed, "operation" | "handshake">): PlanRefusal {
  // A destination inside the lock that does not fit is the more useful thing to tell than one outside it.
  if (excluded.some((one) => one.reason === "model")) {
    const detail =
      model === null
        ? "This route offers only listed models, and the call names none that can be read."
        : "No destination of this route offers the model of this call.";
    return new PlanRefusal("model_unknown", detail, excluded);
  }
  if (excluded.some((one) => one.reason === "dialect")) {
    const detail = `Every destination of this route speaks another API than the one that was called, and "${operation.name}" calls are neither translated nor guessed.`;
    return new PlanRefusal("translation_unsupported", detail, excluded);
  }
  if (excluded.some((one) => one.reason === "protocol")) {
    if (handshake !== null)
      return new PlanRefusal("upgrade_unsupported", "Every destination of this route is spoken to in HTTP/2, where no WebSocket is carried.", excluded);
    const detail = "gRPC needs a destination that speaks HTTP/2: XBackend protocol HTTP2 or H2C, or a Service port with appProtocol kubernetes.io/h2c.";
    return new PlanRefusal("translation_unsupported", detail, excluded);
  }
  if (excluded.some((one) => one.reason === "hops")) {
    return new PlanRefusal(
      "egress_loop",
      "The call has passed as many brokers as it may (BackendConnectionPolicy parent.maxHops), and only another broker is left.",
      excluded,
    );
  }
  const why = [...new Set(excluded.map((one) => one.evidence?.reason ?? ""))].join("; ");
  return new PlanRefusal("region_locked", `No destination lies inside the allowed regions: ${why}.`, excluded);
}
