import { createHash, generateKeyPairSync } from "node:crypto";

/** The two halves of a key by which one broker knows another. */
export interface ChainKey {
  /** PKCS #8, EC P-256. */
  readonly pem: string;
  /** The public half as a JWK set, in JSON; its key id is the thumbprint. */
  readonly jwks: string;
}

export function createChainKey(): ChainKey {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { crv, kty, x, y } = publicKey.export({ format: "jwk" });
  // RFC 7638: these members in this order, without white space.
  const kid = createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
  return {
    pem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    jwks: JSON.stringify({ keys: [{ kty, crv, x, y, kid, use: "sig" }] }),
  };
}

/** BrokerConfig `identity.issuers`, as YAML flow: the broker with this chain id and key may speak for these namespaces. */
export function brokerIssuer(chainId: string, key: ChainKey, namespaces = "[team-a]"): string {
  return `[{name: ${chainId}, type: Broker, issuer: ${chainId}, audiences: [upstream], namespaces: ${namespaces}, jwks: {inline: '${key.jwks}'}}]`;
}
