import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { REQUEST_TYPE } from "../../src/events/read-egress-request.ts";
import { readEventJson } from "../../src/events/read-event-json.ts";
import { readNotice } from "../../src/events/read-notice.ts";
import { readTemplate } from "./cloud-formation.ts";
import { at, codeBelow, entriesAt, listAt, mapsIn, readObjects, root, textAt, yamlFiles } from "./objects.ts";

const template = readTemplate("infra/lambda/template.yaml");
const resources = new Map(entriesAt(template, "Resources"));
const parameters = new Set(entriesAt(template, "Parameters").map(([name]) => name));
const conditions = new Set(entriesAt(template, "Conditions").map(([name]) => name));
const ofType = (type: string) => [...resources].filter(([, resource]) => at(resource, "Type") === type);
const property = (name: string, ...path: readonly (string | number)[]) => at(resources.get(name), "Properties", ...path);
const functions = ofType("AWS::Serverless::Function");
const queues = ofType("AWS::SQS::Queue");

/** How a name stands inside a text of the template. */
const sub = (name: string) => `\${${name}}`;

/** A function's URL is a resource that the transform makes. */
const known = (name: string) => resources.has(name) || (name.endsWith("Url") && property(name.slice(0, -3), "FunctionUrlConfig") !== undefined);

/** Names that `!Ref`, `!GetAtt`, `!Sub`, `!If` and `Condition` give, and which lead nowhere. */
function dangling(): readonly string[] {
  const wrong: string[] = [];
  const wantName = (name: string) => {
    if (!name.startsWith("AWS::") && !parameters.has(name) && !resources.has(name)) wrong.push(name);
  };
  for (const map of mapsIn(template)) {
    if (typeof map["Ref"] === "string") wantName(map["Ref"]);
    const attribute = map["Fn::GetAtt"];
    if (attribute !== undefined && !known(String(attribute).split(".")[0] ?? "")) wrong.push(String(attribute));
    if (typeof map["Fn::Sub"] === "string") for (const [, name = ""] of map["Fn::Sub"].matchAll(/\$\{([^}]+)\}/g)) wantName(name.split(".")[0] ?? "");
    const condition = listAt(map["Fn::If"])[0] ?? (typeof map["Condition"] === "string" ? map["Condition"] : undefined);
    if (condition !== undefined && !conditions.has(String(condition))) wrong.push(String(condition));
  }
  return wrong;
}

describe("the template for Lambda", () => {
  it("refers to nothing that is not in it, and uses every parameter and condition", () => {
    expect(resources.size).toBeGreaterThan(12);
    expect(dangling()).toEqual([]);
    const text = JSON.stringify(template);
    for (const name of parameters) expect([name, new RegExp(`"Ref":"${name}"|\\$\\{${name}\\}`).test(text)]).toEqual([name, true]);
    for (const name of conditions) expect([name, text.split(`"${name}"`).length > 2]).toEqual([name, true]);
  });

  it("runs what the build makes, on the platform that it is made for", () => {
    expect(functions.map(([name]) => name)).toEqual(["Calls", "Events"]);
    const globals = at(template, "Globals", "Function");
    expect(textAt(globals, "CodeUri")).toBe("../../dist/lambda");
    expect(textAt(globals, "Runtime")).toBe("nodejs24.x");
    expect(at(globals, "Architectures")).toEqual(["arm64"]);
    const exported = codeBelow("adapters/lambda").flatMap((text) =>
      [...text.matchAll(/^export (?:(?:async )?function|const) (\w+)/gm)].map((match) => match[1]),
    );
    for (const [, value] of functions) {
      const [file, name] = textAt(value, "Properties", "Handler").split(".");
      expect(file).toBe("index");
      expect(exported).toContain(name);
    }
  });

  const built = join(root, "dist/lambda/index.mjs");
  it.skipIf(!existsSync(built))("names handlers that the built bundle exports", () => {
    const names = /export\s*\{([^}]*)\}\s*;?\s*(?:\/\/[^\n]*)?\s*$/.exec(readFileSync(built, "utf8"))?.[1] ?? "";
    const exported = names.split(",").map((one) => one.trim().replace(/^.*\sas\s/, ""));
    for (const [, value] of functions) expect(exported).toContain(textAt(value, "Properties", "Handler").split(".")[1]);
  });

  it("streams to callers whom IAM has proved", () => {
    expect(property("Calls", "FunctionUrlConfig")).toEqual({ AuthType: "AWS_IAM", InvokeMode: "RESPONSE_STREAM" });
    expect(property("Calls", "Timeout")).toBe(900);
  });

  it("sets variables that the code reads, in the forms that it takes", () => {
    const variables = entriesAt(template, "Globals", "Function", "Environment", "Variables");
    const code = codeBelow("adapters/lambda", "adapters/config", "adapters/events", "adapters/state", "adapters/secrets").join("\n");
    const ours = variables.filter(([name]) => name.startsWith("SPILLWAY_"));
    expect(ours.length).toBe(4);
    for (const [name] of ours) expect([name, code.includes(name)]).toEqual([name, true]);
    const form = (name: string) => textAt(Object.fromEntries(variables)[name], "Fn::Sub");
    expect(form("SPILLWAY_STATE")).toBe(`dynamodb:${sub("State")}`);
    expect(form("SPILLWAY_SINK")).toBe(`eventbridge:${sub("Bus")}`);
    expect(form("SPILLWAY_ANSWER_SINK")).toBe(`sqs:${sub("Answers")}`);
  });
});

