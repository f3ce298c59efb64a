import type { SecretStoreError } from "../../src/index.ts";

/** Answers of AWS Secrets Manager about this secret, or about who asks, by the error's name. All else is an outage: throttling, 5xx, clocks, the network, no credentials yet. */
const REASONS: ReadonlyMap<string, "denied" | "missing"> = new Map([
  ["ResourceNotFoundException", "missing"],
  // Also: marked for deletion.
  ["InvalidRequestException", "missing"],
  ["InvalidParameterException", "missing"],
  ["ValidationException", "missing"],
  ["AccessDeniedException", "denied"],
  ["DecryptionFailure", "denied"],
  ["DecryptionFailureException", "denied"],
  ["UnrecognizedClientException", "denied"],
  ["InvalidClientTokenId", "denied"],
  ["MissingAuthenticationTokenException", "denied"],
  ["IncompleteSignatureException", "denied"],
]);

/** What an error of AWS Secrets Manager means for a value that is held. */
export function awsSecretReason(name: string): SecretStoreError["reason"] {
  return REASONS.get(name) ?? "unavailable";
}
