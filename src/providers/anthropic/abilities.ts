import type { Abilities } from "../pivot/abilities.ts";
import type { EncodeTarget } from "../pivot/codec.ts";
import { takesJsonSchema } from "./model-traits.ts";

/** What a message's request can say. */
const ANTHROPIC: Abilities = {
  temperature: "carried",
  topP: "carried",
  topK: "carried",
  seed: "loss",
  frequencyPenalty: "loss",
  presencePenalty: "loss",
  choices: "refused",
  logprobs: "refused",
  logitBias: "loss",
  stop: "carried",
  user: "carried",
  parallelToolCalls: "carried",
  toolChoiceNone: "carried",
  toolChoiceRequired: "carried",
  // The others are left out of the list of tools.
  toolChoiceAllowed: "mapped",
  strictTools: "carried",
  serverTools: "refused",
  // The model is asked for it; nothing holds it to that.
  json: "loss",
  jsonSchema: "carried",
  reasoning: "mapped",
  laterSystem: "mapped",
  participantNames: "loss",
  imageData: "carried",
  imageUrl: "carried",
  imageDetail: "loss",
  fileData: "carried",
  fileUrl: "carried",
  fileText: "carried",
  uploads: "refused",
  audio: "refused",
  documentCitations: "carried",
  mediaInResults: "carried",
  failedResults: "carried",
  serverToolBlocks: "refused",
  cacheMarks: "carried",
};

/** The clouds fetch nothing for Claude: images and documents come in the request there. */
const ON_A_CLOUD: Abilities = { ...ANTHROPIC, imageUrl: "refused", fileUrl: "refused" };

export function anthropicAbilities(model: string, host: EncodeTarget["host"]): Abilities {
  const abilities = host === "native" ? ANTHROPIC : ON_A_CLOUD;
  return takesJsonSchema(model) ? abilities : { ...abilities, jsonSchema: "refused" };
}
