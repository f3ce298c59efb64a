import type { ApiQuirks } from "../../model/backend.ts";
import type { Abilities } from "../pivot/abilities.ts";

/** What a chat completion can say. */
const OPENAI_CHAT: Abilities = {
  temperature: "carried",
  topP: "carried",
  topK: "loss",
  seed: "carried",
  frequencyPenalty: "carried",
  presencePenalty: "carried",
  choices: "refused",
  logprobs: "refused",
  logitBias: "carried",
  stop: "carried",
  user: "carried",
  parallelToolCalls: "carried",
  toolChoiceNone: "carried",
  toolChoiceRequired: "carried",
  toolChoiceAllowed: "carried",
  strictTools: "carried",
  serverTools: "refused",
  json: "carried",
  jsonSchema: "carried",
  reasoning: "mapped",
  laterSystem: "carried",
  participantNames: "carried",
  imageData: "carried",
  imageUrl: "carried",
  imageDetail: "carried",
  fileData: "carried",
  fileUrl: "refused",
  fileText: "mapped",
  uploads: "refused",
  audio: "carried",
  documentCitations: "loss",
  mediaInResults: "mapped",
  failedResults: "mapped",
  serverToolBlocks: "refused",
  cacheMarks: "hint",
};

/** The same for a server that speaks it with gaps. */
export function chatAbilities(quirks: ApiQuirks): Abilities {
  return {
    ...OPENAI_CHAT,
    ...(quirks.reasoningEffort ? {} : { reasoning: "loss" as const }),
    // An answer that is held to no schema is not what was asked for.
    ...(quirks.jsonSchema ? {} : { jsonSchema: "refused" as const }),
  };
}
