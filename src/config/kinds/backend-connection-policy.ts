import * as z from "zod/mini";
import { isCidr, isIpAddress } from "../ip-literal.ts";
import { backendTargets, duration, field, text } from "./fields.ts";
import { ownKind } from "./kind-definition.ts";

const timeouts = z.strictObject({
  connect: field(z._default(duration(), "3s"), "For DNS, TCP and TLS together; `0s` is not allowed.").check(
    z.refine((value) => /[1-9]/.test(value), { error: "connect cannot be switched off" }),
  ),
  firstByte: field(
    z._default(duration(), "20s"),
    "From the request's last byte to the answer's first body byte; then the next backend is tried. `0s` switches it off.",
  ),
  streamIdle: field(z._default(duration(), "30s"), "The longest pause between two chunks of an answer. `0s` switches it off."),
});

const dns = z.strictObject({
  addresses: field(
    z.optional(z.array(text(45).check(z.refine(isIpAddress, { error: "must be an IP address" }))).check(z.minLength(1), z.maxLength(16))),
    "Pins the hostname to these addresses; no resolver is asked. A pinned address is allowed by being written, so a test or a private endpoint can serve a public name.",
  ),
  allowCIDRs: field(
    z.optional(z.array(text(49).check(z.refine(isCidr, { error: "must be a range such as 10.0.0.0/8" }))).check(z.maxLength(32))),
    "Ranges that are allowed although they are private, loopback, link-local or metadata addresses; all such ranges are refused otherwise.",
  ),
});

export const backendConnectionPolicy = ownKind({
  kind: "BackendConnectionPolicy",
  plural: "backendconnectionpolicies",
  shortName: "bconn",
  description: "What an XBackend cannot say yet about a connection: time limits, DNS control and the lowest TLS version.",
  policy: "Direct",
  columns: { Mode: ".spec.mode" },
  spec: field(
    z.strictObject({
      targetRefs: backendTargets(),
      mode: field(z._default(z.enum(["Endpoint"]), "Endpoint"), "`Endpoint`: the backend is the final destination."),
      timeouts: field(z.optional(timeouts), "Time limits of one attempt."),
      dns: field(z.optional(dns), "Which addresses may be dialled."),
      tls: field(
        z.optional(z.strictObject({ minVersion: field(z._default(z.enum(["1.2", "1.3"]), "1.2"), "`1.2` or `1.3` (quoted).") })),
        "The TLS handshake.",
      ),
    }),
    "The backends and how they are reached.",
  ),
});
