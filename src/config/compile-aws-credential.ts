import type { SecretReference } from "../model/secret.ts";
import type { TokenEndpoint } from "../model/token-plan.ts";
import { compileAssertion, tokenReference } from "./compile-assertion.ts";
import { compileSecret } from "./compile-secret.ts";
import { type CredentialSite, compileTokenEndpoint, localEndpoint } from "./compile-token-endpoint.ts";
import { durationMs } from "./duration.ts";
import { type Resolved, resolved, unresolved } from "./link-context.ts";
import type { ManifestOf } from "./manifest-set.ts";

type Authored = NonNullable<ManifestOf<"BackendCredentialPolicy">["body"]["spec"]["awsSigV4"]>;

/** Of each partition of AWS the end of its hostnames, by the beginning of its regions' names; all others end in `amazonaws.com`. */
const SUFFIXES: readonly (readonly [prefix: string, suffix: string])[] = [
  ["cn-", "amazonaws.com.cn"],
  ["eusc-", "amazonaws.eu"],
];

const IN_HOST = /(?:^|\.)([a-z]{2,5}(?:-[a-z]+)+-\d{1,2})\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws)$/;

/** The region that a hostname of AWS names; null: it names none, or is not AWS's. */
export function awsRegionInHost(hostname: string): string | null {
  return IN_HOST.exec(hostname)?.[1] ?? null;
}

/** Where the container's services of ECS and EKS, and what stands in for them on a laptop, may be. */
const CONTAINER_HOSTS = [
  "http://169.254.170.2/",
  "http://169.254.170.23/",
  "http://[fd00:ec2::23]/",
  "http://127.0.0.1/",
  "http://localhost/",
  "http://[::1]/",
];

/** STS takes 15 minutes to 12 hours. */
function seconds(duration: string): number {
  return Math.floor(durationMs(duration) / 1_000);
}

/** The keys that requests are signed with: kept, or got by one or several calls to STS or the platform. */
export function compileAwsKeys(site: CredentialSite, authored: Authored): Resolved<SecretReference> {
  const { region } = authored;
  const suffix = SUFFIXES.find(([prefix]) => region.startsWith(prefix))?.[1] ?? "amazonaws.com";
  const sts = compileTokenEndpoint(site, authored.stsEndpoint, `https://sts.${region}.${suffix}/`);
  if (!sts.ok) return sts;
  const roles = authored.assumeRole ?? [];
  const first = compileFirstKeys(site, authored, sts.value, roles.length === 0 ? "" : "keys");
  if (!first.ok) return first;
  let source = first.value;
  for (const [at, role] of roles.entries()) {
    const durationSeconds = seconds(role.duration);
    if (!inBounds(durationSeconds)) return outOfBounds(role.duration);
    const { roleArn, sessionName, externalID, tags = [] } = role;
    source = tokenReference(site, at === roles.length - 1 ? "" : `role-${at + 1}`, {
      flow: "awsAssumeRole",
      endpoint: sts.value,
      region,
      source,
      roleArn,
      sessionName,
      durationSeconds,
      externalId: externalID ?? null,
      tags,
    });
  }
  return resolved(source);
}

function compileFirstKeys(site: CredentialSite, authored: Authored, sts: TokenEndpoint, part: string): Resolved<SecretReference> {
  const { secretRef, webIdentity, container } = authored.credentials;
  const { platform } = site.context;
  if (secretRef !== undefined) return compileSecret(site.context, secretRef, site.from);
  if (webIdentity !== undefined) {
    const { roleArn, sessionName, duration, token } = webIdentity;
    const durationSeconds = seconds(duration);
    if (!inBounds(durationSeconds)) return outOfBounds(duration);
    const assertion = compileAssertion(site, token);
    if (!assertion.ok) return assertion;
    return resolved(tokenReference(site, part, { flow: "awsWebIdentity", endpoint: sts, assertion: assertion.value, roleArn, sessionName, durationSeconds }));
  }
  if (container !== undefined) {
    if (platform.name !== "knative")
      return unresolved("UnsupportedOnPlatform", `${platform.name} has no container credentials service: use ${instead(platform.name)}`);
    const endpoint = compileTokenEndpoint(site, { url: container.url }, "");
    if (!endpoint.ok) return endpoint;
    const authorization = { kind: "file", path: container.tokenFile } as const;
    return resolved(tokenReference(site, part, { flow: "awsContainer", endpoint: endpoint.value, authorization }));
  }
  if (platform.name === "workers")
    return unresolved("UnsupportedOnPlatform", "workers gives no AWS credentials of its own: use secretRef, or webIdentity with a token that the broker signs");
  return resolved(tokenReference(site, part, { flow: "awsAmbient", sts, sessionName: "spillway", local: CONTAINER_HOSTS.map(localEndpoint) }));
}

function instead(platform: string): string {
  return platform === "lambda" ? "ambient, which is the function's own role" : "secretRef, or webIdentity with a token that the broker signs";
}

function inBounds(durationSeconds: number): boolean {
  return durationSeconds >= 900 && durationSeconds <= 43_200;
}

function outOfBounds(duration: string) {
  return unresolved("Invalid", `duration ${duration}: STS takes 15m to 12h`);
}
