import { jurisdictionOf, type ProvenDestination, type ProvenRule, type RegionProof } from "../src/offline.ts";

type Place = ProvenDestination["places"][number];

const ROLES = { mirror: ", gets copies", auth: ", is asked whether calls may go on" } as const;
/** More than these are told by their number. */
const MANY_NAMESPACES = 12;
const MANY_COUNTRIES = 8;

/** A proof for the eye: rule by rule, class by class. */
export function describeProof(proof: RegionProof, color: boolean): string {
  const paint = (code: string, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const lines = [`snapshot ${proof.snapshot}, ${proof.at}; built-in tables of ${proof.regionData}`];
  let last = "";
  for (const rule of proof.rules) {
    const name = `${rule.rule}  (Gateway ${rule.gateway})`;
    if (name !== last) lines.push("", paint("1", name));
    last = name;
    lines.push(...describeRule(rule, paint));
  }
  if (proof.rules.length === 0) lines.push("", "no rule that these callers see");
  if (proof.holes.length > 0) {
    lines.push("", paint("31", "rests on nothing"));
    for (const hole of proof.holes) lines.push(`  ${hole}`);
  }
  const locked = proof.rules.filter((rule) => rule.lock.length > 0).length;
  const verdict = proof.holes.length === 0 ? paint("32", "good") : paint("31", `${proof.holes.length} that rest on nothing`);
  lines.push(
    "",
    `prove: ${verdict} (${proof.rules.length} caller classes of ${new Set(proof.rules.map(({ rule }) => rule)).size} rules, ${locked} of them locked)`,
  );
  return lines.join("\n");
}

function describeRule(rule: ProvenRule, paint: (code: string, text: string) => string): readonly string[] {
  const { namespaces, others } = rule.callers;
  const lines = [`  callers      ${others ? "of any other namespace" : `of ${nameNamespaces(namespaces)}`}`];
  for (const { policy, countries, regions, minimumEvidence, maxAgeMs, also } of rule.lock) {
    const allowed = [...(countries.length > 0 ? [nameCountries(countries)] : []), ...regions].join(", ");
    const terms = [`evidence ${minimumEvidence}`, ...(maxAgeMs === null ? [] : [`at most ${Math.round(maxAgeMs / 86_400_000)} days old`])];
    lines.push(
      `    locked by  ${policy}: ${allowed === "" ? "nothing is allowed" : allowed}; ${terms.join(", ")}; also ${also.length === 0 ? "nothing" : also.join(", ")}`,
    );
  }
  if (rule.forwardsNothing !== null) return [...lines, `    forwards   ${paint("33", "nothing")}: ${rule.forwardsNothing}`];
  if (rule.brokerOutside !== null) lines.push(`    refused    ${paint("33", "every call")}: ${rule.brokerOutside}`);
  const reach =
    rule.countries === null ? paint("33", "anywhere") : rule.countries.length === 0 ? reachByName(rule) : paint("32", nameCountries(rule.countries));
  lines.push(`    may reach  ${reach}`);
  for (const destination of rule.destinations) lines.push(...describeDestination(destination, paint));
  return lines;
}

/** A lock may name a region that no table knows. */
function reachByName(rule: ProvenRule): string {
  const regions = new Set(rule.destinations.flatMap(({ places }) => places.flatMap((place) => place.regions)));
  return regions.size === 0 ? "no country: every destination is refused" : `${[...regions].join(", ")} (in no table)`;
}

function describeDestination(destination: ProvenDestination, paint: (code: string, text: string) => string): readonly string[] {
  const { backend, host, role, tier, locked, places, refused } = destination;
  const lines = [`      ${backend}  ${paint("2", `${host}${role !== "target" ? ROLES[role] : tier === 0 ? "" : `, tier ${tier + 1}`}`)}`];
  if (!locked) return [...lines, "        anywhere: no lock binds it"];
  for (const place of places) lines.push(`        ${paint("32", "may be")}   ${describePlace(place)}`);
  for (const { countries, regions, reason } of refused) {
    const where = regions.length > 0 ? regions.join(", ") : countries === null ? "unknown" : nameCountries(countries);
    lines.push(`        ${paint("31", "refused")}  ${where}: ${reason}`);
  }
  return lines;
}

function describePlace({ countries, regions, evidence, rule, checkedAt, until, reason }: Place): string {
  const where = [countries.length > 0 ? nameCountries(countries) : "in no table", ...(regions.length > 0 ? [`(${regions.join(", ")})`] : [])].join(" ");
  const since = checkedAt === null ? "undated" : `checked ${checkedAt}`;
  return `${where}  ${evidence === rule ? evidence : `${evidence}, ${rule}`}, ${since}${until === null ? "" : `, good until ${until}`}: ${reason}`;
}

/** The whole list is for programs: `--json` has it. */
function nameNamespaces(namespaces: readonly string[]): string {
  const more = namespaces.length - MANY_NAMESPACES;
  return more > 0 ? `${namespaces.slice(0, MANY_NAMESPACES).join(", ")} and ${more} more namespaces` : namespaces.join(", ");
}

function nameCountries(countries: readonly string[]): string {
  const name = jurisdictionOf(countries);
  if (name !== null) return `${name} (${countries.length} countries)`;
  return countries.length > MANY_COUNTRIES
    ? `${countries.slice(0, MANY_COUNTRIES).join(" ")} and ${countries.length - MANY_COUNTRIES} more countries`
    : countries.join(" ");
}
