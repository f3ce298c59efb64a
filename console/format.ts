const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const PERCENT = new Intl.NumberFormat("en-US", { style: "percent", maximumFractionDigits: 1 });

/** Every digit, for tables. */
export function whole(value: number): string {
  return WHOLE.format(value);
}

/** A few digits, for tiles and axes: `12.3K`. */
export function short(value: number): string {
  return SHORT.format(value);
}

export function percent(part: number, all: number): string {
  return all === 0 ? "0%" : PERCENT.format(part / all);
}

/** Nanos of a currency's unit. Small sums keep the digits that say something: `$0.00042`. */
export function money(nanos: number, currency = "USD"): string {
  const value = nanos / 1e9;
  const isSmall = value !== 0 && Math.abs(value) < 0.01;
  const digits = isSmall ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  return new Intl.NumberFormat("en-US", { style: "currency", currency, ...digits }).format(value);
}

/** What calls cost as far as it is known; what is not known is said, and is never 0. */
export function cost(nanos: number, unpriced: number): string {
  if (unpriced === 0) return money(nanos);
  return nanos === 0 ? "unknown" : `≥ ${money(nanos)}`;
}

/** A day, or a time of it, in UTC: the days of usage are those of UTC. */
export function clockTime(time: number, isDay: boolean): string {
  return new Intl.DateTimeFormat(
    "en-GB",
    isDay ? { day: "numeric", month: "short", timeZone: "UTC" } : { hour: "2-digit", minute: "2-digit", timeZone: "UTC" },
  ).format(time);
}

/** `2m 5s`, in the two largest units. */
export function span(milliseconds: number): string {
  let rest = Math.max(0, Math.round(milliseconds / 1_000));
  const parts: string[] = [];
  for (const [unit, seconds] of [
    ["d", 86_400],
    ["h", 3_600],
    ["m", 60],
    ["s", 1],
  ] as const) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.length === 0 ? "0s" : parts.slice(0, 2).join(" ");
}

/** Countries by the name that exactly these have together, else by their codes, many by their number. */
export function nameCountries(countries: readonly string[], names: Readonly<Record<string, string>>): string {
  const name = names[countries.join()];
  if (name !== undefined) return `${name} (${countries.length} countries)`;
  return countries.length > 8 ? `${countries.slice(0, 8).join(" ")} and ${countries.length - 8} more` : countries.join(" ");
}
