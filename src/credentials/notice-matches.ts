import { secretsOfToken } from "../model/credential-parts.ts";
import type { RotationNotice } from "../model/rotation.ts";
import type { SecretLocation } from "../model/secret.ts";

/**
 * Whether the notice may be about the secret that is kept there. Where the two name it differently (an ARN and a name, a project's number
 * and its id) what cannot be compared counts as equal: to ask a store once too often is harmless, to keep an old value is not. A token is
 * about every secret that it is made of.
 */
export function noticeMatches(notice: RotationNotice, location: SecretLocation): boolean {
  if (location.provider === "token") return secretsOfToken(location).some((secret) => noticeMatches(notice, secret.location));
  if (notice.provider === "awsSecretsManager") return location.provider === "awsSecretsManager" && awsMatches(notice, location);
  if (notice.provider === "googleSecretManager") return location.provider === "googleSecretManager" && googleMatches(notice.name, location);
  return location.provider === "kubernetesSecret" && notice.namespace === location.namespace && notice.name === location.name;
}

/** `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-XXXXXX`; the last seven characters are the service's own, and may be left out. */
const ARN = /^arn:[^:]+:secretsmanager:([^:]*):([^:]*):secret:(.+)$/;

function awsMatches(
  notice: Extract<RotationNotice, { provider: "awsSecretsManager" }>,
  location: Extract<SecretLocation, { provider: "awsSecretsManager" }>,
): boolean {
  const [said, known] = [ARN.exec(notice.secretId), ARN.exec(location.secretId)];
  const region = said?.[1] ?? notice.region;
  if (region !== null && region !== location.region) return false;
  if (said !== null && known !== null && said[2] !== known[2]) return false;
  const left = said?.[3] ?? notice.secretId;
  const right = known?.[3] ?? location.secretId;
  return left === right || (said !== null && bare(left) === right) || (known !== null && left === bare(right));
}

function bare(name: string): string {
  return name.replace(/-[A-Za-z0-9]{6}$/, "");
}

const GOOGLE = /^projects\/([^/]+)\/(?:locations\/([^/]+)\/)?secrets\/([^/]+)/;

function googleMatches(said: string, location: Extract<SecretLocation, { provider: "googleSecretManager" }>): boolean {
  const [left, right] = [GOOGLE.exec(said), GOOGLE.exec(location.name)];
  // A regional secret may be named without its region where the region stands beside the name.
  if (left === null || right === null || left[3] !== right[3] || (left[2] ?? null) !== (location.location ?? right[2] ?? null)) return false;
  const comparable = /^\d+$/.test(left[1] ?? "") === /^\d+$/.test(right[1] ?? "");
  return !comparable || left[1] === right[1];
}

/** The secret that a notice names, for the log. */
export function nameOfNotice(notice: RotationNotice): string {
  if (notice.provider === "awsSecretsManager") return notice.secretId;
  return notice.provider === "kubernetesSecret" ? `${notice.namespace}/${notice.name}` : notice.name;
}
