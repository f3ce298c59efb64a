import * as z from "zod/mini";
import { CALENDAR_DURATIONS, calendarPeriod, isTimeZone } from "../calendar-period.ts";
import { ageMs, DURATION } from "../duration.ts";
import { DECIMAL, limitAmount } from "../limit-amount.ts";
import { MAX_EXPRESSION, parseUsageExpression, variablesOf } from "../parse-usage-expression.ts";
import { kindOfGroup, SECTION_IS_RULE, withRules } from "./cross-field-rule.ts";
import { dnsLabel, duration, field, objectName, text } from "./fields.ts";
import { ownKind } from "./kind-definition.ts";

const GROUP_OF_KIND = {
  Gateway: "gateway.networking.k8s.io",
  HTTPRoute: "gateway.networking.k8s.io",
  XBackend: "gateway.networking.x-k8s.io",
  BackendGroup: "spillway.dev",
  Service: "",
};
const LONGEST_SLIDING_MS = 720 * 3_600_000;

const target = withRules(
  z.strictObject({
    group: field(
      z.enum(["gateway.networking.k8s.io", "gateway.networking.x-k8s.io", "spillway.dev", ""]),
      "`gateway.networking.k8s.io` for a Gateway or HTTPRoute, `gateway.networking.x-k8s.io` for an XBackend, `spillway.dev` for a BackendGroup, empty for a Service.",
    ),
    kind: field(z.enum(["Gateway", "HTTPRoute", "XBackend", "BackendGroup", "Service"]), "`Gateway`, `HTTPRoute`, `XBackend`, `BackendGroup` or `Service`."),
    name: field(objectName(), "Its name, in the namespace of this policy."),
    sectionName: field(z.optional(objectName()), "Name of one rule of the HTTPRoute; left out: all."),
  }),
  kindOfGroup(GROUP_OF_KIND, "group and kind do not belong together"),
  SECTION_IS_RULE,
);

const patterns = (example: string) =>
  z
    .array(text(512).check(z.regex(/^(\*[^*]*|[^*]+\*?)$/, `may carry one * at the beginning or at the end, such as ${example}`)))
    .check(z.minLength(1, "must name at least one; leave it out for all"), z.maxLength(64));

const match = z.strictObject({
  namespaces: field(z.optional(patterns("team-*")), "Namespaces of the callers."),
  serviceAccounts: field(z.optional(patterns("batch-*")), "Service accounts of the callers: `namespace/name`, or a name in any namespace."),
  models: field(z.optional(patterns("gpt-*")), "Models that callers ask for. A call that names none is matched by `*` only."),
  routes: field(z.optional(patterns("team-a/*")), "HTTPRoutes: `namespace/name`, or a name in the namespace of this policy."),
  backends: field(
    z.optional(patterns("team-a/*")),
    "XBackends and Services: `namespace/name`, or a name in the namespace of this policy. The limit is then charged for each of them that is tried.",
  ),
});

const window = withRules(
  z.strictObject({
    duration: field(
      duration().check(z.maxLength(32)),
      "Sliding: from `1s` to `720h`. Calendar: `1m`, `1h`, `24h` (a day), `168h` (a week from Monday) or `720h` (a month).",
    ),
    type: field(
      z._default(z.enum(["Sliding", "Calendar"]), "Sliding"),
      "`Sliding`: at every moment the last `duration` counts. `Calendar`: the current minute, hour, day, week or month, and then it begins anew.",
    ),
    timeZone: field(
      z.optional(text(64).check(z.refine(isTimeZone, "must be the IANA name of a time zone, such as UTC or Europe/Berlin"))),
      "Calendar only: IANA name of the time zone whose midnight counts; left out: `UTC`.",
    ),
  }),
  {
    holds: (value) => value.type !== "Calendar" || calendarPeriod(value.duration) !== null,
    cel: `self.type != 'Calendar' || self.duration in [${CALENDAR_DURATIONS.map((one) => `'${one}'`).join(", ")}]`,
    message: "a Calendar window is 1m, 1h, 24h (a day), 168h (a week) or 720h (a month); for any other length write type: Sliding",
    path: "duration",
  },
  {
    holds: ({ type, duration: length }) => type !== "Sliding" || !DURATION.test(length) || (ageMs(length) >= 1_000 && ageMs(length) <= LONGEST_SLIDING_MS),
    cel: "self.type != 'Sliding' || !self.duration.matches('^([0-9]+(h|m|s|ms))+$') || (duration(self.duration) >= duration('1s') && duration(self.duration) <= duration('720h'))",
    message: "a Sliding window is from 1s to 720h long",
    path: "duration",
  },
  {
    holds: (value) => value.timeZone === undefined || value.type === "Calendar",
    cel: "!has(self.timeZone) || self.type == 'Calendar'",
    message: "timeZone is for Calendar windows: a sliding one has no midnight",
    path: "timeZone",
  },
);

