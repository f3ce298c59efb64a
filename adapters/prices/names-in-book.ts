/**
 * Under which names the book may know a model, the most exact first. Providers write names in more ways than a list of prices has: ARNs and profiles,
 * publishers' paths, versions and dates.
 */
export function namesInBook(provider: string, model: string): readonly string[] {
  switch (provider) {
    case "aws.bedrock":
      return bedrockNames(model);
    case "gcp.vertex_ai":
    case "gcp.gemini":
      return googleNames(model);
    case "openai":
    case "azure.ai.openai":
    case "azure.ai.inference":
      // A snapshot that is newer than the book costs what its model does.
      return unique([model, model.replace(/-\d{4}-\d{2}-\d{2}$/, "")]);
    default:
      return [model];
  }
}

/** ARNs that say which model it is. Application profiles, provisioned models, imported models and prompts do not. */
const TELLING_ARN = /^arn:aws[a-z-]*:bedrock:[a-z0-9-]*:[0-9]*:(?:foundation-model|inference-profile)\/([^/]+)$/;

/** What stands in front of a vendor's name: the geography of a profile. Prices of `global` differ from those of all others, which are those of a region. */
const GEOGRAPHY = /^(?!global\.)[a-z]{2,4}(?:-gov)?\.(?=[a-z0-9]+\.)/;

function bedrockNames(model: string): readonly string[] {
  if (model.startsWith("arn:")) {
    const [, id] = TELLING_ARN.exec(model) ?? [];
    return id === undefined ? [] : bedrockNames(id);
  }
  // A name without a vendor is no name of Bedrock's: the book would find the price of a region for it.
  return model.includes(".") ? unique([model, model.replace(GEOGRAPHY, "")]) : [];
}

function googleNames(model: string): readonly string[] {
  // Tuned models of one's own.
  if (/\bendpoints\//.test(model)) return [];
  const name = model.slice(model.lastIndexOf("/") + 1).replace(/@default$/, "");
  return unique([name, name.replace(/@\d+$/, ""), name.replace(/-\d{3}$/, "")]);
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}
