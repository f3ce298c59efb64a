import * as z from "zod/mini";
import { durationMs } from "../duration.ts";
import { isCidr, isIpAddress, isNameServer } from "../ip-literal.ts";
import { kindOfGroup, withRules } from "./cross-field-rule.ts";
import { backendTargets, dnsLabel, duration, field, objectName, text } from "./fields.ts";
import { ownKind } from "./kind-definition.ts";
import { parentMode } from "./parent-mode.ts";

const timeouts = z.strictObject({
  connect: withRules(field(z._default(duration(), "3s"), "For DNS, TCP and TLS together; `0s` is not allowed."), {
    holds: (value) => /[1-9]/.test(value),
    cel: "self.matches('[1-9]')",
    message: "connect cannot be switched off",
  }),
  firstByte: field(
    z.optional(duration()),
    "From the request's last byte to the answer's first body byte; then the next backend is tried. `0s` switches it off. Left out: `20s`, and off for a `Parent`, which has several backends to try.",
  ),
  streamIdle: field(z._default(duration(), "30s"), "The longest pause between two chunks of an answer. `0s` switches it off."),
});

const REVERSE_NAME = /^(\*\.)?[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)+$/;

const cidrs = () => z.optional(z.array(text(49).check(z.refine(isCidr, { error: "must be a range such as 10.0.0.0/8" }))).check(z.maxLength(32)));

const LONGEST_PIN_MS = 86_400_000;

/** All members of `dns` but the two that go with written addresses. */
const NOT_BESIDE_ADDRESSES = ["denyCIDRs", "onlyCIDRs", "pinFor", "reverseNames", "resolvers", "staleFor"] as const;

const dns = withRules(
  z.strictObject({
    addresses: field(
      z.optional(
        z.array(text(45).check(z.refine(isIpAddress, { error: "must be an IP address" }))).check(z.minLength(1, "must name at least one"), z.maxLength(16)),
      ),
      "Pins the hostname to these addresses; no resolver is asked. A pinned address is allowed by being written, so a test or a private endpoint can serve a public name. Goes with no other field of `dns` but `allowCIDRs`.",
    ),
    allowCIDRs: field(
      cidrs(),
      "Ranges that are allowed although they are private, loopback, link-local or metadata addresses; all such ranges are refused otherwise. An IPv4 address inside an IPv6 one (NAT64, 6to4, Teredo) must be allowed itself too.",
    ),
    denyCIDRs: field(cidrs(), "Ranges that are refused whatever else allows them."),
    onlyCIDRs: field(cidrs(), "When given, every address must lie in one of these, such as the ranges that the provider publishes."),
    pinFor: field(
      z.optional(
        duration().check(
          z.refine((value) => /[1-9]/.test(value) && durationMs(value) <= LONGEST_PIN_MS, { error: "must be longer than nothing and at most 24h" }),
        ),
      ),
      "For so long the addresses that were found good are kept, and nobody is asked again: a name that is rebound meanwhile changes nothing. Left out: the resolver is asked for every new connection. At most 24h.",
    ),
    reverseNames: field(
      z.optional(
        z
          .array(
            text(253).check(z.regex(REVERSE_NAME, "must be a lower-case DNS name such as api.partner.example, or *.partner.example for every name below it")),
          )
          .check(z.minLength(1, "must name at least one"), z.maxLength(16)),
      ),
      "Only addresses are dialled whose reverse name (PTR) is one of these and leads back to the address. `*.partner.example` is every name below it.",
    ),
    resolvers: field(
      z.optional(
        z
          .array(
            text(53).check(
              z.refine(isNameServer, {
                error: "must be the address of a name server, with a port if it is not 53: 10.0.0.53, 10.0.0.53:5353, [fd00::53]:5353",
              }),
            ),
          )
          .check(z.minLength(1, "must name at least one"), z.maxLength(4)),
      ),
      "Name servers that are asked in place of the system's resolver, in this order.",
    ),
    staleFor: field(
      z.optional(duration().check(z.refine((value) => durationMs(value) <= LONGEST_PIN_MS, { error: "must be at most 24h" }))),
      "For so long the last good answer serves while no resolver answers, or none knows the name any more; its addresses are checked as ever. `0s` never. Left out: `5m`. At most 24h.",
    ),
  }),
  {
    holds: (value) => value.addresses === undefined || NOT_BESIDE_ADDRESSES.every((member) => value[member] === undefined),
    cel: `!has(self.addresses) || (${NOT_BESIDE_ADDRESSES.map((member) => `!has(self.${member})`).join(" && ")})`,
    message: "addresses are dialled as they are written, so that nothing else but allowCIDRs goes with them",
    path: "addresses",
  },
);

