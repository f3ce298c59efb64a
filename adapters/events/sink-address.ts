/** Where events go, as a variable names it. */
export type SinkAddress =
  | { readonly kind: "http"; readonly url: string }
  | { readonly kind: "sqs"; readonly queueUrl: string; readonly region: string | null }
  | { readonly kind: "eventbridge"; readonly bus: string; readonly region: string | null };

const FORMS = "an https:// or http:// URL, sqs:QUEUE_URL or eventbridge:BUS_NAME_OR_ARN";

/** Queue URLs of AWS, among them those of VPC endpoints; of any other the region is not told. */
const SQS_HOST = /^(?:[a-z0-9-]+\.)?sqs(?:-fips)?\.([a-z0-9-]+)\.|^([a-z0-9-]+)\.queue\.amazonaws\./;
const BUS_NAME = /^[A-Za-z0-9._/-]{1,256}$/;
const BUS_ARN = /^arn:[a-z0-9-]+:events:([a-z0-9-]+):\d{12}:event-bus\/[A-Za-z0-9._/-]{1,256}$/;

/** Reads `SPILLWAY_SINK` and its like. Null: not set. Throws a sentence that names the variable and never quotes its value, which may hold a token. */
export function readSinkAddress(variable: string, text: string | undefined): SinkAddress | null {
  const value = text?.trim() ?? "";
  if (value === "") return null;
  if (value.startsWith("sqs:")) return readQueue(variable, value.slice("sqs:".length));
  if (value.startsWith("eventbridge:")) return readBus(variable, value.slice("eventbridge:".length));
  return { kind: "http", url: readUrl(variable, value, `${variable} must be ${FORMS}`) };
}

/** An http or https URL without user and password: those stay out of addresses, and `fetch` refuses them. */
export function readUrl(variable: string, value: string, otherwise: string): string {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Error(otherwise);
  if (url.username !== "" || url.password !== "") throw new Error(`${variable} must not hold a user name or a password`);
  return value;
}

function readQueue(variable: string, queueUrl: string): SinkAddress {
  const otherwise = `${variable}: sqs: must be followed by the queue's URL, such as https://sqs.eu-central-1.amazonaws.com/123456789012/events`;
  const url = new URL(readUrl(variable, queueUrl, otherwise));
  if (url.pathname.split("/").filter((part) => part !== "").length < 2 || url.search !== "" || url.hash !== "") throw new Error(otherwise);
  const [, region, formerRegion] = SQS_HOST.exec(url.hostname) ?? [];
  return { kind: "sqs", queueUrl, region: region ?? formerRegion ?? null };
}

function readBus(variable: string, bus: string): SinkAddress {
  const region = BUS_ARN.exec(bus)?.[1] ?? null;
  if (region === null && !BUS_NAME.test(bus)) throw new Error(`${variable}: eventbridge: must be followed by the name or the ARN of an event bus`);
  return { kind: "eventbridge", bus, region };
}
