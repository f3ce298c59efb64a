import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { IssuerPlan } from "../../src/model/identity-plan.ts";
import type { DocumentFetcher } from "../../src/model/ports.ts";

export const JWKS_URI = "https://issuer.example/openid/v1/jwks";
export const ISSUER = "https://kubernetes.default.svc";

/** An issuer with real keys. Tokens are put together by hand, so that any wrong one can be made. */
export interface TokenIssuer {
  readonly publicKeyPem: string;
  /** Modulus of the RSA key, base64url. */
  readonly modulus: string;
  /** Seconds since the epoch, for the claims. */
  claims(now: number, overrides?: Readonly<Record<string, unknown>>): Record<string, unknown>;
  /** Signs whatever it is given; `undefined` members are left out. */
  token(claims: unknown, header?: Readonly<Record<string, unknown>>, key?: KeyObject): string;
  /** The JWK set that is published now. */
  jwks(): { readonly keys: readonly Record<string, unknown>[] };
  /** Replaces the key; the new one has this id. */
  rotate(kid: string): void;
}

export function createTokenIssuer(type: "RSA" | "EC" = "RSA"): TokenIssuer {
  const pair = () => (type === "RSA" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ec", { namedCurve: "P-256" }));
  let keys = pair();
  let kid = "key-1";
  return {
    get publicKeyPem() {
      return keys.publicKey.export({ type: "spki", format: "pem" }).toString();
    },
    get modulus() {
      return keys.publicKey.export({ format: "jwk" }).n ?? "";
    },
    claims: (now, overrides = {}) => ({
      iss: ISSUER,
      aud: ["spillway"],
      sub: "system:serviceaccount:team-a:chat",
      iat: now,
      nbf: now,
      exp: now + 600,
      jti: "5b1b2b2e",
      "kubernetes.io": { namespace: "team-a", serviceaccount: { name: "chat", uid: "u1" }, pod: { name: "chat-7d4b9-x2x", uid: "u2" } },
      ...overrides,
    }),
    token: (claims, header = {}, key = keys.privateKey) => {
      const full = { alg: type === "RSA" ? "RS256" : "ES256", kid, ...header };
      const input = `${encode(full)}.${encode(claims)}`;
      return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
    },
    // No `alg`, as some issuers publish it.
    jwks: () => ({ keys: [{ ...keys.publicKey.export({ format: "jwk" }), kid, use: "sig" }] }),
    rotate(next) {
      keys = pair();
      kid = next;
    },
  };
}

export function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

export function hmacToken(claims: unknown, secret: string, header: Readonly<Record<string, unknown>> = {}): string {
  const input = `${encode({ alg: "HS256", kid: "key-1", ...header })}.${encode(claims)}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
}

export function kubernetesIssuer(overrides: Partial<IssuerPlan> = {}): IssuerPlan {
  return {
    name: "cluster",
    type: "KubernetesServiceAccount",
    issuer: ISSUER,
    audiences: ["spillway"],
    jwks: { kind: "uri", uri: JWKS_URI },
    algorithms: ["RS256", "ES256"],
    clockSkewSeconds: 30,
    claims: null,
    namespace: null,
    speaksFor: null,
    tokenReview: null,
    requiredClaims: new Map(),
    ...overrides,
  };
}

/** A control plane of which only the answers matter. */
export interface FakeDocuments extends DocumentFetcher {
  readonly fetches: number;
  answer(next: () => unknown): void;
}

export function createFakeDocuments(first: () => unknown): FakeDocuments {
  let next = first;
  let fetches = 0;
  return {
    get fetches() {
      return fetches;
    },
    answer(other) {
      next = other;
    },
    async fetchJson() {
      fetches += 1;
      return await next();
    },
  };
}
