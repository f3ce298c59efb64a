import { setTimeout as wait } from "node:timers/promises";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, type FakeAwsSecretsManager, startFakeAwsSecretsManager } from "./aws-secrets-manager.ts";
import { type BrokerProcess, startBroker } from "./broker-process.ts";
import { ADMIN_TOKEN, CALLER_TOKEN, testManifests } from "./manifests.ts";
import { type Provider, startProvider } from "./provider.ts";

/** One call: who took it, when it began, what came of it and which key the provider saw. */
export interface RotationCall {
  readonly broker: number;
  readonly began: number;
  readonly took: number;
  readonly status: number;
  readonly key: "old" | "new" | null;
}

/** Brokers whose provider wants a key that AWS Secrets Manager holds, and that is exchanged while calls run. */
export interface RotationWorld {
  readonly aws: FakeAwsSecretsManager;
  readonly brokers: readonly BrokerProcess[];
  readonly calls: RotationCall[];
  /** Keys that the provider accepts. */
  accepts: ReadonlySet<string>;
  /** Calls that it refused. */
  refused(): number;
  /** Exchanges the key in the store. Gives the time. */
  rotate(): number;
  call(broker: number, path?: string): Promise<RotationCall>;
  /** Twenty callers at both brokers until so many calls are made and `until` has settled. */
  load(count: number, paceMs: number, until: Promise<unknown>): Promise<void>;
  /** Tells this broker by the event that EventBridge would bring. Gives the status. */
  tell(broker: number, secretId: string): Promise<number>;
  close(): Promise<void>;
}

export const ROTATED = "prod/one";
export const OTHER = "prod/two";
const REGION = "eu-central-1";

export async function startRotationWorld(refresh: string, environment: Readonly<Record<string, string>> = {}): Promise<RotationWorld> {
  const aws = await startFakeAwsSecretsManager(REGION);
  aws.put(ROTATED, "key-old");
  aws.put(OTHER, "key-other");
  let refused = 0;
  const world = { accepts: new Set(["key-old", "key-other"]) as ReadonlySet<string> };
  const provider: Provider = await startProvider({
    behaviour: (seen, response) => {
      const key = (seen.headers.authorization ?? "").replace("Bearer ", "");
      if (!world.accepts.has(key)) {
        refused += 1;
        response.writeHead(401, { "content-type": "application/json" }).end('{"error":{"message":"no"}}');
        return;
      }
      response.writeHead(200, { "content-type": "application/json", "x-saw": key.replace("key-", "") }).end("{}");
    },
  });
  const reference = (name: string) => `{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}`;
  const manifests = testManifests({
    backends: [
      { name: "one", port: provider.port, key: "unused" },
      { name: "two", port: provider.port, key: "unused" },
    ],
    rules: `  - name: two\n    matches: [{path: {type: PathPrefix, value: /two}}]\n    backendRefs: [${reference("two")}]\n  - name: one\n    backendRefs: [${reference("one")}]\n`,
  }).replace(/(metadata: \{name: (one|two)-key, namespace: team-a\}\nspec: )\{file: \{path: [^}]+\}\}/g, (_, head: string, name: string) => {
    return `${head}{awsSecretsManager: {secretId: prod/${name}, region: ${REGION}}, refresh: ${refresh}}`;
  });
  const env = { AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url, ...environment, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, HOME: "/nowhere" };
  const brokers = await Promise.all([0, 1].map(() => startBroker({ manifests, env, args: ["--quiet"] })));
  const calls: RotationCall[] = [];

  async function call(broker: number, path = "/v1/things"): Promise<RotationCall> {
    const began = performance.now();
    const answer = await fetch(`${brokers[broker]?.url}${path}`, { headers: { authorization: `Bearer ${CALLER_TOKEN}` } });
    await answer.arrayBuffer();
    const saw = answer.headers.get("x-saw");
    const key = saw === "old" || saw === "new" ? saw : null;
    const made: RotationCall = { broker, began, took: performance.now() - began, status: answer.status, key };
    calls.push(made);
    return made;
  }

  return Object.assign(world, {
    aws,
    brokers,
    calls,
    refused: () => refused,
    rotate: () => {
      aws.put(ROTATED, "key-new");
      return performance.now();
    },
    call,
    load: async (count: number, paceMs: number, until: Promise<unknown>) => {
      let begun = 0;
      let over = false;
      void until.finally(() => {
        over = true;
      });
      const caller = async (): Promise<void> => {
        while (begun < count || !over) {
          begun += 1;
          const number = begun;
          await Promise.all([call(number % 2), wait(paceMs)]);
        }
      };
      await Promise.all([...Array.from({ length: 20 }, caller), until]);
    },
    tell: async (broker: number, secretId: string) => {
      const event = {
        version: "0",
        id: crypto.randomUUID(),
        "detail-type": "AWS API Call via CloudTrail",
        source: "aws.secretsmanager",
        account: "123456789012",
        time: "2026-11-23T00:00:00Z",
        region: REGION,
        resources: [],
        detail: { eventSource: "secretsmanager.amazonaws.com", eventName: "PutSecretValue", awsRegion: REGION, requestParameters: { secretId } },
      };
      const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" };
      const answer = await fetch(`${brokers[broker]?.url}/-/events`, { method: "POST", headers, body: JSON.stringify(event) });
      await answer.arrayBuffer();
      return answer.status;
    },
    close: async () => {
      await Promise.all(brokers.map((broker) => broker.stop()));
      await provider.close();
      await aws.close();
    },
  });
}
