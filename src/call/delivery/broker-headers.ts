import { find } from "../../lib/header-list.ts";
import { REFUSALS } from "../../model/errors.ts";
import type { HeaderList } from "../../model/http.ts";
import type { Answer } from "../../model/outcome.ts";
import { chainAnswer } from "../../transport/egress-region.ts";
import type { CallInFlight } from "../attempt/attempt.ts";
import type { Won } from "../find-answer.ts";

/** What the broker says of itself on every answer of a destination. */
export function brokerHeaders({ record, charges }: CallInFlight, won: Won, answer: Answer): HeaderList {
  const headers = ["x-request-id", record.id, "x-egress-backend", won.attempt.backend, "x-egress-attempts", String(record.attempts.length)];
  // A refusal of a parent keeps its code: it says to the caller why, as this broker's own would.
  const refused = won.cleared.target.backend.parent === null ? null : find(answer.headers, "x-egress-error");
  if (refused !== null && Object.hasOwn(REFUSALS, refused)) headers.push("x-egress-error", refused);
  const all = headers.concat(chainAnswer(record));
  return charges === null ? all : all.concat(charges.fields());
}