/** 32 bytes in base64. */
const PIN = /^sha256\/[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

const listRef = withRules(
  z.strictObject({
    group: field(z._default(z.enum(["spillway.dev", ""]), ""), "API group: `spillway.dev` for a SecretSource, empty for a ConfigMap or Secret."),
    kind: field(z.enum(["ConfigMap", "Secret", "SecretSource"]), "`ConfigMap`, `Secret` or `SecretSource`."),
    name: field(objectName(), "Name of the object."),
    namespace: field(z.optional(dnsLabel()), "Namespace of the object; left out: the namespace of this one. Another namespace needs a ReferenceGrant there."),
    key: field(z.optional(text(253)), "Key inside a ConfigMap (left out: `ca.crl`) or Secret. Not for a SecretSource."),
  }),
  kindOfGroup(
    { SecretSource: "spillway.dev", ConfigMap: "", Secret: "" },
    "group and kind do not belong together: spillway.dev/SecretSource, or (empty group)/ConfigMap or Secret",
  ),
);

const tls = z.strictObject({
  minVersion: field(z._default(z.enum(["1.2", "1.3"]), "1.2"), "`1.2` or `1.3` (quoted)."),
  pins: field(
    z.optional(
      z
        .array(z.string().check(z.regex(PIN, "must be sha256/ and the base64 of 32 bytes, the SHA-256 of a public key")))
        .check(z.minLength(1, "must name at least one"), z.maxLength(16)),
    ),
    "The server's own certificate must have one of these public keys, beside a good chain and name: `sha256/` and the base64 of the SHA-256 of its SubjectPublicKeyInfo. Write a second one in reserve before the server changes its key.",
  ),
  crl: field(
    z.optional(
      z.strictObject({
        refs: field(
          z.array(listRef).check(z.minLength(1, "must name at least one list"), z.maxLength(16)),
          "Where lists are, in PEM: one or several in each. Every issuer of the chain needs one. Those of a SecretSource are read again at each refresh.",
        ),
      }),
    ),
    "Certificate revocation lists. A revoked certificate, an issuer without a list, and a list that is expired, missing or unreadable refuse the connection.",
  ),
});

const concurrency = withRules(
  z.strictObject({
    min: field(z._default(z.int().check(z.minimum(1), z.maximum(100_000)), 1), "The limit never falls below it."),
    max: field(z._default(z.int().check(z.minimum(1), z.maximum(100_000)), 1_000), "The limit begins here and never rises above it."),
  }),
  { holds: (value) => value.min <= value.max, cel: "self.min <= self.max", message: "min must not be more than max", path: "min" },
);

export const backendConnectionPolicy = ownKind({
  kind: "BackendConnectionPolicy",
  plural: "backendconnectionpolicies",
  shortName: "bconn",
  description:
    "What an XBackend cannot say yet about a connection: time limits, DNS control, the lowest TLS version, key pins and revocation lists, and that the other end is a broker of its own (docs/chaining.md).",
  policy: "Direct",
  columns: { Mode: ".spec.mode" },
  spec: field(
    withRules(
      z.strictObject({
        targetRefs: backendTargets(),
        mode: field(
          z._default(z.enum(["Endpoint", "Parent"]), "Endpoint"),
          "`Endpoint`: the backend is the final destination. `Parent`: it is another broker, which decides, retries and adds the provider's credential; here only a connection that could not be made is tried again.",
        ),
        parent: field(z.optional(parentMode), "What is agreed with the parent. For `mode: Parent`, which needs it."),
        timeouts: field(z.optional(timeouts), "Time limits of one attempt."),
        dns: field(z.optional(dns), "Which addresses may be dialled."),
        tls: field(z.optional(tls), "The TLS handshake."),
        concurrency: field(
          z.optional(concurrency),
          "Adapts how many calls one instance has open to the backend: fewer when it says that it has too much to do (429, 503, 529), cannot be reached or does not begin to answer in time, and slowly more while it answers. A call that finds no place goes to the next backend at once; where none is left it gets 503 with Retry-After. Left out: no limit.",
        ),
      }),
      {
        holds: (spec) => (spec.mode === "Parent") === (spec.parent !== undefined),
        cel: "(self.mode == 'Parent') == has(self.parent)",
        message: "mode Parent and parent belong together",
        path: "parent",
      },
    ),
    "The backends and how they are reached.",
  ),
});
