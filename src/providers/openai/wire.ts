import type { DialectWire } from "../../model/dialect-wire.ts";
import { isEndEvent } from "./end-event.ts";
import { errorBody } from "./error-body.ts";
import { errorEvent, isErrorEvent } from "./error-event.ts";
import { readAnswer, readEvent } from "./read-answer.ts";
import { isUsageOnlyEvent } from "./usage-only-event.ts";

/** OpenAI's APIs and all that speak them: chat completions, completions, responses, embeddings. */
export const openaiWire: DialectWire = {
  dialect: "openai",
  errorBody,
  errorEvent,
  isErrorEvent,
  isEndEvent,
  isUsageOnlyEvent,
  readAnswer,
  readEvent,
};
