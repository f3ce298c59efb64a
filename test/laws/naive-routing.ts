/**
 * A second implementation of matching and precedence, written from the words of the standard alone: no index, no sorting, no early
 * exit, no code shared with `src/routing`. It reads the manifests as authored. Slow, and plain enough to be checked by eye.
 */

export interface AuthoredRule {
  readonly namespace: string;
  readonly route: string;
  readonly createdAt: string | null;
  readonly hostnames: readonly string[];
  readonly ruleIndex: number;
  readonly matches: readonly {
    readonly path: { readonly type: "Exact" | "PathPrefix" | "RegularExpression"; readonly value: string };
    readonly method: string | undefined;
    readonly headers: readonly Value[];
    readonly queryParams: readonly Value[];
  }[];
}

interface Value {
  readonly type: "Exact" | "RegularExpression";
  readonly name: string;
  readonly value: string;
}

export interface Request {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: readonly (readonly [string, string])[];
  readonly model: string | null;
  readonly callerNamespace: string;
  readonly scope: "CallerNamespace" | "Shared";
}

export const GATEWAY_NAMESPACE = "gw";

/** Places of the winning rule and match in the lists given; null: no match. */
export function naiveFind(rules: readonly AuthoredRule[], request: Request): readonly [number, number] | null {
  let best: { readonly at: readonly [number, number]; readonly keys: readonly (number | string)[] } | null = null;
  rules.forEach((rule, ruleAt) => {
    if (request.scope === "CallerNamespace" && rule.namespace !== request.callerNamespace && rule.namespace !== GATEWAY_NAMESPACE) return;
    const host = hostKeys(rule.hostnames, request.host);
    if (host === null) return;
    rule.matches.forEach((match, matchAt) => {
      if (!pathMatches(match.path, request.path)) return;
      if (match.method !== undefined && match.method !== request.method) return;
      const headers = firstOfEachName(match.headers, (name) => name.toLowerCase());
      const queryParams = firstOfEachName(match.queryParams, (name) => name);
      if (!headers.every((header) => valueMatches(header, headerOf(request, header.name)))) return;
      if (!queryParams.every((parameter) => valueMatches(parameter, request.query.find(([name]) => name === parameter.name)?.[1] ?? null))) return;
      // Each key: the smaller wins.
      const keys = [
        -host[0], // the most characters in a matching non-wildcard hostname
        -host[1], // the most characters in a matching hostname
        match.path.type === "Exact" ? 0 : match.path.type === "RegularExpression" ? 1 : 2,
        match.path.type === "PathPrefix" ? -elements(match.path.value).join("/").length : 0,
        match.method === undefined ? 1 : 0,
        -headers.length,
        -queryParams.length,
        rule.createdAt === null ? Number.POSITIVE_INFINITY : new Date(rule.createdAt).getTime(),
        `${rule.namespace}/${rule.route}`,
        rule.ruleIndex,
        matchAt,
      ];
      if (best === null || before(keys, best.keys)) best = { at: [ruleAt, matchAt], keys };
    });
  });
  return (best as { readonly at: readonly [number, number] } | null)?.at ?? null; // assigned in the callback, which the compiler does not follow
}

function before(a: readonly (number | string)[], b: readonly (number | string)[]): boolean {
  for (let i = 0; i < a.length; i += 1) {
    const left = a[i] ?? 0;
    const right = b[i] ?? 0;
    if (left !== right) return left < right;
  }
  return false;
}

function hostKeys(hostnames: readonly string[], host: string): readonly [number, number] | null {
  if (hostnames.length === 0) return [0, 0];
  const matching = hostnames.filter((one) => (one.startsWith("*.") ? host.endsWith(one.slice(1)) && host !== one.slice(1) : one === host));
  if (matching.length === 0) return null;
  const literal = matching.filter((one) => !one.startsWith("*."));
  return [Math.max(0, ...literal.map((one) => one.length)), Math.max(...matching.map((one) => one.length))];
}

function elements(path: string): readonly string[] {
  const parts = path.split("/").slice(1);
  return parts[parts.length - 1] === "" ? parts.slice(0, -1) : parts;
}

function pathMatches(match: AuthoredRule["matches"][number]["path"], path: string): boolean {
  if (match.type === "Exact") return match.value === path;
  if (match.type === "RegularExpression") return new RegExp(`^(?:${match.value})$`).test(path);
  const wanted = elements(match.value);
  const given = path.split("/").slice(1);
  return wanted.every((element, at) => given[at] === element);
}

function firstOfEachName(values: readonly Value[], fold: (name: string) => string): readonly Value[] {
  return values.filter((one, at) => values.findIndex((other) => fold(other.name) === fold(one.name)) === at);
}

function headerOf(request: Request, name: string): string | null {
  if (name.toLowerCase() === "x-gateway-model-name") return request.model;
  const lines = request.headers.filter(([one]) => one.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  return lines.length === 0 ? null : lines.join(", ");
}

function valueMatches(match: Value, value: string | null): boolean {
  if (value === null) return false;
  return match.type === "Exact" ? match.value === value : new RegExp(`^(?:${match.value})$`).test(value);
}
