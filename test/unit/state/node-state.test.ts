import { describe, expect, it } from "vitest";
import { createNodeState } from "../../../adapters/state/node-state.ts";
import { StateStoreError } from "../../../src/index.ts";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } from "../../fakes/aws-signature.ts";
import { DYNAMODB_REGION, DYNAMODB_TABLE, startFakeDynamodb } from "../../fakes/dynamodb.ts";

const signal = new AbortController().signal;

describe("SPILLWAY_STATE on Node", () => {
  it.each([undefined, "", "memory:", " memory: "])("%j is memory", async (SPILLWAY_STATE) => {
    const store = await createNodeState({ SPILLWAY_STATE });
    const version = await store.put("key", "value", { expected: null, ttlMs: 1_000 }, signal);
    expect(await store.get("key", signal)).toEqual({ value: "value", version });
    // Nothing is shared with another one.
    expect(await (await createNodeState({ SPILLWAY_STATE })).get("key", signal)).toBeNull();
  });

  it("dynamodb:TABLE is DynamoDB in the environment's region, by its keys and at its endpoint", async () => {
    const dynamodb = await startFakeDynamodb();
    const environment = {
      SPILLWAY_STATE: `dynamodb:${DYNAMODB_TABLE}`,
      AWS_REGION: DYNAMODB_REGION,
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url,
      AWS_ACCESS_KEY_ID,
      AWS_SECRET_ACCESS_KEY,
    };
    const version = await (await createNodeState(environment)).put("key", "value", { expected: null, ttlMs: 60_000 }, signal);
    expect(version).not.toBeNull();
    expect(await (await createNodeState(environment)).get("key", signal)).toEqual({ value: "value", version });
    await dynamodb.close();
  });

  it("redis://… connects on first use, and says within its bound that nobody is there", async () => {
    const store = await createNodeState({ SPILLWAY_STATE: "redis://user:the-password@127.0.0.1:1/2" });
    const error = await store.get("key", signal).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StateStoreError);
    expect(error).toMatchObject({ message: "Redis: the time was up (ECONNREFUSED)" });
    await store.close();
    await expect(store.get("key", signal)).rejects.toMatchObject({ message: "the store is closed" });
  });

  it.each([
    "memory",
    "memory:x",
    "redis:",
    "redis://",
    "redis://:the-password@",
    "redis://user:the-password@host:6379/first",
    "redis://user:the-password@host:6379/0?tls=true",
    "redis://user:the-password%@host",
    "redis://user:the-password@host:99999",
    "redis:the-password@host",
    "http://user:the-password@host",
    "the-password",
    "REDIS//user:the-password",
  ])("refuses %j at the start, without quoting it", async (SPILLWAY_STATE) => {
    await expect(createNodeState({ SPILLWAY_STATE })).rejects.toThrow(
      /^(?!.*the-password)SPILLWAY_STATE is none of memory:, redis:\/\/\[user:password@\]host\[:port\]\[\/database\], rediss:\/\/… or dynamodb:TABLE$/,
    );
  });

  it("refuses a table that cannot be one, and a region that is missing or none", async () => {
    const create = (environment: Record<string, string>) => expect(createNodeState(environment)).rejects;
    await create({ SPILLWAY_STATE: "dynamodb:state" }).toThrow("SPILLWAY_STATE is dynamodb:TABLE, which needs AWS_REGION");
    await create({ SPILLWAY_STATE: "dynamodb:", AWS_REGION: "eu-central-1" }).toThrow(/name of a DynamoDB table has 3 to 255/);
    await create({ SPILLWAY_STATE: "dynamodb:state", AWS_REGION: "somewhere" }).toThrow(/not the name of an AWS region/);
    await create({ SPILLWAY_STATE: "dynamodb:state", AWS_REGION: "eu-central-1", AWS_ENDPOINT_URL: "nowhere" }).toThrow(/not an http or https URL/);
  });
});
