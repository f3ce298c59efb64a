import type { EgressEvent, EventSink } from "../../src/index.ts";

const GOOD_NEWS: ReadonlySet<EgressEvent["type"]> = new Set(["backend.recovered", "config.loaded"]);

/** Events as JSON lines in the log, where no sink takes them. Those of single calls are left out: the access log tells more of them. */
export function createConsoleSink(log: (line: string) => void): EventSink {
  return {
    emit(event) {
      if (event.type.startsWith("egress.")) return;
      const level = GOOD_NEWS.has(event.type) ? "info" : "warn";
      log(JSON.stringify({ time: new Date(event.time).toISOString(), level, msg: "event", type: event.type, subject: event.subject, data: event.data }));
    },
  };
}
