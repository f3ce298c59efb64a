import type { EventSink } from "../../src/index.ts";

/** Events as JSON lines in the log, for a laptop. Completed calls are left out: the access log tells of them already. */
export function createConsoleSink(log: (line: string) => void): EventSink {
  return {
    emit(event) {
      if (event.type === "egress.completed") return;
      log(
        JSON.stringify({ time: new Date(event.time).toISOString(), level: "info", msg: "event", type: event.type, subject: event.subject, data: event.data }),
      );
    },
  };
}
