import type { Vector } from "./vector.ts";

const CALL = { target: "/health/v1/chat/completions", body: { json: { model: "m", messages: [] } } } as const;
const FAILS = { status: 500, chunks: ["no"] } as const;
const called = (times: number, ...names: readonly string[]) => Array.from({ length: times }, () => names).flat();

/** What earlier calls teach about a destination. Each case has a first destination of its own. */
export const HEALTH: readonly Vector[] = [
  {
    name: "a destination that failed three times in a row is left out",
    area: "failover",
    before: [1, 2, 3].map((number) => ({ ...CALL, target: `/thrice-failed${CALL.target}?${number}` })),
    request: { ...CALL, target: `/thrice-failed${CALL.target}` },
    world: { "thrice-failed": [FAILS] },
    expect: {
      status: 200,
      headers: { "x-egress-backend": "XBackend/team-a/steady", "x-egress-attempts": "1" },
      upstream: [...called(3, "thrice-failed", "steady"), "steady"],
    },
  },
  {
    name: "a good answer ends a row of failures",
    area: "failover",
    before: [1, 2, 3, 4].map((number) => ({ ...CALL, target: `/now-and-then${CALL.target}?${number}` })),
    request: { ...CALL, target: `/now-and-then${CALL.target}` },
    world: { "now-and-then": [FAILS, FAILS, {}, FAILS, {}] },
    expect: {
      status: 200,
      headers: { "x-egress-backend": "XBackend/team-a/now-and-then", "x-egress-attempts": "1" },
      upstream: [...called(2, "now-and-then", "steady"), "now-and-then", "now-and-then", "steady", "now-and-then"],
    },
  },
  {
    name: "a destination that asks for a minute is given it",
    area: "failover",
    before: [{ ...CALL, target: `/asks-for-time${CALL.target}?1` }],
    request: { ...CALL, target: `/asks-for-time${CALL.target}` },
    world: { "asks-for-time": [{ status: 429, headers: ["retry-after", "60"] }] },
    expect: {
      status: 200,
      headers: { "x-egress-backend": "XBackend/team-a/steady", "x-egress-attempts": "1" },
      upstream: ["asks-for-time", "steady", "steady"],
    },
  },
  {
    name: "the caller's own faults say nothing against a destination",
    area: "failover",
    before: [1, 2, 3].map((number) => ({ ...CALL, target: `/finds-fault${CALL.target}?${number}` })),
    request: { ...CALL, target: `/finds-fault${CALL.target}` },
    world: { "finds-fault": [{ status: 400 }, { status: 404 }, { status: 422 }, {}] },
    expect: { status: 200, headers: { "x-egress-backend": "XBackend/team-a/finds-fault" }, upstream: called(4, "finds-fault") },
  },
];
