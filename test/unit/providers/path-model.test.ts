import { describe, expect, it } from "vitest";
import { operationOf } from "../../../src/providers/operation-of.ts";
import { modelInPath, pathModel, withModel } from "../../../src/providers/path-model.ts";

const ARN = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-v1:0";

describe("a model in the path", () => {
  it.each([
    ["/model/anthropic.claude-v1%3A0/converse", "converse", "anthropic.claude-v1:0", false],
    ["/bedrock/model/amazon.nova-lite-v1:0/converse-stream", "converse", "amazon.nova-lite-v1:0", true],
    [`/model/${encodeURIComponent(ARN)}/invoke`, "invoke_model", ARN, false],
    ["/model/m/invoke-with-response-stream", "invoke_model", "m", true],
    ["/v1beta/models/gemini-2.5-flash:generateContent", "generate_content", "gemini-2.5-flash", false],
    ["/v1beta/models/gemini-2.5-flash:streamGenerateContent", "generate_content", "gemini-2.5-flash", true],
    ["/v1/projects/p/locations/europe-west4/publishers/anthropic/models/claude@1:streamRawPredict", "generate_content", "claude@1", true],
    ["/v1beta/models/text-embedding:embedContent", "embeddings", "text-embedding", false],
    ["/v1beta/models/g:countTokens", "count_tokens", "g", false],
  ])("%s", (path, name, model, stream) => {
    expect(operationOf("POST", path)).toEqual({ name, dialect: null, inference: true, suffix: "" });
    const found = pathModel(path);
    expect(found === null ? null : [modelInPath(path, found), found.stream]).toEqual([model, stream]);
  });

  it.each([
    "/converse",
    "/model/converse",
    "/model//converse",
    "/models/a/converse",
    "/x/model/a/b/converse",
    "/v1beta/models/:generateContent",
    "/v1/model/a:generateContent",
    "/a:generateContent",
    "/models/a:delete",
  ])("%s is plain HTTP", (path) => {
    expect(operationOf("POST", path)).toMatchObject({ name: "other", inference: false });
  });

  it("is no model where it cannot be decoded or has control characters", () => {
    for (const path of ["/model/%zz/converse", "/model/a%0d%0ab/converse", `/model/${"a".repeat(2_049)}/converse`]) {
      const found = pathModel(path);
      expect(found === null ? "none" : modelInPath(path, found)).toBeNull();
    }
  });

  it("is replaced as one segment, whatever it holds", () => {
    const path = "/model/old/converse";
    const found = pathModel(path);
    expect(found === null ? null : withModel(path, found, "../../evil?x")).toBe("/model/..%2F..%2Fevil%3Fx/converse");
  });
});
