type Environment = Readonly<Record<string, string | undefined>>;

/** Of each partition of AWS the end of its hostnames, by the beginning of its regions' names; all others end in `amazonaws.com`. */
const SUFFIXES: readonly (readonly [prefix: string, suffix: string])[] = [
  ["cn-", "amazonaws.com.cn"],
  ["eusc-", "amazonaws.eu"],
  ["us-iso-", "c2s.ic.gov"],
  ["us-isob-", "sc2s.sgov.gov"],
  ["eu-isoe-", "cloud.adc-e.uk"],
  ["us-isof-", "csp.hci.ic.gov"],
];

/** Such as `eu-central-1`: it becomes part of a hostname. */
const REGION = /^[a-z]{2,5}(?:-[a-z]+)+-[0-9]{1,2}$/;

/** By the name a service signs with; of the others it is the name itself. */
const VARIABLES: ReadonlyMap<string, string> = new Map([
  ["events", "EVENTBRIDGE"],
  ["secretsmanager", "SECRETS_MANAGER"],
]);

/** The host of a service in a region. Throws on what is no region's name. */
export function awsHost(service: string, region: string): string {
  if (!REGION.test(region)) throw new TypeError(`${JSON.stringify(region.slice(0, 40))} is not the name of an AWS region`);
  const [, suffix] = SUFFIXES.find(([prefix]) => region.startsWith(prefix)) ?? ["", "amazonaws.com"];
  return `${service}.${region}.${suffix}`;
}

/**
 * The address that stands in place of AWS's own, by the variables of AWS's SDKs: `AWS_ENDPOINT_URL_<SERVICE>`, else `AWS_ENDPOINT_URL`;
 * `service` is the name it signs with, such as `dynamodb`, `sqs`, `events`, `s3`. Null: none is set, or `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is true.
 */
export function configuredEndpoint(environment: Environment, service: string): string | null {
  if (environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]?.toLowerCase() === "true") return null;
  const variable = VARIABLES.get(service) ?? service.toUpperCase();
  return environment[`AWS_ENDPOINT_URL_${variable}`] || environment["AWS_ENDPOINT_URL"] || null;
}

/** `endpoint` without what an address does not have, such as a last slash. Throws on what is no http or https URL. */
export function readEndpoint(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new TypeError("the AWS endpoint is not an http or https URL without user, query and fragment");
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}
