import * as z from "zod/mini";
import { MAX_HOPS } from "../../model/chain.ts";
import { durationMs } from "../duration.ts";
import { withRules } from "./cross-field-rule.ts";
import { duration, field, secretRef, text } from "./fields.ts";

const forwardIdentity = z.strictObject({
  signingKeyRef: field(
    secretRef(),
    "The private key: a PKCS #8 PEM or a JWK, of EC P-256, Ed25519 or RSA. The parent has its public half (BrokerConfig issuer of type `Broker`).",
  ),
  audience: field(text(255), "The `aud` claim: one of the parent's `audiences`."),
  ttl: field(
    z
      ._default(duration(), "60s")
      .check(z.refine((value) => durationMs(value) >= 10_000 && durationMs(value) <= 600_000, { error: "ttl must be from 10s to 10m" })),
    "How long a token is good, from `10s` to `10m`; it is used for several calls of the same caller meanwhile.",
  ),
  issuer: field(z.optional(text(255)), "The `iss` claim. Left out: the Gateway's `chainId`."),
});

/** BackendConnectionPolicy `spec.parent`. */
export const parentMode = withRules(
  z.strictObject({
    forwardIdentity: field(
      z.optional(forwardIdentity),
      "Tells the parent who calls, by a short-lived token that this broker signs and sends as `Authorization: Bearer`. Left out: the parent is not told, knows this broker only by a BackendCredentialPolicy if at all, and takes no `Egress-Chain` from it.",
    ),
    maxHops: field(
      z._default(z.int("must be a whole number from 1 to 16").check(z.minimum(1, "must be at least 1"), z.maximum(MAX_HOPS, "must be at most 16")), 1),
      "How many brokers a call may pass after this one; one more is refused with 508.",
    ),
    region: field(
      z._default(z.enum(["Require", "Prefer", "Ignore"]), "Require"),
      "Under a region lock: with `Require` the parent's answer must say where the call was processed, and inside the lock; with `Prefer` it must not say otherwise; `Ignore` asks nothing. `Require` needs `forwardIdentity`. Without `Require` a locked call goes to a parent only where a label or a RegionAttestation says that all of the parent lies inside.",
    ),
  }),
  {
    holds: (value) => value.region === "Ignore" || value.forwardIdentity !== undefined,
    cel: "self.region == 'Ignore' || has(self.forwardIdentity)",
    message: "a parent takes part in the region lock only for a broker that it knows: add forwardIdentity, or write region: Ignore",
    path: "region",
  },
);
