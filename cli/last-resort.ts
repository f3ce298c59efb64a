import { EXIT } from "./exit.ts";
import { warn } from "./terminal.ts";

/**
 * What happens when nothing has caught an exception or a rejection: nobody knows what state the process is in, so it is told with an id, open calls get
 * their time, and the process ends with a status that is not 0 (`end`). A second one meanwhile ends it at once. To be called before anything listens.
 */
export function installLastResort(end: (code: number) => void): void {
  let ending = false;
  const take = (error: unknown): void => {
    if (ending) process.exit(EXIT.faults);
    ending = true;
    warn(`spillway: fault ${crypto.randomUUID()} that nothing caught ends this process: ${describeFault(error)}`);
    end(EXIT.faults);
  };
  process.on("uncaughtException", take);
  // Node's own way from one to the other can be switched off from outside (--unhandled-rejections).
  process.on("unhandledRejection", take);
  // A reader of the log that is gone is no reason to end.
  process.stderr.on("error", ignore);
  process.stdout.on("error", ignore);
}

/** Kind, code and places of an error. Its message is left out: it may quote anything, a key or a prompt. */
export function describeFault(error: unknown): string {
  if (!(error instanceof Error)) return "a value that is no error";
  const { name, message, stack = "" } = error;
  const code = "code" in error && typeof error.code === "string" && /^[A-Z][A-Z0-9_]*$/.test(error.code) ? ` ${error.code}` : "";
  const at = stack.indexOf(message);
  return `${name}${code}${at === -1 ? "" : stack.slice(at + message.length).trimEnd()}`;
}

function ignore(): void {}
