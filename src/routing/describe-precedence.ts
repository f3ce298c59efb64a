import type { CompiledRule, RuleMatch } from "../model/snapshot.ts";

interface Matched {
  readonly rule: CompiledRule;
  readonly match: RuleMatch;
}

/** Why `winner` comes before `loser`, in one phrase: the first criterion of the standard's list in which they differ. */
export function describePrecedence(host: string, winner: Matched, loser: Matched): string {
  const [ours, theirs] = [hostKind(winner.rule, host), hostKind(loser.rule, host)];
  if (ours !== theirs) return `its hostname is less specific (${theirs} against ${ours})`;
  const [path, other] = [winner.match.path, loser.match.path];
  if (path.type !== other.type) return `${other.type} comes after ${path.type}`;
  if (path.value.length !== other.value.length) return `its path is shorter (${other.value} against ${path.value})`;
  if ((winner.match.method === null) !== (loser.match.method === null)) return "it matches no method";
  if (winner.match.headers.length !== loser.match.headers.length)
    return `it matches ${loser.match.headers.length} headers against ${winner.match.headers.length}`;
  if (winner.match.queryParams.length !== loser.match.queryParams.length) {
    return `it matches ${loser.match.queryParams.length} query parameters against ${winner.match.queryParams.length}`;
  }
  if (winner.rule.route.createdAt !== loser.rule.route.createdAt) return `its route is younger (${loser.rule.route.createdAt ?? "no creationTimestamp"})`;
  const [name, otherName] = [winner, loser].map(({ rule }) => `${rule.route.namespace}/${rule.route.name}`);
  if (name !== otherName) return `its route comes later by name (${otherName} after ${name})`;
  return "it stands later in the same route";
}

function hostKind(rule: CompiledRule, host: string): string {
  if (rule.hostnames.includes(host)) return host;
  const wildcards = rule.hostnames.filter((name) => name.startsWith("*.") && host.endsWith(name.slice(1))).toSorted((a, b) => b.length - a.length);
  return wildcards[0] ?? "any host";
}