describe("its events", () => {
  const events = entriesAt(property("Events", "Events"));
  const pattern = (name: string) => at(Object.fromEntries(events)[name], "Properties", "Pattern");

  it("come back one by one, bounded, and never while they are worked on", () => {
    const queue = at(Object.fromEntries(events)["RequestQueue"], "Properties");
    expect(at(queue, "FunctionResponseTypes")).toEqual(["ReportBatchItemFailures"]);
    expect(at(queue, "ScalingConfig", "MaximumConcurrency")).toBeDefined();
    const [source] = String(at(queue, "Queue", "Fn::GetAtt")).split(".");
    expect(Number(property(source ?? "", "VisibilityTimeout"))).toBeGreaterThanOrEqual(6 * Number(property("Events", "Timeout")));
  });

  it("take requests from the bus by their type alone, and rotations by the names that the broker reads", () => {
    const names = ["PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage", "RotationSucceeded", "DeleteSecret", "RestoreSecret"];
    for (const eventName of names) {
      const event = {
        "detail-type": "AWS API Call via CloudTrail",
        source: "aws.secretsmanager",
        id: "1",
        detail: { eventName, requestParameters: { secretId: "s" } },
      };
      expect([eventName, readNotice(readEventJson(event))?.kind]).toEqual([eventName, "rotation"]);
    }
    expect(pattern("RequestOnBus")).toEqual({ "detail-type": [REQUEST_TYPE] });
    expect(pattern("SecretRotated")).toEqual({
      source: ["aws.secretsmanager"],
      "detail-type": ["AWS API Call via CloudTrail", "AWS Service Event via CloudTrail"],
      detail: { eventName: names },
    });
    expect(property("BundleChanged", "EventPattern", "source")).toEqual(["aws.s3"]);
    expect(property("BundleChangedMayInvoke", "SourceArn", "Fn::GetAtt")).toBe("BundleChanged.Arn");
  });

  it("end in a dead-letter queue wherever they come from", () => {
    const isDeadLetter = (value: unknown) => textAt(value, "Fn::GetAtt") === "DeadLetters.Arn";
    expect(queues.map(([name]) => name)).toEqual(["Requests", "Answers", "DeadLetters"]);
    for (const [name, value] of queues) {
      const target = at(value, "Properties", "RedrivePolicy", "deadLetterTargetArn");
      expect([name, name === "DeadLetters" ? target === undefined : isDeadLetter(target)]).toEqual([name, true]);
      expect([name, at(value, "Properties", "SqsManagedSseEnabled")]).toEqual([name, true]);
    }
    for (const [name, value] of events) {
      if (at(value, "Type") === "EventBridgeRule") expect([name, isDeadLetter(at(value, "Properties", "DeadLetterConfig", "Arn"))]).toEqual([name, true]);
    }
    expect(isDeadLetter(property("Events", "EventInvokeConfig", "DestinationConfig", "OnFailure", "Destination"))).toBe(true);
    expect(isDeadLetter(property("BundleChanged", "Targets", 0, "DeadLetterConfig", "Arn"))).toBe(true);
    expect(isDeadLetter(property("Bus", "DeadLetterConfig", "Arn"))).toBe(true);
    // Kept longer than what it is a dead letter of.
    expect(Number(property("DeadLetters", "MessageRetentionPeriod"))).toBeGreaterThan(Number(property("Requests", "MessageRetentionPeriod")));
  });

  it("are remembered in a table of the shape that the store writes", () => {
    expect(property("State", "KeySchema")).toEqual([{ AttributeName: "key", KeyType: "HASH" }]);
    expect(property("State", "AttributeDefinitions")).toEqual([{ AttributeName: "key", AttributeType: "S" }]);
    expect(property("State", "TimeToLiveSpecification")).toEqual({ AttributeName: "expires", Enabled: true });
    expect(property("State", "BillingMode")).toBe("PAY_PER_REQUEST");
    expect(property("State", "SSESpecification", "SSEEnabled")).toBe(true);
  });

  it("are counted in a table of the shape that the usage store writes, which outlives the stack", () => {
    const keys = [
      ["key", "HASH"],
      ["sort", "RANGE"],
    ] as const;
    expect(property("Usage", "KeySchema")).toEqual(keys.map(([AttributeName, KeyType]) => ({ AttributeName, KeyType })));
    expect(property("Usage", "AttributeDefinitions")).toEqual(keys.map(([AttributeName]) => ({ AttributeName, AttributeType: "S" })));
    expect(property("Usage", "TimeToLiveSpecification")).toEqual({ AttributeName: "expires", Enabled: true });
    expect(property("Usage", "BillingMode")).toBe("PAY_PER_REQUEST");
    expect(property("Usage", "SSESpecification", "SSEEnabled")).toBe(true);
    expect([at(resources.get("Usage"), "DeletionPolicy"), at(resources.get("Usage"), "UpdateReplacePolicy")]).toEqual(["Retain", "Retain"]);
  });
});