const expression = (prices: boolean) =>
  text(MAX_EXPRESSION).check((context) => {
    const parsed = parseUsageExpression(context.value);
    const price = parsed.ok && !prices ? variablesOf(parsed.expression).find((name) => name.startsWith("price.")) : undefined;
    const message = parsed.ok ? (price === undefined ? null : `${price} is not for tokens: use unit Cost and costExpression`) : parsed.message;
    if (message !== null) context.issues.push({ code: "custom", input: context.value, message });
  });

const amount = field(
  z.union([
    z.int('must be a whole number, or decimal text such as "250.00", quoted').check(z.minimum(0)),
    z.string().check(z.regex(DECIMAL, 'must be a whole number, or decimal text such as "250.00", quoted')),
  ]),
  'How much: a whole number, or for `Cost` decimal text such as `"250.00"` with up to nine places. 0 lets nothing through.',
  { "x-kubernetes-int-or-string": true },
);

const limit = withRules(
  z
    .strictObject({
      name: field(dnsLabel(), "Unique in this policy. What was used is kept under it: a limit of another name begins at 0."),
      unit: field(
        z.enum(["Requests", "Tokens", "Cost", "Concurrency"]),
        "What is counted. `Requests`: calls. `Tokens`: as the provider reports them. `Cost`: money. `Concurrency`: calls at the same time.",
      ),
      limit: amount,
      window: field(z.optional(window), "When what was used no longer counts. For every unit but `Concurrency`, which ends with the call."),
      per: field(
        z.optional(z.array(z.enum(["Namespace", "ServiceAccount", "Workload", "Model", "Route", "Backend"])).check(z.minLength(1), z.maxLength(6))),
        "Every combination of these has the whole limit to itself: `[Namespace]` gives each namespace of callers its own. Left out: all calls share one. With `Backend` each destination that is tried is charged.",
      ),
      match: field(z.optional(match), "Which calls the limit is for: those that fit every list. Left out: all calls of the targets."),
      tokens: field(z.optional(z.enum(["Input", "Output", "Total"])), "Tokens only: which count; left out: `Total`."),
      tokenExpression: field(
        z.optional(expression(false)),
        "Tokens only, in place of `tokens`: how many tokens a call counts for, such as `input + 4*output`. Names: `input` (with cached), `output` (with reasoning), `total`, `cachedInput`, `cacheWrite`, `reasoning`, `audioInput`, `audioOutput`; also numbers, `+ - * / ( )`, `min(a, b)` and `max(a, b)`.",
      ),
      currency: field(
        z.optional(z.string().check(z.regex(/^[A-Z]{3}$/, "must be an ISO 4217 code such as USD"))),
        "Cost only: ISO 4217 code; left out: `USD`.",
      ),
      costExpression: field(
        z.optional(expression(true)),
        "Cost only: what a call counts for, in units of the currency, such as `input*price.input + output*price.output`. The names of `tokenExpression` and `price.input`, `price.cachedInput`, `price.output`, per token. Left out: what the call costs, as telemetry tells it.",
      ),
      reserve: field(
        z.optional(z.enum(["InputPlusMaxOutput", "Input", "Fixed"])),
        "Tokens and Cost only: what is held while the answer is on its way. `InputPlusMaxOutput`: the estimated input and the output that the caller allows. `Input`: the estimated input only, so that output may overshoot. `Fixed`: `reserveTokens`, whatever is asked. Left out: `InputPlusMaxOutput`.",
      ),
      reserveTokens: field(
        z.optional(z.int().check(z.minimum(0), z.maximum(10_000_000))),
        "Tokens and Cost only: tokens of output that are held where the caller names no bound; of `Fixed` all that is held, for Cost at the price of output. Left out: 4096.",
      ),
      onExceeded: field(z.optional(z.enum(["Reject", "NextTier", "Shadow"])), "In place of the policy's."),
      onStoreFailure: field(z.optional(z.enum(["FailClosed", "FailOpen", "Local"])), "In place of the policy's."),
    })
    .check((context) => {
      const { limit: authored, unit } = context.value;
      // What is no number has its own fault.
      const found = DECIMAL.test(String(authored)) ? limitAmount(authored, UNITS[unit]) : 0;
      if (typeof found === "string") context.issues.push({ code: "custom", input: authored, path: ["limit"], message: found });
    }),
  {
    holds: (value) => (value.unit === "Concurrency") === (value.window === undefined),
    cel: "(self.unit == 'Concurrency') == !has(self.window)",
    message: "a window is needed for Requests, Tokens and Cost, such as {duration: 1m}, and Concurrency has none",
    path: "window",
  },
  {
    holds: (value) => value.unit === "Tokens" || (value.tokens ?? value.tokenExpression) === undefined,
    cel: "self.unit == 'Tokens' || (!has(self.tokens) && !has(self.tokenExpression))",
    message: "tokens and tokenExpression are for the unit Tokens",
    path: "unit",
  },
  {
    holds: (value) => value.tokens === undefined || value.tokenExpression === undefined,
    cel: "!has(self.tokens) || !has(self.tokenExpression)",
    message: "tokens and tokenExpression exclude each other",
    path: "tokenExpression",
  },
  {
    holds: (value) => value.unit === "Cost" || (value.currency ?? value.costExpression) === undefined,
    cel: "self.unit == 'Cost' || (!has(self.currency) && !has(self.costExpression))",
    message: "currency and costExpression are for the unit Cost",
    path: "unit",
  },
  {
    holds: (value) => value.unit === "Tokens" || value.unit === "Cost" || (value.reserve ?? value.reserveTokens) === undefined,
    cel: "self.unit in ['Tokens', 'Cost'] || (!has(self.reserve) && !has(self.reserveTokens))",
    message: "reserve and reserveTokens are for the units Tokens and Cost: the others know what a call needs",
    path: "unit",
  },
);

