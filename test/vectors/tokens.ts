import { generateKeyPairSync } from "node:crypto";
import { createTokenIssuer, encode, hmacToken, ISSUER } from "../fakes/token-issuer.ts";

/** Tokens of two issuers, good and bad, by the names that `{{jwt NAME}}` uses; and the key sets that are published. */
export interface Tokens {
  readonly byName: Readonly<Record<string, string>>;
  readonly jwks: object;
}

export const OIDC_ISSUER = "https://ci.provider.example";

export function createTokens(): Tokens {
  const issuer = createTokenIssuer();
  const now = Math.floor(Date.now() / 1000);
  const claims = (overrides: Readonly<Record<string, unknown>> = {}) => issuer.claims(now, overrides);
  const good = issuer.token(claims());
  const [header = "", payload = "", signature = ""] = good.split(".");
  const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const oidc = (overrides: object) => issuer.token({ iss: OIDC_ISSUER, aud: "spillway", sub: "run-7", iat: now, exp: now + 300, team: "team-a", ...overrides });
  return {
    jwks: issuer.jwks(),
    byName: {
      good,
      expired: issuer.token(claims({ iat: now - 7_200, nbf: now - 7_200, exp: now - 3_600 })),
      early: issuer.token(claims({ nbf: now + 600, exp: now + 1_200 })),
      eternal: issuer.token(claims({ exp: now + 400 * 24 * 3_600 })),
      "other-audience": issuer.token(claims({ aud: ["https://kubernetes.default.svc"] })),
      "other-issuer": issuer.token(claims({ iss: "https://elsewhere.example" })),
      none: `${encode({ alg: "none", typ: "JWT" })}.${encode(claims())}.`,
      hmac: hmacToken(claims(), issuer.publicKeyPem),
      stranger: issuer.token(claims(), {}, stranger.privateKey),
      "own-key": issuer.token(claims(), { jwk: stranger.publicKey.export({ format: "jwk" }) }, stranger.privateKey),
      "other-subject": `${header}.${encode(claims({ sub: "system:serviceaccount:team-b:worker" }))}.${signature}`,
      "two-minds": issuer.token(claims({ sub: "system:serviceaccount:team-b:worker" })),
      payload: `${header}.${payload}`,
      oidc: oidc({}),
      "oidc-no-team": oidc({ team: undefined }),
    },
  };
}

export { ISSUER };
