/** What the front doors of AWS add about the caller and the way here. It is nobody else's business, and a copy from the caller is a lie. */
const FRONT_DOOR_HEADERS: ReadonlySet<string> = new Set([
  "x-amz-cf-id",
  "x-amzn-cipher-suite",
  "x-amzn-request-id",
  "x-amzn-requestid",
  "x-amzn-tls-cipher-suite",
  "x-amzn-tls-version",
  "x-amzn-trace-id",
  "x-amzn-vpc-id",
  "x-amzn-vpce-config",
  "x-amzn-vpce-id",
  "x-apigateway-api-id",
]);
/** Not all of `x-amzn-`: a caller's `x-amzn-bedrock-*` is meant for the destination. */
const FRONT_DOOR_PREFIXES: readonly string[] = ["cloudfront-", "x-amzn-mtls-", "x-amzn-oidc-"];

/** The caller's proof towards IAM (SigV4): whoever has it can repeat the call for minutes, and a session token says more still. */
const IAM_HEADERS: ReadonlySet<string> = new Set(["x-amz-date", "x-amz-security-token", "x-amz-content-sha256"]);
const IAM_PARAMETER = /^x-amz-(?:algorithm|credential|date|expires|security-token|signature|signedheaders)(?:=|$)/i;

/** Whether a header, of this lower-case name, ends at the broker. `byIam`: IAM has authenticated the caller. */
export function endsHere(name: string, value: string, byIam: boolean): boolean {
  if (FRONT_DOOR_HEADERS.has(name) || FRONT_DOOR_PREFIXES.some((prefix) => name.startsWith(prefix))) return true;
  // The signature may stand in the query, and a token for the broker here.
  return byIam && (IAM_HEADERS.has(name) || (name === "authorization" && /^AWS4-/i.test(value)));
}

/** `Via` without the hops of CloudFront; null: none is left. The others count against loops. */
export function viaBehindCloudFront(value: string): string | null {
  const hops = value.split(",").filter((hop) => !hop.trim().endsWith("(CloudFront)"));
  return hops.length === 0 ? null : hops.join(",").trim();
}

/** A query without the signature of a presigned URL. */
export function withoutIamParameters(query: string): string {
  if (!/x-amz-/i.test(query)) return query;
  return query
    .split("&")
    .filter((parameter) => !IAM_PARAMETER.test(parameter))
    .join("&");
}