/** The units of the manifest as the snapshot names them. */
export const UNITS = { Requests: "requests", Tokens: "tokens", Cost: "cost", Concurrency: "concurrency" } as const;

export const usageLimitPolicy = ownKind({
  kind: "UsageLimitPolicy",
  plural: "usagelimitpolicies",
  shortName: "limpol",
  description:
    "Limits in requests, tokens, money or calls at the same time. All limits that a call meets must have room, whichever policy they are of: none replaces or loosens another.",
  policy: "Inherited",
  columns: { Kind: ".spec.targetRefs[0].kind", Target: ".spec.targetRefs[0].name", Exceeded: ".spec.onExceeded" },
  spec: field(
    withRules(
      z.strictObject({
        targetRefs: field(
          z.array(target).check(z.minLength(1, "must name at least one target"), z.maxLength(16)),
          "What is limited. A Gateway: every call through it. An HTTPRoute: calls that it matches. An XBackend or Service: calls that try it. A BackendGroup: calls that it serves. All targets of a Gateway together share each limit, `per` divides it, and each Gateway counts for itself.",
        ),
        limits: field(z.array(limit).check(z.minLength(1, "must hold at least one limit"), z.maxLength(32)), "Each counts for itself; at most 32."),
        onExceeded: field(
          z._default(z.enum(["Reject", "NextTier", "Shadow"]), "Reject"),
          "What happens to a call that finds no room. `Reject`: 429 with Retry-After. `NextTier`: the next tier or backend of the BackendGroup serves it, and without one it is refused. `Shadow`: it goes on; the limit is only counted and told.",
        ),
        onStoreFailure: field(
          z._default(z.enum(["FailClosed", "FailOpen", "Local"]), "FailClosed"),
          "What happens while the store gives no answer. `FailClosed`: 503, for a budget that nobody counts is none. `FailOpen`: calls go on, whatever they use. `Local`: each instance grants `localShare` of the limit by itself.",
        ),
        localShare: field(
          z.optional(z.string().check(z.regex(/^(100|[1-9][0-9]?)%$/, 'must be a whole percentage from "1%" to "100%"'))),
          "Of `Local`: the part of each limit that one instance may grant by itself, such as `10%`, which is the default. Choose 100% divided by the number of instances to keep the limit.",
        ),
      }),
      {
        holds: (value) => new Set(value.limits.map((one) => one.name)).size === value.limits.length,
        cel: "self.limits.all(one, self.limits.exists_one(other, other.name == one.name))",
        message: "names of limits must be unique: what was used is kept under them",
        path: "limits",
      },
      {
        holds: (value) => value.localShare === undefined || value.onStoreFailure === "Local" || value.limits.some((one) => one.onStoreFailure === "Local"),
        cel: "!has(self.localShare) || self.onStoreFailure == 'Local' || self.limits.exists(one, has(one.onStoreFailure) && one.onStoreFailure == 'Local')",
        message: "localShare is for onStoreFailure: Local",
        path: "localShare",
      },
    ),
    "What is limited, and how much.",
  ),
});

export type UsageLimitSpec = z.infer<typeof usageLimitPolicy.spec>;
export type AuthoredLimit = UsageLimitSpec["limits"][number];
