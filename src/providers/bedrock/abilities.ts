import type { Abilities } from "../pivot/abilities.ts";

/** What Converse can say. */
const BEDROCK: Abilities = {
  temperature: "carried",
  topP: "carried",
  topK: "loss",
  seed: "loss",
  frequencyPenalty: "loss",
  presencePenalty: "loss",
  choices: "refused",
  logprobs: "refused",
  logitBias: "loss",
  stop: "carried",
  // Its metadata is for the account's own logs, and takes no free text.
  user: "loss",
  parallelToolCalls: "loss",
  // Without tools where no earlier call needs their list; told where it does.
  toolChoiceNone: "mapped",
  toolChoiceRequired: "carried",
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
  // The broker would have to fetch it: an open door into the network, and out of the region.
  imageUrl: "refused",
  imageDetail: "loss",
  fileData: "carried",
  fileUrl: "refused",
  fileText: "carried",
  uploads: "refused",
  audio: "refused",
  documentCitations: "carried",
  mediaInResults: "carried",
  failedResults: "carried",
  serverToolBlocks: "refused",
  cacheMarks: "carried",
};

export function bedrockAbilities(model: string): Abilities {
  return isClaude(model) ? { ...BEDROCK, topK: "carried" } : BEDROCK;
}

export function isClaude(model: string): boolean {
  return /(^|[.:/])anthropic\.|claude/.test(model);
}
