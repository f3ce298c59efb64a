import { importPKCS8 } from "jose";
import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  customFetch,
  genericTokenEndpointRequest,
  modifyAssertion,
  None,
  PrivateKeyJwt,
} from "oauth4webapi";
import { asString } from "../../lib/json-value.ts";
import { toBytes } from "../../lib/utf8.ts";
import { type ControlAnswer, SecretStoreError } from "../../model/ports.ts";
import type { Secret } from "../../model/secret.ts";
import type { ClientProof, TokenEndpoint, TokenPlan } from "../../model/token-plan.ts";
import { readAssertion } from "./read-assertion.ts";
import { jsonAnswer, tokenIn } from "./token-answer.ts";
import type { TokenWork } from "./token-work.ts";

const WHO = "the token endpoint";
const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/** An assertion is shown once and at once. Seconds. */
const ASSERTION_LIFE = 300;

/** RFC 6749 section 4.4: a token for the broker itself. Entra's flows are this one too. */
export async function clientCredentialsToken(work: TokenWork, plan: Extract<TokenPlan, { flow: "clientCredentials" }>): Promise<Secret> {
  const answer = await ask(work, plan, "client_credentials", plan.parameters);
  return tokenOf(answer, new Set(["bearer"]));
}

/** RFC 8693: one token for another. `caller` is the caller's own token, where the plan has no subject. */
export async function exchangedToken(work: TokenWork, plan: Extract<TokenPlan, { flow: "tokenExchange" }>, caller: Secret | null): Promise<Secret> {
  const subject = plan.subject === null ? (caller?.reveal() ?? null) : await readAssertion(work, plan.subject);
  if (subject === null) throw new SecretStoreError("missing", "there is no token of the caller to exchange");
  const parameters = [...plan.parameters, ["subject_token", subject] as const, ["subject_token_type", plan.subjectTokenType] as const];
  const answer = await ask(work, plan, "urn:ietf:params:oauth:grant-type:token-exchange", parameters);
  // N_A: what was issued is no access token (RFC 8693 section 2.2.1), such as an identity token that is then shown as a bearer.
  return tokenOf(answer, new Set(["bearer", "n_a"]));
}

/** A token that is bound to a key of ours (DPoP, mTLS) would be refused when it is shown as a bearer. */
function tokenOf(answer: ControlAnswer, types: ReadonlySet<string>): Secret {
  const body = jsonAnswer(answer, WHO);
  const type = asString(body["token_type"])?.toLowerCase() ?? "";
  if (!types.has(type)) throw new SecretStoreError("malformed", `${WHO} gave a token that is not a bearer's`);
  return tokenIn(body, "access_token", body["expires_in"], WHO);
}

interface OAuthClient {
  readonly endpoint: TokenEndpoint;
  readonly clientId: string | null;
  readonly proof: ClientProof;
}

async function ask(work: TokenWork, plan: OAuthClient, grantType: string, parameters: readonly (readonly [string, string])[]): Promise<ControlAnswer> {
  const { endpoint } = plan;
  const address = `${endpoint.origin.scheme}://${endpoint.authority}${endpoint.path}`;
  const proof = await clientProof(work, plan, `https://${endpoint.origin.hostname}${endpoint.path}`);
  let answer: ControlAnswer | null = null;
  await genericTokenEndpointRequest(
    { issuer: address, token_endpoint: address },
    { client_id: plan.clientId ?? "none" },
    proof,
    grantType,
    parameters.map((pair) => [...pair]),
    {
      // Whether plaintext may be is the door's to say.
      [allowInsecureRequests]: true,
      [customFetch]: async (_address, { body, headers }) => {
        const flat = Object.entries(headers).flat();
        answer = await work.call({ endpoint, method: "POST", headers: flat, body: toBytes(String(body)) });
        return new Response();
      },
      signal: work.signal,
    },
  );
  // The library has called the function above, which sets it or throws.
  if (answer === null) throw new SecretStoreError("unavailable", `${WHO} was not asked`);
  return answer;
}

/** The library's own way to prove the client. `audience` is the address by which the endpoint knows itself. */
async function clientProof(work: TokenWork, { clientId, proof }: OAuthClient, audience: string): Promise<ClientAuth> {
  switch (proof.kind) {
    case "none":
      return clientId === null ? () => {} : None();
    case "basic":
    case "post": {
      const secret = (await work.read(proof.secret)).reveal().trim();
      if (secret === "") throw new SecretStoreError("malformed", "the client's secret is empty");
      return proof.kind === "basic" ? ClientSecretBasic(secret) : ClientSecretPost(secret);
    }
    case "assertion": {
      const assertion = await readAssertion(work, proof.assertion);
      return (_server, client, body) => {
        body.set("client_id", client.client_id);
        body.set("client_assertion_type", JWT_BEARER);
        body.set("client_assertion", assertion);
      };
    }
    case "privateKey":
      return privateKeyProof(work, proof, proof.audience ?? audience);
  }
}

async function privateKeyProof(work: TokenWork, proof: Extract<ClientProof, { kind: "privateKey" }>, audience: string): Promise<ClientAuth> {
  const pem = (await work.read(proof.secret)).reveal();
  const thumbprint = proof.certificate ? await certificateThumbprint(pem) : null;
  const issued = Math.floor(work.now() / 1_000);
  const key = await signingKey(pem, proof.algorithm);
  return PrivateKeyJwt(proof.keyId === null ? key : { key, kid: proof.keyId }, {
    [modifyAssertion](header, payload) {
      header["typ"] = "JWT";
      if (thumbprint !== null) header["x5t#S256"] = thumbprint;
      Object.assign(payload, { aud: audience, iat: issued, nbf: issued, exp: issued + ASSERTION_LIFE });
    },
  });
}

async function signingKey(pem: string, algorithm: string) {
  const block = /-----BEGIN PRIVATE KEY-----[\s\S]+?-----END PRIVATE KEY-----/.exec(pem)?.[0] ?? "";
  try {
    // Ed25519 alone is what the library signs under EdDSA.
    return await importPKCS8(block, algorithm);
  } catch {
    throw new SecretStoreError("malformed", `the private key cannot sign ${algorithm}: it must be a PKCS #8 PEM of the right kind`);
  }
}

/** `x5t#S256` of RFC 7515 section 4.1.8. */
async function certificateThumbprint(pem: string): Promise<string> {
  const block = /-----BEGIN CERTIFICATE-----([\s\S]+?)-----END CERTIFICATE-----/.exec(pem)?.[1];
  if (block === undefined) throw new SecretStoreError("malformed", "the secret holds no certificate beside the private key");
  try {
    const der = Uint8Array.from(atob(block.replace(/\s+/g, "")), (character) => character.charCodeAt(0));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", der));
    return btoa(String.fromCharCode(...digest))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  } catch {
    throw new SecretStoreError("malformed", "the certificate in the secret cannot be read");
  }
}
