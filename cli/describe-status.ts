import { asObject } from "./ask-broker.ts";

type Part = Readonly<Record<string, unknown>>;

/** The parts of `/-/status` that are shown. */
export interface ShownStatus extends Part {
  readonly ready: boolean;
  readonly degraded: readonly Part[];
}

const BOLD = "\u001b[1m";
const RED = "\u001b[31m";
const PLAIN = "\u001b[0m";

/** What an operator reads at night: what is wrong first, each with since when, why, what callers notice, and where to read on. `now` in milliseconds since the epoch. */
export function describeStatus(status: ShownStatus, now: number, color: boolean): string {
  const { ready, degraded } = status;
  const paint = (code: string, text: string): string => (color ? `${code}${text}${PLAIN}` : text);
  const head = !ready ? paint(RED, "not ready") : degraded.length === 0 ? "ready, nothing is degraded" : paint(RED, `ready, ${degraded.length} degraded`);
  const snapshot = asObject(status["snapshot"]);
  const serving = shown(snapshot["id"]) === "" ? "nothing serves" : `serves ${shown(snapshot["id"])}, loaded ${ago(snapshot["loadedAt"], now)}`;
  return [`${head}; ${serving}`, ...degraded.map((one) => describeOne(one, now, (text) => paint(BOLD, text)))].join("\n\n");
}

function describeOne(one: Part, now: number, bold: (text: string) => string): string {
  const until = one["until"] === null || one["until"] === undefined ? [] : [`  tried again  in ${length(Date.parse(shown(one["until"])) - now)}`];
  return [
    `${bold(`${shown(one["part"])} ${shown(one["subject"])}`)}: ${shown(one["reason"])}`,
    `  since        ${shown(one["since"])} (${ago(one["since"], now)})`,
    ...until,
    ...(shown(one["detail"]) === "" ? [] : [`  detail       ${shown(one["detail"])}`]),
    `  callers      ${shown(one["effect"])}`,
    `  what to do   ${shown(one["docs"])}`,
  ].join("\n");
}

/** Text of the broker for a terminal: without control characters, whatever it holds. */
function shown(value: unknown): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
  return typeof value === "string" ? value.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ") : "";
}

function ago(value: unknown, now: number): string {
  const at = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isFinite(at) ? `${length(now - at)} ago` : "at an unknown time";
}

function length(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
