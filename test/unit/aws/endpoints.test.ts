import { describe, expect, it } from "vitest";
import { createAwsClient } from "../../../adapters/aws/aws-client.ts";
import { awsHost, configuredEndpoint } from "../../../adapters/aws/endpoints.ts";

const credentials = () => Promise.reject(new Error("not asked for"));

describe("where AWS is", () => {
  it("knows the partitions", () => {
    expect(awsHost("dynamodb", "eu-central-1")).toBe("dynamodb.eu-central-1.amazonaws.com");
    expect(awsHost("sqs", "us-gov-west-1")).toBe("sqs.us-gov-west-1.amazonaws.com");
    expect(awsHost("events", "cn-northwest-1")).toBe("events.cn-northwest-1.amazonaws.com.cn");
    expect(awsHost("sqs", "us-isob-east-1")).toBe("sqs.us-isob-east-1.sc2s.sgov.gov");
  });

  it.each(["", "evil.example.com/", "eu-central-1.evil.example.com", "EU-CENTRAL-1", "eu central 1", "eu-central-1\n"])("takes %j for no region", (region) => {
    expect(() => createAwsClient({ service: "sqs", region, credentials })).toThrow(/not the name of an AWS region/);
  });

  it("reads the variables of AWS's SDKs", () => {
    const own = { AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:1", AWS_ENDPOINT_URL: "http://127.0.0.1:2" };
    expect(configuredEndpoint(own, "dynamodb")).toBe("http://127.0.0.1:1");
    expect(configuredEndpoint(own, "sqs")).toBe("http://127.0.0.1:2");
    expect(configuredEndpoint({ AWS_ENDPOINT_URL_EVENTBRIDGE: "http://127.0.0.1:3" }, "events")).toBe("http://127.0.0.1:3");
    expect(configuredEndpoint({ AWS_ENDPOINT_URL_SECRETS_MANAGER: "http://127.0.0.1:4" }, "secretsmanager")).toBe("http://127.0.0.1:4");
    expect(configuredEndpoint({ ...own, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" }, "dynamodb")).toBeNull();
    expect(configuredEndpoint({ AWS_ENDPOINT_URL: "" }, "dynamodb")).toBeNull();
  });

  it.each(["ftp://127.0.0.1", "127.0.0.1:8000", "http://user:secret@127.0.0.1", "http://127.0.0.1/?a=b", ""])("takes %j for no endpoint", (endpoint) => {
    const create = () => createAwsClient({ service: "sqs", region: "eu-central-1", endpoint, credentials });
    expect(create).toThrow(/^(?!.*secret).*not an http or https URL/);
  });
});
