import type { Compiled } from "../../../src/config/compile.ts";
import type { CredentialPlan } from "../../../src/model/backend.ts";
import type { SecretReference } from "../../../src/model/secret.ts";
import { backendOf, compileGood, NODE, own, toXBackend, xBackend } from "../config/compile-text.ts";

const SOURCE_REF = { group: "spillway.dev", kind: "SecretSource" } as const;

/** A reference to a SecretSource of that name. */
export const sourceRef = (name: string) => ({ ...SOURCE_REF, name });
/** A SecretSource that reads a variable of the environment. */
export const fromEnv = (name: string, variable: string) => own("SecretSource", name, { env: { name: variable } });
export const fromFile = (name: string, path: string) => own("SecretSource", name, { file: { path } });

export function compileCredentialOf(spec: object, more: readonly string[] = [], platform = NODE, hostname = "one.example.com"): Compiled {
  return compileGood(
    [xBackend("one", { externalHostname: { hostname } }), own("BackendCredentialPolicy", "p", { targetRefs: [toXBackend("one")], ...spec }), ...more],
    platform,
  );
}

/** The plan of a policy on XBackend `team-a/one`. */
export function planOf(spec: object, more: readonly string[] = [], hostname = "one.example.com"): CredentialPlan {
  // `compileGood` has a snapshot.
  const plan = backendOf(compileCredentialOf(spec, more, NODE, hostname) as Parameters<typeof backendOf>[0], "XBackend/team-a/one").credential;
  if (plan === null) throw new Error("no credential");
  return plan;
}

/** The token or keys of it. */
export function secretOfPlan(plan: CredentialPlan): SecretReference {
  if (plan.type === "passthrough") throw new Error("passthrough has no secret");
  return plan.secret;
}
