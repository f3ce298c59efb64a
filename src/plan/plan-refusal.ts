import { Refusal, type RefusalCode } from "../model/errors.ts";
import type { Exclusion } from "../model/planned.ts";

/** A refusal for want of a candidate, with the evidence for audit: each backend that was considered, and why it is out. */
export class PlanRefusal extends Refusal {
  readonly excluded: readonly Exclusion[];

  constructor(code: RefusalCode, detail: string, excluded: readonly Exclusion[]) {
    super(code, { detail });
    this.excluded = excluded;
  }
}
