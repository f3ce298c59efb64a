/** A part of the broker that stands between a caller and what it must not get: what is broken on purpose, and the tests that have to see it. */
export interface GuardModule {
  readonly name: string;
  /** Globs of the sources that are broken. */
  readonly sources: readonly string[];
  /** Globs of the tests that look. The fewer and the faster, the sooner the answer: a survivor says which behaviour they leave out. */
  readonly tests: readonly string[];
}

/** The guard modules of B21: each is held to 90 % by `npm run mutate`. */
export const GUARD_MODULES: readonly GuardModule[] = [
  {
    name: "door",
    sources: [
      "src/transport/send.ts",
      "src/transport/check-door.ts",
      "src/transport/check-control.ts",
      "src/transport/check-upgrade.ts",
      "src/transport/control-call.ts",
    ],
    tests: ["test/security/transport-door.test.ts", "test/security/control-door.test.ts", "test/unit/transport/check-upgrade.test.ts"],
  },
  {
    name: "clear",
    sources: ["src/model/cleared.ts", "src/model/weigh.ts", "src/model/bound-credential.ts", "src/model/chain.ts"],
    tests: ["test/unit/model/weigh.test.ts", "test/unit/model/chain.test.ts", "test/unit/model/cleared.test.ts", "test/security/transport-door.test.ts"],
  },
  {
    name: "credential-attach",
    sources: ["src/credentials/attach.ts", "src/model/secret.ts"],
    tests: ["test/unit/credentials/attach.test.ts", "test/unit/model/secret.test.ts"],
  },
  {
    name: "redaction",
    sources: ["src/credentials/redact.ts", "src/stream/redacting-codec.ts"],
    tests: ["test/unit/credentials/redact.test.ts", "test/unit/stream/redacting-codec.test.ts"],
  },
  {
    name: "headers",
    sources: [
      "src/transport/request-headers.ts",
      "src/transport/response-headers.ts",
      "src/transport/chain-headers.ts",
      "src/model/token-slots.ts",
      "src/routing/edit-headers.ts",
      "src/config/guarded-headers.ts",
      "src/call/delivery/broker-headers.ts",
    ],
    tests: [
      "test/unit/transport/request-headers.test.ts",
      "test/unit/transport/response-headers.test.ts",
      "test/unit/transport/chain-headers.test.ts",
      "test/unit/routing/edit-headers.test.ts",
      "test/unit/model/token-slots.test.ts",
      "test/unit/config/guarded-headers.test.ts",
      "test/unit/call/broker-headers.test.ts",
    ],
  },
  {
    name: "destination",
    sources: ["adapters/transport/address-guard.ts", "adapters/transport/address-choice.ts", "adapters/transport/guarded-connect.ts"],
    tests: ["test/unit/transport/address-guard.test.ts", "test/unit/transport/address-choice.test.ts", "test/unit/transport/guarded-connect.test.ts"],
  },
  {
    // The rules of each provider beside it are data more than code: `npm run prove:mutate` breaks them one by one.
    name: "place",
    sources: ["src/transport/locate/locate.ts", "src/transport/locate/viewed-request.ts"],
    tests: ["test/unit/transport/locate/viewed-request.test.ts", "test/unit/transport/locate/proven-place.test.ts", "test/security/region-door.test.ts"],
  },
  {
    name: "kept-in-place",
    sources: [
      "src/transport/locate/answer-fault.ts",
      "src/transport/locate/attested-place.ts",
      "src/transport/locate/prepare-locked.ts",
      "src/transport/locate/withheld-headers.ts",
    ],
    tests: ["test/unit/transport/locate/*.test.ts"],
  },
  {
    // Whom documents, claims and headers name; where an issuer's keys come from.
    name: "identity-names",
    sources: ["api-keys", "key-set", "held-keys", "remote-keys", "claimed-caller", "principal-caller", "presented-credentials", "token-parts"].map(
      (name) => `src/identity/${name}.ts`,
    ),
    tests: ["test/unit/identity/whom-a-document-names.test.ts", "test/unit/identity/remote-keys.test.ts"],
  },
  {
    // Signatures, algorithms and times of tokens: with real keys.
    name: "identity-tokens",
    sources: ["src/identity/verify-jwt.ts"],
    tests: ["test/unit/identity/verify-jwt.test.ts"],
  },
  {
    // Which credential is asked of whom, what is remembered of it, and the order of it all.
    name: "identity-order",
    sources: ["gateway-verifier", "create-identity"].map((name) => `src/identity/${name}.ts`),
    tests: ["test/unit/identity/create-identity.test.ts", "test/unit/identity/order-of-credentials.test.ts"],
  },
  {
    // What another broker says of a call that it hands on.
    name: "identity-chain",
    sources: ["src/identity/read-chain.ts"],
    tests: ["test/unit/identity/read-chain.test.ts"],
  },
  {
    // Who is meant, how much, until when and what is told of it.
    name: "limits",
    sources: [
      "src/policy/limits/claim-amount.ts",
      "src/policy/limits/match-limit.ts",
      "src/policy/limits/calendar-period.ts",
      "src/policy/limits/rate-limit-fields.ts",
      "src/policy/limits/limits-of-namespace.ts",
      "src/policy/limits/token-ratios.ts",
      "src/policy/limits/body-weight.ts",
    ],
    tests: [
      "test/unit/policy/limits/claim-amount.test.ts",
      "test/unit/policy/limits/match-limit.test.ts",
      "test/unit/policy/limits/calendar-period.test.ts",
      "test/unit/policy/limits/rate-limit-fields.test.ts",
      "test/unit/policy/limits/limits-of-namespace.test.ts",
      "test/unit/policy/limits/token-ratios.test.ts",
      "test/unit/policy/limits/body-weight.test.ts",
    ],
  },
  {
    // The law of accounts: what was used and is held, and whether there is room. Every store that reads and writes documents asks it.
    name: "limit-book",
    sources: ["adapters/usage/account-book.ts"],
    tests: ["test/unit/usage/account-book.test.ts", "test/laws/account-book.test.ts"],
  },
  {
    // What an instance holds between calls, and what its calls take of it.
    name: "limit-leases",
    sources: ["src/policy/limits/leased-account.ts", "src/policy/limits/leased-call.ts", "src/policy/limits/lease-size.ts"],
    tests: [
      "test/unit/policy/limits/leased-account.test.ts",
      "test/unit/policy/limits/lease-size.test.ts",
      "test/unit/policy/limits/leased-desk.test.ts",
      "test/unit/policy/limits/desk-windows.test.ts",
      "test/unit/policy/limits/store-failure.test.ts",
    ],
  },
  {
    // Which calls wait for the store, in which order they are answered, and which are refused.
    name: "limit-waiting",
    sources: ["src/policy/limits/waiting-calls.ts", "src/policy/limits/refused-calls.ts"],
    tests: [
      "test/unit/policy/limits/waiting-calls.test.ts",
      "test/unit/policy/limits/refused-calls.test.ts",
      "test/unit/policy/limits/leased-desk.test.ts",
      "test/unit/policy/limits/desk-windows.test.ts",
      "test/unit/policy/limits/store-failure.test.ts",
    ],
  },
  {
    // What passes while the store gives no answer, and what callers are told of a shortage.
    name: "limit-outage",
    sources: [
      "src/policy/limits/failure-policy.ts",
      "src/policy/limits/local-window.ts",
      "src/policy/limits/shortage.ts",
      "src/policy/limits/limit-refusal.ts",
    ],
    tests: [
      "test/unit/policy/limits/failure-policy.test.ts",
      "test/unit/policy/limits/local-window.test.ts",
      "test/unit/policy/limits/shortage.test.ts",
      "test/unit/policy/limits/limit-refusal.test.ts",
    ],
  },
  {
    // One exchange at a time with a store, tried until it is answered; and whose time it is.
    name: "limit-store-line",
    sources: ["src/policy/limits/store-line.ts", "src/policy/limits/store-clock.ts"],
    tests: ["test/unit/policy/limits/store-line.test.ts", "test/unit/policy/limits/store-clock.test.ts"],
  },
  {
    // Which account a claim is for, and in which store.
    name: "limit-accounts",
    sources: [
      "src/policy/limits/account-table.ts",
      "src/policy/limits/account-name.ts",
      "src/policy/limits/hold-in-realms.ts",
      "src/policy/limits/create-limit-desk.ts",
    ],
    tests: [
      "test/unit/policy/limits/account-table.test.ts",
      "test/unit/policy/limits/account-name.test.ts",
      "test/unit/policy/limits/hold-in-realms.test.ts",
      "test/unit/policy/limits/desk-windows.test.ts",
      "test/unit/policy/limits/direct-desk.test.ts",
    ],
  },
  {
    // Which accounts the store must hear of, and when.
    name: "limit-due",
    sources: ["src/policy/limits/due-accounts.ts"],
    tests: ["test/unit/policy/limits/due-accounts.test.ts"],
  },
  {
    // A Gateway's limits where an instance holds a part of each account.
    name: "limit-leased-realm",
    sources: ["src/policy/limits/leased-realm.ts"],
    tests: ["test/unit/policy/limits/leased-realm.test.ts"],
  },
  {
    // The same where nothing is held between calls.
    name: "limit-direct-realm",
    sources: ["src/policy/limits/direct-realm.ts"],
    tests: ["test/unit/policy/limits/direct-realm.test.ts", "test/unit/policy/limits/direct-desk.test.ts"],
  },
  {
    // What is told of calls that are over, and one question to a store.
    name: "limit-settlements",
    sources: ["src/policy/limits/settlements.ts", "src/policy/limits/ask-once.ts", "src/policy/limits/patient-timer.ts"],
    tests: ["test/unit/policy/limits/settlements.test.ts"],
  },
  {
    // How many calls an instance takes, and how many it gives a backend at a time.
    name: "overload",
    sources: ["adapters/knative/overload-judge.ts", "src/plan/concurrency.ts"],
    tests: ["test/unit/knative/overload-judge.test.ts", "test/unit/plan/concurrency.test.ts"],
  },
];
