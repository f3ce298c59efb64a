import type { EgressEvent } from "../../src/index.ts";
import type { FlushableSink } from "./batching-sink.ts";

const GOOD_NEWS: ReadonlySet<EgressEvent["type"]> = new Set(["backend.recovered", "credential.rotated", "config.loaded", "instance.recovered"]);

/** Events as JSON lines in the log, where no sink takes them. Those of single calls are left out: the access log and the audit log tell more of them. */
export function createConsoleSink(log: (line: string) => void): FlushableSink {
  return {
    emit(event) {
      if (event.type.startsWith("egress.") || event.type === "audit") return;
      const level = GOOD_NEWS.has(event.type) ? "info" : "warn";
      log(JSON.stringify({ time: new Date(event.time).toISOString(), level, msg: "event", type: event.type, subject: event.subject, data: event.data }));
    },
    dropped: () => 0,
    drops: () => ({ full: 0, refused: 0, "gave up": 0, unwritable: 0, closed: 0 }),
    flush: async () => undefined,
    close: async () => undefined,
  };
}
