import { expect, it } from "vitest";
import type { CallInFlight } from "../../../src/call/attempt/attempt.ts";
import { brokerHeaders } from "../../../src/call/delivery/broker-headers.ts";
import type { Won } from "../../../src/call/find-answer.ts";
import type { Answer } from "../../../src/model/outcome.ts";

/** What `brokerHeaders` looks at, of a call with two attempts. */
function headersOf(
  toParent: boolean,
  answered: readonly string[],
  more: { readonly hop?: number; readonly limits?: readonly string[] } = {},
): readonly string[] {
  const attempts = [{ outcome: "connect" }, { outcome: "connect" }];
  const record = { id: "call-1", hop: more.hop ?? 0, attempts };
  const call = { record, charges: more.limits === undefined ? null : { fields: () => more.limits } };
  const won = { attempt: { backend: "XBackend/a/b" }, cleared: { target: { backend: { parent: toParent ? {} : null } } } };
  const answer = { headers: answered };
  // `as`: a whole call in flight is of no use here, and these three are all that is read of it.
  return brokerHeaders(call as unknown as CallInFlight, won as unknown as Won, answer as unknown as Answer);
}
const ALWAYS = ["x-request-id", "call-1", "x-egress-backend", "XBackend/a/b", "x-egress-attempts", "2"];

it("says on every answer which call it is of, who answered, and how many were asked", () => {
  expect(headersOf(false, [])).toEqual(ALWAYS);
  expect(headersOf(true, [])).toEqual(ALWAYS);
});

it("hands on a refusal that a parent gave, by a code that brokers know, and nobody else's", () => {
  expect(headersOf(true, ["X-Egress-Error", "region_locked"])).toEqual([...ALWAYS, "x-egress-error", "region_locked"]);
  expect(headersOf(true, ["x-egress-error", "made_up"])).toEqual(ALWAYS);
  expect(headersOf(true, ["x-egress-error", "constructor"])).toEqual(ALWAYS);
  expect(headersOf(false, ["x-egress-error", "region_locked"])).toEqual(ALWAYS);
});

it("adds what limits say, and to a broker where the call was processed", () => {
  expect(headersOf(false, [], { limits: ["ratelimit", "r"] })).toEqual([...ALWAYS, "ratelimit", "r"]);
  expect(headersOf(false, [], { limits: ["ratelimit", "r"], hop: 1 })).toEqual([...ALWAYS, "egress-region", "?0", "ratelimit", "r"]);
});
