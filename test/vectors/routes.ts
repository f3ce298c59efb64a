/** Matches by path alone. */
const prefix = (value: string, more: object = {}) => ({ path: { type: "PathPrefix", value }, ...more });
const exact = (value: string, more: object = {}) => ({ path: { type: "Exact", value }, ...more });
const expression = (value: string) => ({ path: { type: "RegularExpression", value } });
const header = (name: string, value: string, type = "Exact") => ({ type, name, value });

const backend = (name: string, more: object = {}) => ({ group: "gateway.networking.x-k8s.io", kind: "XBackend", name, ...more });
const group = (name: string) => ({ group: "spillway.dev", kind: "BackendGroup", name });

const requestHeaders = (edits: object) => ({ type: "RequestHeaderModifier", requestHeaderModifier: edits });
const responseHeaders = (edits: object) => ({ type: "ResponseHeaderModifier", responseHeaderModifier: edits });
const rewritePath = (path: object) => ({ type: "URLRewrite", urlRewrite: { path } });
const full = (value: string) => ({ type: "ReplaceFullPath", replaceFullPath: value });
const inPrefix = (value: string) => ({ type: "ReplacePrefixMatch", replacePrefixMatch: value });

interface RuleOptions {
  readonly filters?: readonly object[];
  readonly timeouts?: object;
  readonly retry?: object;
}

/** A rule that names itself in its answers, unless it has a filter of its own for them. */
function rule(name: string, matches: object | readonly object[], refs: object | readonly object[], options: RuleOptions = {}): object {
  const { filters = [], ...more } = options;
  const silent = filters.some((filter) => "responseHeaderModifier" in filter);
  const mark = silent ? [] : [responseHeaders({ set: [{ name: "x-rule", value: name }] })];
  return { name, matches: [matches].flat(), filters: [...filters, ...mark], backendRefs: [refs].flat(), ...more };
}

const redirect = (name: string, requestRedirect: object) => ({
  name,
  matches: [prefix(`/redirect/${name}`)],
  filters: [{ type: "RequestRedirect", requestRedirect }],
});

interface RouteOptions {
  readonly namespace?: string;
  readonly gateway?: string;
  readonly sectionName?: string;
  readonly hostnames?: readonly string[];
}

function route(name: string, rules: readonly object[], options: RouteOptions = {}): object {
  const { namespace = "team-a", gateway = "egress", sectionName, hostnames } = options;
  const parent = { name: gateway, namespace: "egress-system", ...(sectionName === undefined ? {} : { sectionName }) };
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name, namespace },
    spec: { parentRefs: [parent], ...(hostnames === undefined ? {} : { hostnames }), rules },
  };
}

/** Every rule that a case calls. */
export function routes(): object[] {
  const main = { sectionName: "main" };
  return [
    route("simple", DESTINATIONS, main),
    route("precedence", PRECEDENCE, main),
    route("tie-b", [rule("tie-b", prefix("/tie"), backend("plain"))], main),
    route("tie-a", [rule("tie-a", prefix("/tie"), backend("plain"))], main),
    route("rewrites", REWRITES, main),
    route("redirects", REDIRECTS, main),
    route("edits", EDITS, main),
    route("failover", FAILOVER, main),
    route("regions", REGIONS, main),
    route("refused", REFUSED, main),
    route("browsers", BROWSERS, main),
    route("limited", LIMITED, main),
    route("copies", COPIES, main),
    // Who sees what.
    route("precedence", [rule("of-team-b", prefix("/precedence"), backend("of-team-b"))], { namespace: "team-b", ...main }),
    route("common", [rule("common", prefix("/common"), backend("common")), rule("common-precedence", exact("/common/mine"), backend("common"))], {
      namespace: "egress-system",
      ...main,
    }),
    route("own-common", [rule("own-common", prefix("/common/mine"), backend("plain"))], main),
    // Hosts.
    route("tenants", [rule("any-tenant", prefix("/"), backend("plain"))], { sectionName: "tenants" }),
    route("deep", [rule("deep-tenant", prefix("/"), backend("plain"))], { sectionName: "tenants", hostnames: ["*.deep.egress.example"] }),
    route("exact-host", [rule("exact-tenant", prefix("/only"), backend("plain"))], { sectionName: "tenants", hostnames: ["one.egress.example"] }),
    // Other Gateways.
    route("shared", SHARED, { gateway: "shared" }),
    route("shared-of-b", [rule("of-team-b", prefix("/of-team-b"), backend("of-team-b"))], { namespace: "team-b", gateway: "shared" }),
    route("open", [rule("open", prefix("/"), backend("plain")), rule("open-passing", prefix("/passing"), backend("passing"))], { gateway: "open" }),
    route("guests", [rule("guests", prefix("/"), backend("plain"))], { gateway: "guests" }),
    route("small", [rule("small", prefix("/"), backend("plain")), rule("small-pair", prefix("/pair"), group("pair"))], { gateway: "small" }),
    route("nobody", [rule("nobody", prefix("/"), backend("plain"))], { gateway: "nobody" }),
  ];
}

