/** What Spillway promises under fire, row by row, and whether it is kept. Numbers are those of the threat model (T), the fault table (F) and the bars (B) in docs/reliability.md. */
export interface HeldPromise {
  /** `F8`, `T12`, `B3`: stands in the title of every test that shows it. */
  readonly row: string;
  readonly promise: string;
  /** The number that is held. */
  readonly bar: string;
  readonly state: "kept" | "partly" | "not kept";
  /** Why it is not kept whole, for the reader of the table; null where it is. */
  readonly reason: string | null;
  /** What anyone can run in a checkout to see it. */
  readonly command: string;
}

export const PROMISES: readonly HeldPromise[] = [
  {
    row: "F1",
    promise:
      "A destination that answers 429 is left at once for the next, with or without Retry-After, and is left alone until then (seconds or a date, at most 10 min). Is nobody else left, calls for the same model get its 429 and Retry-After at once.",
    bar: "switch <= 50 ms p99; 0 calls while parked",

    state: "kept",
    reason: null,

    command: "npx vitest run test/pipeline/recovery.test.ts test/unit/plan/health.test.ts test/unit/plan/tenant-health.test.ts",
  },
  {
    row: "F2",
    promise: "503 and 529 are treated as 429 is, for every model of the destination.",
    bar: "switch <= 50 ms p99; 0 calls while parked",

    state: "kept",
    reason: null,

    command: "npx vitest run test/pipeline/recovery.test.ts test/unit/plan/health.test.ts",
  },
  {
    row: "F3",
    promise:
      "500, 502, 504, 408, a refused connection and a reset before the head: the next candidate or a retry within the budget, for inference and idempotent calls always, for others where the rule's retry says so.",
    bar: "<= 50 ms added",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/failover.test.ts test/platforms/failover.test.ts",
  },
  {
    row: "F4",
    promise: "400, 404, 409, 413, 422, and 401 or 403 to the caller's own credential, pass through: no switch, no retry.",
    bar: "0 extra calls",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/failover.test.ts test/pipeline/failover-law.test.ts",
  },
  {
    row: "F5",
    promise: "401 or 403 to a credential of the broker: the secret is read anew once, one retry, then the next candidate; none left is 502 upstream_auth.",
    bar: "<= 1 refresh a second per secret; 0 failed on a hard rotation",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/failover.test.ts test/pipeline/credentials.test.ts test/platforms/rotation.test.ts",
  },
  {
    row: "F6",
    promise: "A destination that hangs before the first byte is cancelled and left when the first byte's time is over.",
    bar: "first byte's time + 50 ms; 0 sockets after 500 ms",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/failover.test.ts test/hostile/stalls.test.ts",
  },
  {
    row: "F7",
    promise: "A 2xx head is kept back until the first byte of the body: head then silence, or an error as the first event of a stream, still switch.",
    bar: "first byte's time + 50 ms",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/failover.test.ts",
  },
  {
    row: "F8",
    promise:
      "A stream that dies in the middle keeps every event that came, ends with the API's own error event and a broken body, never with its end marker, and never with a second answer.",
    bar: "100 % told",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/dying-upstream.test.ts",
  },
  {
    row: "F9",
    promise: "A stream that ends cleanly without its format's end marker is told as one that died.",
    bar: "100 % told",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/dying-upstream.test.ts test/hostile/fuzz-answers.test.ts",
  },
  {
    row: "F10",
    promise: "A stream that falls silent is cut, and told as one that died.",
    bar: "30 s by default",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/stalls.test.ts",
  },
  {
    row: "F11",
    promise: "A stream that trickles without end is cut when the call's whole time is over.",
    bar: "10 min by default",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/stalls.test.ts",
  },
  {
    row: "F12",
    promise: "Invalid HTTP, both framings at once, cut JSON: 502, or a broken body where bytes have left already; never 500, never a whole answer.",
    bar: "100 %",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/dying-upstream.test.ts test/hostile/fuzz-answers.test.ts",
  },
  {
    row: "F13",
    promise:
      "All destinations down: the last status and Retry-After at once, load is not multiplied, and behind a destination that hangs one call at a time waits.",
    bar: "upstream load <= 1.1 x",

    state: "kept",
    reason: null,

    command: "npx vitest run test/pipeline/recovery.test.ts test/unit/plan/health.test.ts",
  },
  {
    row: "F14",
    promise:
      "A destination that was taken out gets one probe at a time per instance (per namespace, while only one has seen it fail), after 30 s, doubled up to 5 min, with 20 % jitter.",
    bar: "back after one good probe",

    state: "kept",
    reason: null,

    command: "npx vitest run test/pipeline/recovery.test.ts test/unit/plan/health.test.ts",
  },
  {
    row: "F15",
    promise: "A caller that hangs up, at whatever moment, closes the call to the destination, frees its place and is charged for what came.",
    bar: "p99 <= 50 ms",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/hang-up.test.ts",
  },
  {
    row: "F16",
    promise: "A caller that does not read pauses the destination; a minute without progress ends both.",
    bar: "<= 160 KiB a stream; 0 left 3 s after hang-up",

    state: "partly",
    reason:
      "The pause, the minute and the end of both are held. What a reader that stops keeps is one write and the end of its answer, about 50 KiB; what the process grows by is told under B13.",

    command: "npx vitest run test/platforms/stalled-readers.test.ts test/unit/transport/node-delivery.test.ts; npm run bench:streams -- --scene stalled",
  },
  {
    row: "F17",
    promise:
      "Overload (event loop late, memory short): the new calls that the instance cannot serve get 503 overloaded with Retry-After 1, streams go on, healthz says 200 and readyz 503.",
    bar: "at twice the capacity >= 80 % of the peak's good answers",

    state: "partly",
    reason:
      "Held where calls come over connections that are kept. Not where each opens one of its own: the loop takes one new connection of a port in each of its turns, so these wait in the kernel before the loop is late, and nobody is refused (a run at twice the peak: 49 % good, none refused, healthz at the port of calls seconds late; at the port of SPILLWAY_ADMIN_PORT it waits for one turn). The number is held in a model of the loop (80 % at twice the capacity where a refusal costs a sixteenth of a call; without shedding under 10 %).",

    command:
      "npx vitest run test/unit/knative/overload-judge.test.ts test/pipeline/overload.test.ts test/hostile/overload-shedding.test.ts && npm run figures -- overload",
  },
  {
    row: "F18",
    promise: "An invalid, half or huge configuration never replaces a good one, and no call fails while one replaces another.",
    bar: "0 failed in 1,000 changes",

    state: "kept",
    reason: null,

    command: "npx vitest run test/hostile/configuration-changes.test.ts test/platforms/lifecycle.test.ts",
  },
  {
    row: "F19",
    promise: "The source of configuration is down: the last one serves, without end, and its age is told.",
    bar: "24 h",

    state: "kept",
    reason: null,

    command: "npx vitest run test/pipeline/default-limits.test.ts test/hostile/manifests-gone.test.ts",
  },
  {
    row: "F20",
    promise: "A slow secret store: the known value serves while it is read anew.",
    bar: "0 ms added",

    state: "kept",
    reason: null,

    command: "npx vitest run test/unit/credentials/secret-cache.test.ts",
  },
  {
    row: "F21",
    promise: "The secret store is down, values known: they serve for an hour; tries back off from 250 ms to 30 s.",
    bar: "0 failed; <= 25 tries in 10 min",

    state: "kept",
    reason: null,

    command: "npx vitest run test/unit/credentials/secret-cache.test.ts",
  },
  {
    row: "F22",
    promise: "The secret store is down, nothing known: the next candidate, or 503 credential_unavailable with Retry-After.",
    bar: "<= 100 ms; back <= 1 s after the store",

    state: "kept",
    reason: null,

    command: "npx vitest run test/unit/credentials/secret-cache.test.ts test/pipeline/credentials.test.ts",
  },
  {
    row: "F23",
    promise: "A store that denies or has deleted a secret is no outage: its value stops serving.",
    bar: "within twice the time to live",

    state: "kept",
    reason: null,

    command: "npx vitest run test/unit/credentials/secret-cache.test.ts",
  },
  {
    row: "F24",
    promise: "Rotation with both keys valid: the new one within the time to live, the old one no more.",
    bar: "0 failed",

    state: "kept",
    reason: null,

    command: "npx vitest run test/unit/credentials/secret-cache.test.ts",
  },
  {
    row: "F25",
    promise: "Three hundred cold calls at once read a secret once.",
    bar: "1 fetch",

    state: "kept",
    reason: null,

    command: "npx vitest run test/unit/credentials/secret-cache.test.ts",
  },
  {
    row: "F26",
    promise: "The limit store is down: as the policy says, by a local share, open or closed; counted in every case.",
    bar: "0 silent",

    state: "kept",
    reason: null,

    command: "npx vitest run test/unit/policy/limits/store-failure.test.ts && npm run test:services",
  },
  {
    row: "F27",
    promise: "A limit store that is slow is waited for 50 ms, then it counts as down.",
    bar: "<= 50 ms added, p99",

    state: "kept",
    reason: null,

    command: "npx vitest run test/unit/policy/limits/store-failure.test.ts",
  },
  {
    row: "F28",
    promise: "Many instances hold one limit in any window.",
    bar: "within 5 %",

    state: "kept",
    reason: null,

    command: "npx vitest run test/laws/limit-accuracy.test.ts && npm run test:services",
  },
  {
    row: "F29",
    promise: "SIGTERM: accepts no more, finishes what runs within the grace period, exits 0.",
    bar: "200 of 200 streams",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/platforms/lifecycle.test.ts",
  },
  {
    row: "F30",
    promise: "SIGKILL loses no more usage than a flush interval's.",
    bar: "<= 1 s of usage",

    state: "kept",
    reason: null,

    command: "npm run test:services",
  },
  {
    row: "F31",
    promise:
      "A clock that is off: 30 s of leeway for tokens; windows and waits count monotonic time; dates of Retry-After are read against the answer's own Date.",
    bar: "0 wrong denials within 30 s",

    state: "kept",
    reason: null,

    command: "npx vitest run test/unit/identity test/unit/plan/health.test.ts test/pipeline/recovery.test.ts",
  },
  {
    row: "F32",
    promise: "An issuer's keys cannot be read: known ones serve for a day; unknown key ids cost one fetch in 30 s for all callers.",
    bar: "200 unknown ids: <= 2 fetches",

    state: "kept",
    reason: null,

    command: "npx vitest run test/unit/identity/create-identity.test.ts test/security/identity-hostile-tokens.test.ts",
  },
  {
    row: "F33",
    promise: "DNS is down or knows the name no more: the last good addresses serve for 5 min (dns.staleFor), still checked; then 502.",
    bar: "5 min, settable",

    state: "kept",
    reason: null,

    command: "npx vitest run test/security/transport-rebinding.test.ts",
  },
  {
    row: "F34",
    promise: "The collector is down: spans are dropped beyond a bounded queue, calls notice nothing.",
    bar: "0 failed; <= 4 MiB",

    state: "kept",
    reason: null,

    command: "npx vitest run test/hostile/collector-down.test.ts test/unit/telemetry/node-telemetry.test.ts",
  },
  {
    row: "F35",
    promise:
      "An exception in a call is 500 with an id and the process lives; an uncaught one, or a rejection, is logged with an id and without its words, lets calls end, and exits 1; a second one exits at once.",
    bar: "0 while fuzzing",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/platforms/last-resort.test.ts test/hostile/pipelined-handshake.test.ts test/hostile/deep-answers.test.ts",
  },
  {
    row: "F36",
    promise: "Ten thousand slow readers, as far as open files allow, leave the broker healthy.",
    bar: "<= 160 KiB each; healthz < 100 ms",

    state: "partly",
    reason:
      "9,925 streams at once are held, drained and cheap. 3,000 that stop reading a flood cost 97 KiB each, with /-/healthz at 28 ms; as many as open files allow have not stopped in one run yet.",

    command: "npm run bench:streams",
  },
  {
    row: "F37",
    promise: "A million mutated requests: no crash, no 500, nothing unexpected at a destination.",
    bar: "0 / 0 / 0; <= 64 MiB more",

    state: "partly",
    reason:
      "100,000 mutated requests and as many answers have been run in one go on a loaded machine, not a million. While 64 connections at once are served the process stands up to 134 MiB above its start, which is the young generation of V8 and no growth: 64 MiB is held from there on.",

    command: "npm run hostile:long",
  },
  {
    row: "F38",
    promise: "A call that comes back to a broker it has passed, or has passed too many, is refused with 508.",
    bar: "one hop too many",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/platforms/lifecycle.test.ts test/unit/identity/forwarded-caller.test.ts",
  },
  {
    row: "T1",
    promise: "The caller cannot name the destination: not by path, Host, header, model or body.",
    bar: "0 of 18 spellings",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/destination.test.ts test/security/transport-door.test.ts",
  },
  {
    row: "T2",
    promise: "Routing goes by one validated Host; an absolute form that differs is refused, headers that override are dropped.",
    bar: "0",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/headers.test.ts test/security/transport-framing.test.ts",
  },
  {
    row: "T3",
    promise: "Redirects are never followed; where a region is locked they are 502.",
    bar: "0 of 10",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/redirects.test.ts",
  },
  {
    row: "T4",
    promise: "A credential is bound to the origins it is for, and attached by the last function before the socket.",
    bar: "0",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/failover.test.ts test/security/transport-door.test.ts",
  },
  {
    row: "T5",
    promise: "What proves the caller never travels on, nor cookies, proxy and forwarding headers.",
    bar: "0 of 20",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/headers.test.ts test/unit/credentials/attach.test.ts",
  },
  {
    row: "T6",
    promise: "No key in a log, span, error, event, metric or dump that the broker writes.",
    bar: "0",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/canary.test.ts",
  },
  {
    row: "T7",
    promise: "A destination that echoes the broker's key has it taken out before the caller sees it.",
    bar: "0",

    state: "kept",
    reason: null,

    command: "npx vitest run test/pipeline/headers.test.ts test/hostile/canary.test.ts",
  },
  {
    row: "T8",
    promise:
      "Every cache key holds who calls and what the answer depends on; nothing is shared between tenants that should not be, and no tenant can take a destination from another by making its own calls fail.",
    bar: "0 crossed",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/tenants.test.ts test/hostile/tenant-health.test.ts test/unit/plan/tenant-health.test.ts",
  },
  {
    row: "T9",
    promise:
      "Bytes that come unasked on a kept connection never answer another tenant's call: connections are kept apart by namespace, and by caller where callers have credentials of their own.",
    bar: "0 of 80",

    state: "kept",
    reason: null,

    command: "npx vitest run test/hostile/unsolicited-answers.test.ts",
  },
  {
    row: "T10",
    promise: "Requests whose framing can be read in two ways reach no destination.",
    bar: "0 of 22",

    state: "kept",
    reason: null,

    command:
      "npm run build && npx vitest run test/hostile/headers.test.ts test/hostile/pipelined-handshake.test.ts test/security/transport-framing.test.ts test/hostile/fuzz-requests.test.ts",
  },
  {
    row: "T11",
    promise: "Values that would break out of a header, path or query are refused or escaped.",
    bar: "0",

    state: "kept",
    reason: null,

    command: "npx vitest run test/security/transport-door.test.ts test/hostile/http2-caller.test.ts",
  },
  {
    row: "T12",
    promise: "Tokens that were forged, replayed elsewhere or bent are refused.",
    bar: "0 of 42",

    state: "kept",
    reason: null,

    command: "npx vitest run test/security/identity-hostile-tokens.test.ts",
  },
  {
    row: "T13",
    promise:
      "Tokens of other clusters and without an end are refused; those of deleted workloads within a minute where the issuer has tokenReview, which asks the cluster. Without it they count until they end, a day at most.",
    bar: "0",

    state: "kept",
    reason: null,

    command:
      "npx vitest run test/security/deleted-workloads.test.ts test/unit/identity/token-reviews.test.ts test/kubernetes/token-reviewer.test.ts test/security/identity-hostile-tokens.test.ts",
  },
  {
    row: "T14",
    promise: "API keys are compared as digests in constant time and looked up in no query language.",
    bar: "holds",

    state: "kept",
    reason: null,

    command: "npx vitest run test/unit/identity/create-identity.test.ts",
  },
  {
    row: "T15",
    promise: "A name that resolves to a forbidden address is not dialled, on any connection, in any mixture.",
    bar: "0 of 80",

    state: "kept",
    reason: null,

    command: "npx vitest run test/security/transport-rebinding.test.ts test/unit/transport",
  },
  {
    row: "T16",
    promise: "No call leaves its region: when compiled, planned, and by the final bytes.",
    bar: "0",

    state: "kept",
    reason: null,

    command: "npx vitest run test/laws/region.test.ts test/laws/region-door.test.ts test/laws/region-sockets.test.ts; npm run prove:fuzz",
  },
  {
    row: "T17",
    promise: "Compressed answers pass as they are: nothing is ever inflated.",
    bar: "<= 10 x + 1 MiB",

    state: "kept",
    reason: null,

    command: "npx vitest run test/hostile/amplification.test.ts",
  },
  {
    row: "T18",
    promise:
      "Nothing without end is held: an event that is read for usage to 1 MiB, then it passes unread; one that is translated to 16 MiB; a head to 32 KiB; an answer that is translated whole to 64 MiB; streams and trickles end with the call's time.",
    bar: "1 MiB, 32 KiB, 30 s, 64 MiB",

    state: "kept",
    reason: null,

    command:
      "npx vitest run test/unit/stream/tap.test.ts test/unit/lib/sse.test.ts test/unit/transport/undici-transport.test.ts test/pipeline/default-limits.test.ts",
  },
  {
    row: "T19",
    promise: "Huge, deep and slow requests have bounds.",
    bar: "10 MiB, 16 KiB, 10 s, 30 s, depth 64",

    state: "partly",
    reason: "A body may have 32 MiB by default (bounds.maxRequestBytes), for calls bring images and files.",

    command: "npx vitest run test/hostile/amplification.test.ts test/hostile/hostile-json.test.ts",
  },
  {
    row: "T20",
    promise: "No pattern of a manifest can stall the broker.",
    bar: "5 patterns < 50 ms",

    state: "kept",
    reason: null,

    command: "npx vitest run test/security/stalling-patterns.test.ts test/unit/routing/full-match.test.ts",
  },
  {
    row: "T21",
    promise: "JSON of callers changes no prototype and is merged into nothing.",
    bar: "0",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/hostile-json.test.ts test/security/hostile-manifests.test.ts",
  },
  {
    row: "T22",
    promise: "Retries, failover and parallel instances do not get past a budget.",
    bar: "see B9, F28",

    state: "kept",
    reason: null,

    command: "npx vitest run test/security/limit-evasion.test.ts test/laws/limits.test.ts",
  },
  {
    row: "T23",
    promise: "Hanging up early is charged for what was streamed.",
    bar: "never 0",

    state: "kept",
    reason: null,

    command: "npx vitest run test/pipeline/usage-limits.test.ts",
  },
  {
    row: "T24",
    promise: "One tenant's slow readers and idle streams cannot take every place.",
    bar: "half of an instance's places",

    state: "kept",
    reason: null,

    command: "npx vitest run test/security/tenant-takes-every-place.test.ts test/platforms/stalled-readers.test.ts",
  },
  {
    row: "T25",
    promise: "Configuration is compiled whole and swapped whole.",
    bar: "see F18",

    state: "kept",
    reason: null,

    command: "npx vitest run test/pipeline/reload.test.ts test/hostile/configuration-changes.test.ts",
  },
  {
    row: "T26",
    promise: "Few dependencies, all exact and with integrity, no install scripts but a list, a release that can be checked.",
    bar: "0 deviations",

    state: "partly",
    reason: "Everything that a checkout can show is held; the release workflow itself, and with it the provenance, has not run on the forge yet.",

    command: "npm run build && npx vitest run test/supply && npm run pack:twice && npm run secrets",
  },
  {
    row: "T27",
    promise: "A release brings its exact dependencies.",
    bar: "holds",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/supply/package.test.ts",
  },
  {
    row: "T28",
    promise: "No mode prints values, debug mode included.",
    bar: "0",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/canary.test.ts",
  },
  {
    row: "T29",
    promise: "TLS 1.2 and newer, names always checked, pins and revocation fail closed; there is no switch to skip it.",
    bar: "whole matrix",

    state: "kept",
    reason: null,

    command:
      "npx vitest run test/hostile/tls-listener.test.ts test/hostile/stopped-destination.test.ts test/security/transport-tls.test.ts test/security/backend-identity.test.ts test/security/client-certificate.test.ts test/platforms/https-listener.test.ts",
  },
  {
    row: "T30",
    promise:
      "Every path under /-/ but healthz and readyz asks who calls. Metrics need no credential on a port of their own (SPILLWAY_ADMIN_PORT), where no call comes.",
    bar: "all",

    state: "kept",
    reason: null,

    command: "npx vitest run test/security/admin-pages-exposed.test.ts test/unit/listener/admin-app.test.ts test/pipeline/events.test.ts",
  },
  {
    row: "B1",
    promise: "Credentials and bodies sent to an origin outside the configuration.",
    bar: "0",

    state: "kept",
    reason: null,

    command: "npx vitest run test/laws/region-sockets.test.ts test/hostile/redirects.test.ts test/hostile/destination.test.ts",
  },
  {
    row: "B2",
    promise: "Canaries found in logs, spans, metrics and answers.",
    bar: "0",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/canary.test.ts",
  },
  {
    row: "B3",
    promise: "Hostile tokens accepted; fetches for 200 unknown key ids.",
    bar: "0 of 43; <= 2",

    state: "kept",
    reason: null,

    command: "npx vitest run test/security/identity-hostile-tokens.test.ts",
  },
  {
    row: "B4",
    promise: "Ambiguous framings accepted, on each platform.",
    bar: "0 of 22",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/headers.test.ts test/security/transport-framing.test.ts test/hostile/http2-caller.test.ts",
  },
  {
    row: "B5",
    promise: "Answers that reached another tenant.",
    bar: "0",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/tenants.test.ts",
  },
  {
    row: "B6",
    promise: "Truncated answers that look whole.",
    bar: "0",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/dying-upstream.test.ts test/hostile/fuzz-answers.test.ts",
  },
  {
    row: "B7",
    promise: "Answers of the broker's own have a code from the closed list; 500s while fuzzing.",
    bar: "0",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/fuzz-requests.test.ts test/hostile/hostile-json.test.ts",
  },
  {
    row: "B8",
    promise: "Time to switch once a fault is known.",
    bar: "p99 <= 50 ms",

    state: "kept",
    reason: null,

    command: "npm run figures",
  },
  {
    row: "B9",
    promise: "Load on a destination that is down.",
    bar: "<= 1.10 x",

    state: "kept",
    reason: null,

    command: "npx vitest run test/pipeline/recovery.test.ts test/unit/plan/retry-budget.test.ts",
  },
  {
    row: "B10",
    promise: "Extra calls after a 4xx that is not 408 or 429.",
    bar: "0",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/hostile/failover.test.ts",
  },
  {
    row: "B11",
    promise: "From hang-up to the destination's connection closed.",
    bar: "p99 <= 50 ms, 100 %",

    state: "kept",
    reason: null,

    command: "npm run figures",
  },
  {
    row: "B12",
    promise: "Memory that a message of n bytes can cost.",
    bar: "<= 10 n + 1 MiB",

    state: "kept",
    reason: null,

    command: "npx vitest run test/hostile/amplification.test.ts",
  },
  {
    row: "B13",
    promise: "Memory of a stalled reader; streams left 3 s after hang-up.",
    bar: "<= 160 KiB; 0",

    state: "partly",
    reason:
      "Each reader more of a flood that stops costs about 50 KiB; all of a thousand cost 167 KiB each at the highest on a loaded machine (160 to 195 in four runs; bare Hono: 384), of 3,000 97: more than half of a thousand's is garbage that V8 lets stand, whatever their number. With NODE_OPTIONS=--max-semi-space-size=8 they cost 126. Of 1,500 none was left four seconds after the hang-up on that machine, three seconds after it some were. An instance under such a flood also turns some of the new calls away (F17).",

    command: "npm run bench:streams -- --scene stalled; npx vitest run test/platforms/stalled-readers.test.ts",
  },
  {
    row: "B14",
    promise: "A small call beside any hostile one.",
    bar: "< 100 ms",

    state: "partly",
    reason:
      "No turn of the broker's loop takes more than 40 ms of processor time beside any of the hostile bodies, and the suite holds 100. By the clock the slowest small call took 161 ms beside an event of 32 MiB and 147 ms beside two chunked bodies of 50 MiB, on two cores that also ran the other test files: it waited for a core. All others stay below.",

    command: "npm run figures -- hostile",
  },
  {
    row: "B15",
    promise: "An hour under mixed load and faults: memory, sockets, timers, unhandled rejections.",
    bar: "<= 1 MiB/h; 0; 0; 0",

    state: "partly",
    reason:
      "An hour was run on a machine with ten times the work that it has cores for: of 135,941 calls 86,065 were turned away for load, two answers are not accounted for (uploads while a key was rotated and a huge configuration compiled), nothing leaked, no settlement was lost. Resident memory grew by 24 MiB an hour there, the heap by 3: two heap snapshots show labelled series of metrics, whose number is bounded, and compiled code. On a machine that does nothing else five minutes found nothing wrong and memory within 2 MiB.",

    command: "npm run soak -- --minutes 60",
  },
  {
    row: "B16",
    promise: "Time limits without configuration: head 10 s, body 30 s, connect 3 s, first byte 20 s, silence 30 s, write stall 60 s, whole call 10 min.",
    bar: "all on",

    state: "kept",
    reason: null,

    command:
      "npm run build && npx vitest run test/pipeline/default-limits.test.ts test/hostile/stalls.test.ts test/hostile/slow-callers.test.ts test/unit/transport/node-delivery.test.ts",
  },
  {
    row: "B17",
    promise: "Streams that finish after SIGTERM.",
    bar: "100 %, exit 0",

    state: "kept",
    reason: null,

    command: "npm run build && npx vitest run test/platforms/lifecycle.test.ts; npm run bench:streams -- --scene held",
  },
  {
    row: "B18",
    promise: "Calls failed while the secret store is dead for 10 min, and by a hard rotation; fetches of a cold herd.",
    bar: "0; 0; 1",

    state: "kept",
    reason: null,

    command: "npx vitest run test/unit/credentials/secret-cache.test.ts test/platforms/rotation.test.ts",
  },
  {
    row: "B19",
    promise: "Accuracy of a limit over 4 instances; death of the store decided.",
    bar: "+-5 %; 50 ms",

    state: "kept",
    reason: null,

    command: "npx vitest run test/laws/limit-accuracy.test.ts test/unit/policy/limits/store-failure.test.ts",
  },
  {
    row: "B20",
    promise: "Calls failed in 1,000 changes of configuration under load.",
    bar: "0",

    state: "kept",
    reason: null,

    command: "SPILLWAY_LONG=1 npx vitest run test/hostile/configuration-changes.test.ts",
  },
  {
    row: "B21",
    promise: "Mutants of the guard modules that tests kill.",
    bar: ">= 90 %",

    state: "partly",
    reason:
      "Held by each module of the table in scripts/guard-modules.ts, all of limits among them; docs/reliability.md has the figures of the last day. The door's rules for single providers are broken by hand (`npm run prove:mutate`); health of destinations, the refusal of an overloaded instance, signing for AWS and the share elsewhere (75 %) are not measured.",

    command: "npm run mutate",
  },
  {
    row: "B22",
    promise: "Packages in the core with all that they bring, in the Worker's bundle, with install scripts in the core.",
    bar: "<= 12; <= 5; 0",

    state: "partly",
    reason:
      "The Worker's bundle holds 9 packages: the four beyond the bar are devalue, which reads compiled manifests, and three of OpenTelemetry's for traces. docs/dependencies.md has each with its reason.",

    command: "npm run build && npx vitest run test/supply/dependencies.test.ts",
  },
];
