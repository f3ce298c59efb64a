/** Of `@pydantic/genai-prices`; a test holds it to the package's own. */
export const GENAI_PRICES_VERSION = "0.1.8";
