import { API_PRESET_NAMES, API_PRESETS, OPENAI_QUIRKS, quirksOf } from "../src/config/api-presets.ts";
import { anthropicAbilities } from "../src/providers/anthropic/abilities.ts";
import { bedrockAbilities } from "../src/providers/bedrock/abilities.ts";
import { GEMINI } from "../src/providers/gemini/abilities.ts";
import { chatAbilities } from "../src/providers/openai-chat/abilities.ts";
import { RESPONSES } from "../src/providers/openai-responses/abilities.ts";
import { type Abilities, MEMBER_NAMES, memberName, memberTitle } from "../src/providers/pivot/abilities.ts";
import type { WireApi } from "../src/providers/pivot/block.ts";
import { extrasTable } from "../src/providers/pivot/extras.ts";

const CALLERS = [
  ["openai-chat", "OpenAI chat completions"],
  ["openai-responses", "OpenAI Responses"],
  ["anthropic", "Anthropic Messages"],
] as const satisfies readonly (readonly [WireApi, string])[];

const UPSTREAMS: readonly (readonly [string, WireApi, Abilities])[] = [
  ["Chat completions", "openai-chat", chatAbilities(OPENAI_QUIRKS)],
  ["Responses", "openai-responses", RESPONSES],
  ["Messages", "anthropic", anthropicAbilities("claude-opus-4-6", "native")],
  ["Bedrock Converse", "bedrock", bedrockAbilities("anthropic.claude-opus-4-6")],
  ["Gemini, Vertex AI", "gemini", GEMINI],
];

/** One table a caller's API: what becomes of each field at each destination. From the same tables that the encoders go by. */
export function translationMatrix(): string {
  return CALLERS.map(([caller, title]) => {
    const upstreams = UPSTREAMS.filter(([, api]) => api !== caller);
    const head = `| field | what it says | ${upstreams.map(([name]) => name).join(" | ")} |\n|---|---|${upstreams.map(() => "---|").join("")}`;
    const rows = MEMBER_NAMES.flatMap((member) => {
      const name = memberName(member, caller);
      return name === null ? [] : [`| \`${name}\` | ${memberTitle(member)} | ${upstreams.map(([, , abilities]) => abilities[member]).join(" | ")} |`];
    });
    const extras = Object.entries(extrasTable(caller)).map(([name, ability]) => `| \`${name}\` | | ${upstreams.map(() => ability).join(" | ")} |`);
    return `## From ${title}\n\n${head}\n${[...rows, ...extras].join("\n")}\n`;
  }).join("\n");
}

/** What each preset stands for: a table of the very data that the compiler goes by. */
export function presetTable(): string {
  const yes = (has: boolean): string => (has ? "yes" : "");
  const rows = API_PRESET_NAMES.map((name) => {
    const { host, prefix } = API_PRESETS[name];
    const quirks = quirksOf(name);
    const base = `${host === null ? "your server" : `\`${host}\``} | ${prefix === null ? "to be written" : prefix === "" ? "none" : `\`${prefix}\``}`;
    return `| \`${name}\` | ${base} | \`${quirks.maxTokens}\` | ${yes(quirks.streamUsage)} | ${yes(quirks.reasoningEffort)} | ${yes(quirks.jsonSchema)} |`;
  });
  const head =
    "| `preset` | host | `prefix` | bound of the output | usage in streams | `reasoning_effort` | answers held to a schema |\n|---|---|---|---|---|---|---|";
  return `## Presets\n\nServers that speak OpenAI's chat completions, and what of it is sent to them when a call is translated. A call in OpenAI's own API passes as it is.\n\n${head}\n${rows.join("\n")}\n`;
}
