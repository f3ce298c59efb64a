import type { Caller } from "../model/caller.ts";
import { MAX_HOPS } from "../model/chain.ts";
import type { IssuerPlan } from "../model/identity-plan.ts";
import { member } from "./token-parts.ts";
import { rejected, type Unproved } from "./verdict.ts";

type Claims = Readonly<Record<string, unknown>>;

/** Whom the verified claims of this issuer stand for. */
export function claimedCaller(issuer: IssuerPlan, claims: Claims): Caller | Unproved {
  for (const [name, values] of issuer.requiredClaims) {
    const value = member(claims, name);
    const held: readonly unknown[] = Array.isArray(value) ? value : [value];
    // A boolean such as `email_verified` is written as text in a manifest.
    if (!held.some((one) => (typeof one === "string" || typeof one === "boolean") && values.includes(String(one)))) {
      return rejected(`the token's claim ${name} is not one that this issuer's callers must have`);
    }
  }
  switch (issuer.type) {
    case "KubernetesServiceAccount":
      return kubernetesCaller(issuer, claims);
    case "OIDC":
      return oidcCaller(issuer, claims);
    case "Broker":
      return forwardedCaller(issuer, claims);
  }
}

/** RFC 1123 label: what a namespace may be called. */
const NAMESPACE = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
/** RFC 1123 subdomain: what a service account or pod may be called. */
const OBJECT_NAME = /^[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?$/;
/** Names in other issuers' claims: printable, so that they can stand in a metric label and a log line. */
const CLAIMED_NAME = /^[\x21-\x7e]{1,253}$/;

/** The subject and the `kubernetes.io` claims tell the same twice: a token in which they differ is not one that the API server made. */
function kubernetesCaller(issuer: IssuerPlan, claims: Claims): Caller | Unproved {
  const subject = member(claims, "sub");
  const parts = typeof subject === "string" ? subject.split(":") : [];
  const [system, kind, namespace = "", serviceAccount = ""] = parts;
  if (parts.length !== 4 || system !== "system" || kind !== "serviceaccount" || !NAMESPACE.test(namespace) || !OBJECT_NAME.test(serviceAccount)) {
    return rejected("the subject is not a service account");
  }
  const details = member(claims, "kubernetes.io");
  if (member(details, "namespace") !== namespace || member(member(details, "serviceaccount"), "name") !== serviceAccount) {
    return rejected("the kubernetes.io claims do not agree with the subject");
  }
  const pod = member(member(details, "pod"), "name");
  if (pod !== undefined && (typeof pod !== "string" || !OBJECT_NAME.test(pod))) return rejected("the pod in the kubernetes.io claims has no proper name");
  return { namespace, serviceAccount, workload: pod ?? null, proof: { kind: "jwt", issuer: issuer.name } };
}

function oidcCaller(issuer: IssuerPlan, claims: Claims): Caller | Unproved {
  const namespace = issuer.namespace ?? (issuer.claims === null ? undefined : member(claims, issuer.claims.namespace));
  if (typeof namespace !== "string" || !NAMESPACE.test(namespace)) return rejected("no claim names the caller's namespace");
  const serviceAccount = claimedName(claims, issuer.claims?.serviceAccount ?? null);
  const workload = claimedName(claims, issuer.claims?.workload ?? null);
  if (serviceAccount === "bad" || workload === "bad") return rejected("a claim that names the caller is not a printable name");
  return { namespace, serviceAccount: serviceAccount?.name ?? null, workload: workload?.name ?? null, proof: { kind: "jwt", issuer: issuer.name } };
}

/** As `credentials/forwarded-identity.ts` of the other broker writes them. */
function forwardedCaller(issuer: IssuerPlan, claims: Claims): Caller | Unproved {
  const namespace = member(claims, "namespace");
  if (typeof namespace !== "string" || !NAMESPACE.test(namespace)) return rejected("no claim names the caller's namespace");
  if (issuer.speaksFor === null || (issuer.speaksFor !== "any" && !issuer.speaksFor.has(namespace))) {
    return rejected(`the broker ${issuer.name} may not speak for callers of this namespace`);
  }
  const serviceAccount = claimedName(claims, "serviceAccount");
  const workload = claimedName(claims, "workload");
  const actors = actorsOf(claims);
  if (serviceAccount === "bad" || workload === "bad" || actors === null) return rejected("a claim that names the caller or a broker is not a printable name");
  return { namespace, serviceAccount: serviceAccount?.name ?? null, workload: workload?.name ?? null, proof: { kind: "broker", issuer: issuer.name, actors } };
}

/** The `act` claims (RFC 8693 section 4.1), the outermost first: who hands the call on now, then who did before. Null: they are none. */
function actorsOf(claims: Claims): readonly string[] | null {
  const actors: string[] = [];
  for (let actor = member(claims, "act"); actor !== undefined; actor = member(actor, "act")) {
    const name = member(actor, "sub");
    if (typeof name !== "string" || !CLAIMED_NAME.test(name) || actors.length === MAX_HOPS) return null;
    actors.push(name);
  }
  return actors.length === 0 ? null : actors;
}

function claimedName(claims: Claims, claim: string | null): { readonly name: string } | null | "bad" {
  const value = claim === null ? undefined : member(claims, claim);
  if (value === undefined || value === null) return null;
  return typeof value === "string" && CLAIMED_NAME.test(value) ? { name: value } : "bad";
}
