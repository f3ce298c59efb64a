import type { CallInFlight } from "./attempt.ts";
import type { Won } from "./find-answer.ts";
import type { HeaderList } from "./model/http.ts";

/** What the broker says of itself on every answer of a destination. */
export function brokerHeaders({ record }: CallInFlight, won: Won): HeaderList {
  return ["x-request-id", record.id, "x-egress-backend", won.attempt.backend, "x-egress-attempts", String(record.attempts.length)];
}
