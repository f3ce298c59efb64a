import { awsKeysOf } from "../../credentials/aws-keys.ts";
import type { AwsSigner } from "../../credentials/sign-aws.ts";
import { joinBytes } from "../../lib/utf8.ts";
import type { CredentialPlan } from "../../model/backend.ts";
import { type OutboundRequest, SecretStoreError } from "../../model/ports.ts";
import type { Secret } from "../../model/secret.ts";

/**
 * The request as it leaves, with its signature where the credential is one: the last step before the door, over the final bytes. A body that
 * is signed must be whole. Rejects with `SecretStoreError` where the keys are missing or none, or as the body's stream does.
 */
export async function signOutbound(
  signer: AwsSigner,
  plan: Extract<CredentialPlan, { type: "sigV4" }>,
  secret: Secret | null,
  outbound: OutboundRequest,
): Promise<OutboundRequest> {
  if (secret === null) throw new SecretStoreError("malformed", "the credential policy needs keys and none were read");
  const keys = awsKeysOf(secret);
  const body = plan.signsBody && outbound.body.kind === "stream" ? ({ kind: "bytes", bytes: await collect(outbound.body.open()) } as const) : outbound.body;
  const signable = { ...outbound, body: body.kind === "bytes" ? body.bytes : null };
  const { path, headers } = await signer.sign(signable, keys, plan);
  return { ...outbound, path, headers, body };
}

/** No larger than the Gateway accepts: the stream breaks off there. */
async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return joinBytes(parts);
}