const ONE_EACH = ["plain", "openai", "anthropic", "azure", "prefixed", "queried", "trusting", "passing", "keyless", "badkey", "listed", "moved", "hasty"];

/** Whoever asks to be left alone is: such a destination has one case. */
const RESTING = ["resting", "in-an-hour", "rate-limited"];

const DESTINATIONS = [...ONE_EACH, ...RESTING, "hasty-ai"].map((name) => rule(name, prefix(`/${name}`), backend(name)));

const LIMITED = [
  ...["limited-once", "limited-none", "limited-tokens"].map((name) => rule(name, prefix(`/${name}`), backend("openai"))),
  rule("spent-first", prefix("/spent-first"), group("spent-first")),
];

const PRECEDENCE = [
  rule("root", prefix("/precedence"), backend("plain")),
  rule("longer", prefix("/precedence/longer"), backend("plain")),
  rule("expression", expression("/precedence/lon[a-z]+/ex.*"), backend("plain")),
  rule("exact", exact("/precedence/longer/exact"), backend("plain")),
  rule("patch", prefix("/precedence/method", { method: "PATCH" }), backend("plain")),
  rule("any-method", prefix("/precedence/method"), backend("plain")),
  rule("one-header", prefix("/precedence/headers", { headers: [header("x-tier", "gold")] }), backend("plain")),
  rule("two-headers", prefix("/precedence/headers", { headers: [header("X-Tier", "gold"), header("x-zone", "a.+", "RegularExpression")] }), backend("plain")),
  rule("no-header", prefix("/precedence/headers"), backend("plain")),
  rule("one-query", prefix("/precedence/query", { queryParams: [header("tier", "gold")] }), backend("plain")),
  rule("query-beside", prefix("/precedence/query", { queryParams: [header("tier", "go.d", "RegularExpression"), header("zone", "a b")] }), backend("plain")),
  rule("method-before-headers", prefix("/precedence/both", { method: "GET" }), backend("plain")),
  rule("headers-before-query", prefix("/precedence/both", { headers: [header("x-tier", "gold")] }), backend("plain")),
  rule("query-last", prefix("/precedence/both", { queryParams: [header("tier", "gold")] }), backend("plain")),
  rule("gold-model", prefix("/models-of", { headers: [header("X-Gateway-Model-Name", "gpt-gold")] }), backend("openai")),
  rule("claude-models", prefix("/models-of", { headers: [header("x-gateway-model-name", "claude-.*", "RegularExpression")] }), backend("anthropic")),
  rule("other-models", prefix("/models-of"), backend("plain")),
  rule("two-matches", [exact("/either"), prefix("/or/this")], backend("plain")),
  rule("encoded", exact("/enc%20oded"), backend("plain")),
  rule("weighted", prefix("/weighted"), [backend("other", { weight: 0 }), backend("plain", { weight: 1 })]),
  rule("split", prefix("/split"), [backend("again-late", { weight: 1_000_000 }), backend("third", { weight: 1 })]),
];

const REWRITES = [
  rule("full", prefix("/rewrite/full"), backend("plain"), { filters: [rewritePath(full("/always/this"))] }),
  rule("inside", prefix("/rewrite/inside"), backend("plain"), { filters: [rewritePath(inPrefix("/v2/"))] }),
  rule("away", prefix("/rewrite/away"), backend("plain"), { filters: [rewritePath(inPrefix("/"))] }),
  rule("at-backend", prefix("/rewrite/at-backend"), backend("plain", { filters: [rewritePath(inPrefix("/from-backend"))] }), {
    filters: [rewritePath(inPrefix("/from-rule"))],
  }),
  rule("other-host", prefix("/rewrite/host"), backend("plain"), { filters: [{ type: "URLRewrite", urlRewrite: { hostname: "front.provider.example" } }] }),
];

const REDIRECTS = [
  redirect("plain", {}),
  ...[301, 303, 307, 308].map((statusCode) => redirect(String(statusCode), { statusCode })),
  redirect("https", { scheme: "https" }),
  redirect("host", { hostname: "elsewhere.example", port: 8_443 }),
  redirect("full", { path: full("/moved/here") }),
  redirect("prefix", { path: inPrefix("/new") }),
];

