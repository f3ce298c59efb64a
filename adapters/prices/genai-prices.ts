import { calcPrice, type ModelPrice } from "@pydantic/genai-prices";
import { NO_PRICES, type Price, type PriceBook, type PriceSheet } from "../../src/index.ts";
import { namesInBook } from "./names-in-book.ts";
import { GENAI_PRICES_VERSION } from "./version.ts";

/** Its names of providers, by `gen_ai.provider.name`. */
const BOOK_PROVIDER: ReadonlyMap<string, string> = new Map([
  ["openai", "openai"],
  ["anthropic", "anthropic"],
  ["aws.bedrock", "aws"],
  ["azure.ai.openai", "azure"],
  ["azure.ai.inference", "azure"],
  ["gcp.gemini", "google"],
  ["gcp.vertex_ai", "google"],
  ["mistral_ai", "mistral"],
  ["cohere", "cohere"],
  ["groq", "groq"],
  ["x_ai", "x-ai"],
  ["deepseek", "deepseek"],
  ["perplexity", "perplexity"],
  ["moonshot_ai", "moonshotai"],
  ["together_ai", "together"],
  ["fireworks_ai", "fireworks"],
  ["cerebras", "cerebras"],
  ["openrouter", "openrouter"],
  ["cloudflare", "cloudflare"],
]);

const SOURCE = `genai-prices@${GENAI_PRICES_VERSION}`;

/**
 * The list prices of `@pydantic/genai-prices`, as they stood when that package was released: it is never updated from the network. Only its look-up is
 * used; what a call costs is added up by the broker, which tells unknown from nothing and does not throw on strange counts. To be imported with the first
 * call that needs it: it weighs more than a third of the broker.
 */
export const genaiPrices: PriceBook = {
  source: SOURCE,
  sheet({ provider, model, time }) {
    const providerId = BOOK_PROVIDER.get(provider);
    if (providerId === undefined) return null;
    for (const name of namesInBook(provider, model)) {
      const prices = pricesOf(() => calcPrice({}, name, { providerId, timestamp: new Date(time) })?.model_price ?? null);
      if (prices !== null) return sheetOf(prices);
    }
    return null;
  },
};

/** Null: not in the book, or a row that it cannot read itself. */
function pricesOf(look: () => ModelPrice | null): ModelPrice | null {
  try {
    return look();
  } catch {
    return null;
  }
}

function sheetOf(prices: ModelPrice): PriceSheet {
  const price = (key: string): Price | null => priceOf(prices[key]);
  const flat = (key: string): number | null => {
    const found = price(key);
    return typeof found === "number" ? found : null;
  };
  return {
    ...NO_PRICES,
    currency: "USD",
    source: SOURCE,
    input: price("input_mtok"),
    output: price("output_mtok"),
    cacheRead: price("cache_read_mtok"),
    cacheWrite: price("cache_write_mtok"),
    cacheWriteHour: price("cache_write_1h_mtok"),
    reasoning: price("output_reasoning_mtok"),
    audioInput: price("input_audio_mtok"),
    audioOutput: price("output_audio_mtok"),
    cacheReadAudio: price("cache_audio_read_mtok"),
    imageInput: price("input_image_mtok"),
    imageOutput: price("output_image_mtok"),
    webSearches: flat("web_searches_kcount"),
    requests: flat("requests_kcount"),
  };
}

function priceOf(found: ModelPrice[string]): Price | null {
  if (found === undefined || typeof found === "number") return found ?? null;
  return { base: found.base, steps: found.tiers.map(({ start, price }) => ({ above: start, price })) };
}
