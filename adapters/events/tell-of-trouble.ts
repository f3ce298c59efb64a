/** Lines for the log when events can no longer be sent, and when they can again; `now` is milliseconds since the Unix epoch. */
export function tellOfTrouble(log: (line: string) => void, now: () => number): (trouble: string | null) => void {
  return (trouble) => {
    const time = new Date(now()).toISOString();
    log(
      JSON.stringify(trouble === null ? { time, level: "info", msg: "events are sent again" } : { time, level: "warn", msg: "events cannot be sent", trouble }),
    );
  };
}
