import type { GoogleTokenKind } from "../model/token-plan.ts";

/** `googleKeyAssertion` for a platform's own store of secrets: what it signs with loads with the first assertion. Rejects as that does. */
export async function googleAssertion(key: string, audience: string, token: GoogleTokenKind, now: number): Promise<string> {
  return (await import("./tokens/google-key-assertion.ts")).googleKeyAssertion(key, audience, token, now);
}
