import type { Caller, PlatformPrincipal } from "../model/caller.ts";
import type { PrincipalPlan } from "../model/identity-plan.ts";

/** Whom the platform's principal stands for: the first entry that names it; null: none does. */
export function principalCaller(plans: readonly PrincipalPlan[], principal: PlatformPrincipal): Caller | null {
  const plan = plans.find(({ type, name }) => type === principal.type && matches(name, principal.name));
  if (plan === undefined) return null;
  return { namespace: plan.namespace, serviceAccount: plan.serviceAccount, workload: null, proof: { kind: "platform", issuer: principal.type } };
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
