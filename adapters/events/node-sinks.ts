import type { DegradedPort, EventPublisher } from "../../src/index.ts";
import { createAwsClient } from "../aws/aws-client.ts";
import { configuredEndpoint } from "../aws/endpoints.ts";
import { createNodeCredentials } from "../aws/node-credentials.ts";
import { createBatchingSink, type FlushableSink } from "./batching-sink.ts";
import { egressCloudEvent } from "./egress-cloud-event.ts";
import { createEventBridgePublisher } from "./eventbridge-publisher.ts";
import { createHttpPublisher } from "./http-publisher.ts";
import { readOverrides, withOverrides } from "./overrides.ts";
import { readSinkAddress, readUrl, type SinkAddress } from "./sink-address.ts";
import { createSinkToken } from "./sink-token.ts";
import { createSqsPublisher } from "./sqs-publisher.ts";
import { tellOfTrouble } from "./tell-of-trouble.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Milliseconds for which a batch of a service that takes several events waits for more. */
const LINGER_MS = 250;

/** What the variables of `createNodeEvents` ask for; null: nothing. Throws at once when one of them cannot be meant. */
export function openNodeSinks(
  environment: Environment,
  source: string,
  degraded: DegradedPort,
): { readonly sink: FlushableSink | null; readonly answers: EventPublisher | null } {
  const own = readSinkAddress("SPILLWAY_SINK", environment["SPILLWAY_SINK"]);
  const bound = readBoundSink(environment);
  const open = own === null ? bound : () => openAddress(own, environment);
  const answers = readSinkAddress("SPILLWAY_ANSWER_SINK", environment["SPILLWAY_ANSWER_SINK"]);
  return {
    sink: open === null ? null : createSink(open(), source, degraded),
    answers: answers === null ? (open?.() ?? null) : openAddress(answers, environment),
  };
}

function createSink(publisher: EventPublisher, source: string, degraded: DegradedPort): FlushableSink {
  return createBatchingSink({
    publisher,
    toCloudEvent: (event) => egressCloudEvent(event, source),
    after: (ms, callback) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    lingerMs: publisher.maxBatch > 1 ? LINGER_MS : 0,
    onTrouble: tellOfTrouble(degraded),
  });
}

/** What a SinkBinding of Knative set; null: nothing. */
function readBoundSink(environment: Environment): (() => EventPublisher) | null {
  const url = environment["K_SINK"]?.trim() ?? "";
  if (url === "") return null;
  readUrl("K_SINK", url, "K_SINK must be an http or https URL");
  const overrides = readOverrides(environment["K_CE_OVERRIDES"]);
  const trustedCertificates = environment["K_CA_CERTS"]?.trim() || null;
  if (trustedCertificates !== null && !trustedCertificates.includes("-----BEGIN CERTIFICATE-----")) throw new Error("K_CA_CERTS must be PEM certificates");
  // Eventing's brokers want to know their senders (authentication-oidc); a SinkBinding then mounts a token with the sink's audience.
  const token = createSinkToken(environment["SPILLWAY_SINK_TOKEN_FILE"]?.trim() || "/oidc/token", Date.now);
  return () => withOverrides(createHttpPublisher({ url, trustedCertificates, token }), overrides);
}

function openAddress(address: SinkAddress, environment: Environment): EventPublisher {
  if (address.kind === "http") return createHttpPublisher({ url: address.url });
  const region = address.region ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"];
  if (region === undefined) throw new Error(`AWS_REGION must be set: the ${address.kind} sink does not say its region`);
  const credentials = createNodeCredentials(environment);
  if (address.kind === "eventbridge") {
    const client = createAwsClient({ service: "events", region, credentials, endpoint: configuredEndpoint(environment, "events") });
    return createEventBridgePublisher({ client, bus: address.bus });
  }
  // A queue's URL is its address, as for AWS's own clients: a VPC endpoint is named by it.
  const endpoint = configuredEndpoint(environment, "sqs") ?? new URL(address.queueUrl).origin;
  return createSqsPublisher({ client: createAwsClient({ service: "sqs", region, credentials, endpoint }), queueUrl: address.queueUrl });
}
