import { readOverrides } from "./cloud-event.ts";
import { createConsoleSink } from "./console-sink.ts";
import { type ClosableSink, createHttpSink } from "./http-sink.ts";

/**
 * The sink that the environment asks for: CloudEvents to `K_SINK`; without it the log, where one is given, else none.
 * Throws at once when `K_SINK` or `K_CE_OVERRIDES` cannot be read.
 */
export function createEventSink(environment: Readonly<Record<string, string | undefined>>, log: ((line: string) => void) | null = null): ClosableSink {
  const url = environment["K_SINK"]?.trim() ?? "";
  if (url === "") {
    const sink = log === null ? { emit: () => {} } : createConsoleSink(log);
    return { ...sink, dropped: () => 0, close: async () => {} };
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new Error("K_SINK is not an http or https URL");
  const service = environment["K_SERVICE"]?.trim() ?? "";
  return createHttpSink({
    url,
    source: service === "" ? "/spillway" : `/spillway/${encodeURIComponent(service)}`,
    extensions: readOverrides(environment["K_CE_OVERRIDES"]),
    after: (ms, callback) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    random: Math.random,
  });
}
