/** A parameter of a page that cannot be honoured. The message says what to write. */
export class ParameterFault extends Error {
  override readonly name = "ParameterFault";
  readonly parameter: string;

  constructor(parameter: string, message: string) {
    super(message);
    this.parameter = parameter;
  }
}

/** The parameters of a request by name. Throws `ParameterFault` for one that the page does not know, and for one that stands twice. */
export function readParameters(search: URLSearchParams, known: readonly string[]): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of search) {
    if (!known.includes(name)) throw new ParameterFault(name, `There is no such parameter; there are ${known.join(", ")}.`);
    if (parameters.has(name)) throw new ParameterFault(name, "It stands twice.");
    parameters.set(name, value);
  }
  return parameters;
}

/** A whole number from 1 to `most`; `otherwise` where the parameter is left out. Throws `ParameterFault`. */
export function readCount(parameters: ReadonlyMap<string, string>, name: string, most: number, otherwise: number): number {
  const text = parameters.get(name);
  if (text === undefined) return otherwise;
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > most) throw new ParameterFault(name, `It takes a whole number from 1 to ${most}.`);
  return count;
}

/** One of some words; null where the parameter is left out. Throws `ParameterFault`. */
export function readWord<Word extends string>(parameters: ReadonlyMap<string, string>, name: string, words: readonly Word[]): Word | null {
  const text = parameters.get(name);
  if (text === undefined) return null;
  const word = words.find((one) => one === text);
  if (word === undefined) throw new ParameterFault(name, `It takes ${words.join(" or ")}.`);
  return word;
}

const AGO = /^(\d{1,6})(m|h|d|w)$/;
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const MOMENT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** A moment in milliseconds since the epoch: so long ago (`24h`), a date (its midnight, UTC) or a date and time of RFC 3339. Throws `ParameterFault`. */
export function readMoment(parameters: ReadonlyMap<string, string>, name: string, now: number, otherwise: number): number {
  const text = parameters.get(name);
  if (text === undefined) return otherwise;
  const [, amount, unit = ""] = AGO.exec(text) ?? [];
  const moment = amount !== undefined ? now - Number(amount) * (UNIT_MS[unit] ?? 0) : MOMENT.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(moment))
    throw new ParameterFault(
      name,
      "It takes a time ago such as 90m, 24h, 7d or 4w, a date such as 2026-11-23, or a date and time with its zone such as 2026-11-23T12:00:00Z.",
    );
  return moment;
}
