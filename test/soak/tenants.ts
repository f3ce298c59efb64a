/** A team with a credential of its own at every destination. */
export interface Tenant {
  readonly name: string;
  /** How its calls prove who they are. */
  readonly proof: "key" | "token";
  /** What becomes of its calls while the store of limits gives no answer. */
  readonly onStoreFailure: "FailOpen" | "FailClosed" | "Local";
}

export const TENANTS: readonly Tenant[] = [
  { name: "tenant-0", proof: "key", onStoreFailure: "FailOpen" },
  { name: "tenant-1", proof: "key", onStoreFailure: "FailClosed" },
  { name: "tenant-2", proof: "token", onStoreFailure: "FailOpen" },
  { name: "tenant-3", proof: "token", onStoreFailure: "Local" },
];

/** Roles of destinations. `primary` and `second` speak OpenAI's API, one after the other; `files` takes and gives plain bytes. */
export const ROLES = ["primary", "second", "files"] as const;
export type Role = (typeof ROLES)[number];

export const hostOf = (role: Role, tenant: string): string => `${role}.${tenant}.example`;

/** The caller's own key at the broker. */
export const callerKey = (tenant: string): string => `soak-caller-of-${tenant}`;

export const OPERATOR_KEY = "soak-operator";

/** The credential of a tenant at its destinations; another with each rotation. */
export const destinationKey = (tenant: string, generation: number): string => `soak-key.${tenant}.${generation}`;

/** What a call says of itself in its prompt, and what its right answer is made of. */
export interface Plan {
  readonly tenant: string;
  readonly id: number;
  readonly chunks: number;
  /** Bytes by which each chunk is longer. */
  readonly pad: number;
  /** Milliseconds between two chunks. */
  readonly gapMs: number;
}

/** Chunk by chunk what the destination answers to this call, and to no other. */
export function pieceOf({ tenant, id, pad }: Plan, index: number): string {
  return `${tenant}/${id}.${index};${"x".repeat(pad)}`;
}

export function textOf(plan: Plan): string {
  return Array.from({ length: plan.chunks }, (_, index) => pieceOf(plan, index)).join("");
}

/** Tokens that the destination reports for it. */
export function usageOf({ id, chunks }: Plan): { readonly input: number; readonly output: number } {
  return { input: 10 + (id % 17), output: chunks };
}
