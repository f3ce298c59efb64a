import type { DialectWire } from "../../model/dialect-wire.ts";
import { errorBody } from "./error-body.ts";
import { errorEvent, isEndEvent, isErrorEvent } from "./error-event.ts";
import { readAnswer, readEvent } from "./read-answer.ts";

/** Anthropic's Messages API. */
export const anthropicWire: DialectWire = {
  dialect: "anthropic",
  errorBody,
  errorEvent,
  isErrorEvent,
  isEndEvent,
  // Usage comes unasked here, so nothing is ever hidden.
  isUsageOnlyEvent: () => false,
  readAnswer,
  readEvent,
};