const value = (name: string, text: string) => ({ name, value: text });
const EDITS = [
  rule("edit-request", prefix("/edit/request"), backend("plain"), {
    filters: [requestHeaders({ set: [value("X-Set", "by-rule")], add: [value("x-add", "by-rule"), value("x-new", "by-rule")], remove: ["X-Remove"] })],
  }),
  rule("edit-both", prefix("/edit/both"), backend("plain", { filters: [requestHeaders({ set: [value("x-set", "by-backend")], remove: ["x-new"] })] }), {
    filters: [requestHeaders({ set: [value("x-set", "by-rule")], add: [value("x-new", "by-rule")] })],
  }),
  rule("edit-response", prefix("/edit/response"), backend("plain", { filters: [responseHeaders({ add: [value("x-add", "by-backend")] })] }), {
    filters: [responseHeaders({ set: [value("x-set", "by-rule")], add: [value("x-add", "by-rule")], remove: ["x-remove"] })],
  }),
  rule("edit-credential", prefix("/edit/credential"), backend("openai"), {
    filters: [requestHeaders({ set: [value("authorization", "Bearer from-the-rule")] })],
  }),
  rule("edit-stripped", prefix("/edit/stripped"), backend("plain"), { filters: [requestHeaders({ set: [value("x-forwarded-for", "192.0.2.1")] })] }),
];

const NOW = { backoff: "1ms" };
const FAILOVER = [
  ...[
    "pair",
    "silent-pair",
    "anthropic-pair",
    "codes",
    "capped",
    "one-per-tier",
    "three",
    "keyless-first",
    "closed-first",
    "all-closed",
    "both-apis",
    "parked",
    "both-parked",
  ].map((name) => rule(name, prefix(`/${name}`), group(name))),
  ...["thrice-failed", "now-and-then", "asks-for-time", "finds-fault"].map((name) => rule(name, prefix(`/${name}`), group(name))),
  ...["renamed-model", "listed-first"].map((name) => rule(name, prefix(`/${name}`), group(name))),
  rule("short", prefix("/short"), backend("plain"), { timeouts: { request: "1s" } }),
  rule("short-try", prefix("/try-short"), group("pair"), { timeouts: { backendRequest: "2s" } }),
  rule("busy", prefix("/busy"), backend("busy")),
  rule("again", prefix("/again"), backend("again"), { retry: { codes: [500], attempts: 2, ...NOW } }),
  rule("again-fault", prefix("/again-fault"), backend("again-fault"), { retry: { codes: [404], attempts: 1, ...NOW } }),
  rule("listed-500", prefix("/listed-500"), group("pair"), { retry: { codes: [500], attempts: 1, ...NOW } }),
  rule("one-extra", prefix("/one-extra"), group("three"), { retry: { codes: [502], attempts: 1, ...NOW } }),
];

const BROWSERS = [
  rule("cors", prefix("/cors"), backend("plain"), {
    filters: [
      {
        type: "CORS",
        cors: {
          allowOrigins: ["https://*.app.example"],
          allowMethods: ["GET", "PUT"],
          allowHeaders: ["x-one"],
          exposeHeaders: ["x-two"],
          allowCredentials: true,
          maxAge: 600,
        },
      },
    ],
  }),
  rule("cors-any", prefix("/cors-any"), backend("plain"), {
    filters: [{ type: "CORS", cors: { allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"] } }],
  }),
];

const mirror = (to: object, share: object = {}) => ({ type: "RequestMirror", requestMirror: { backendRef: to, ...share } });
const COPIES = [
  rule("copied", prefix("/copied"), backend("plain"), { filters: [mirror(backend("third"))] }),
  rule("copied-never", prefix("/copied/never"), backend("plain"), { filters: [mirror(backend("third"), { percent: 0 })] }),
  rule("copied-twice", prefix("/copied/twice"), backend("plain"), { filters: [mirror(backend("third")), mirror(backend("other"))] }),
];

const REGIONS = [
  rule("homewards", prefix("/homewards"), group("homewards")),
  rule("american-only", prefix("/american-only"), backend("american")),
  rule("european-only", prefix("/european-only"), backend("european")),
  rule("narrow", prefix("/narrow"), backend("european")),
  rule("broker-at-home", prefix("/broker-at-home"), backend("european")),
];

const REFUSED = [
  rule("good-part", prefix("/partly"), backend("plain")),
  rule("extended", prefix("/partly/extended"), backend("plain"), {
    filters: [{ type: "ExtensionRef", extensionRef: { group: "example.com", kind: "Magic", name: "unknown" } }],
  }),
  rule("no-such-backend", prefix("/no-such-backend"), backend("forgotten")),
  rule("weightless", prefix("/weightless"), backend("plain", { weight: 0 })),
  rule("host-edit", prefix("/host-edit"), backend("plain"), { filters: [requestHeaders({ set: [value("host", "evil.example")] })] }),
];

const SHARED = [
  rule("shared-american", prefix("/american"), backend("american")),
  rule("shared-european", prefix("/european"), backend("european")),
  rule("shared-plain", prefix("/plain"), backend("plain")),
];