describe("its rights", () => {
  const statements = [...mapsIn(template)].filter((map) => "Effect" in map && "Action" in map);
  const granted = statements.flatMap((map) => (Array.isArray(map["Action"]) ? map["Action"] : [map["Action"]]).map(String));

  it("name each action and what it is done to", () => {
    expect(statements.length).toBeGreaterThan(10);
    expect(granted.filter((action) => action.includes("*"))).toEqual([]);
    const whatFor = statements.filter((map) => map["Principal"] === undefined || map["Resource"] !== undefined).map((map) => JSON.stringify(map["Resource"]));
    expect(whatFor.filter((resource) => resource === undefined || resource === '"*"' || resource.includes('["*"]'))).toEqual([]);
    // The only open end is behind a prefix that may not be empty.
    expect(whatFor.filter((resource) => resource.includes("*"))).toEqual([expect.stringContaining(`secret:${sub("SecretPrefix")}*`)]);
    expect(new RegExp(`^${textAt(template, "Parameters", "SecretPrefix", "AllowedPattern")}$`).test("")).toBe(false);
  });

  it("are these and no more", () => {
    expect([...new Set(granted)].sort()).toEqual([
      "dynamodb:BatchGetItem",
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
      "events:PutEvents",
      "kms:Decrypt",
      "lambda:InvokeFunction",
      "lambda:InvokeFunctionUrl",
      "logs:CreateLogStream",
      "logs:PutLogEvents",
      "s3:GetObject",
      "secretsmanager:GetSecretValue",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
      "sqs:SendMessage",
      "sts:AssumeRole",
    ]);
    for (const [name, value] of functions) expect([name, at(value, "Properties", "Policies")]).toEqual([name, undefined]);
  });

  it("fit the manifests: their secrets lie behind the prefix, their queue and their table are the stack's", () => {
    const manifests = readObjects(yamlFiles("infra/lambda/manifests"));
    const prefix = textAt(template, "Parameters", "SecretPrefix", "Default");
    const secrets = manifests.map(({ value }) => textAt(value, "spec", "awsSecretsManager", "secretId")).filter((id) => id !== "");
    expect(secrets.length).toBeGreaterThan(0);
    for (const id of secrets) expect(id.startsWith(prefix)).toBe(true);
    const principals = listAt(manifests.find(({ kind }) => kind === "BrokerConfig")?.value, "spec", "identity", "principals");
    const queue = principals.find((one) => textAt(one, "type") === "AWSSQS");
    expect(textAt(queue, "name").split(":").at(-1)).toBe(textAt(property("Requests", "QueueName"), "Fn::Sub").replace(sub("AWS::StackName"), "spillway"));
    const store = at(manifests.find(({ kind }) => kind === "BrokerConfig")?.value, "spec", "limits", "store", "dynamodb");
    expect(textAt(store, "table")).toBe(textAt(property("Usage", "TableName"), "Fn::Sub").replace(sub("AWS::StackName"), "spillway"));
  });
});
