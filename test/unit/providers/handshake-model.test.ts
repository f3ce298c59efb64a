import { describe, expect, it } from "vitest";
import { handshakeFacts, withQueryModel } from "../../../src/providers/handshake-model.ts";
import { operationOf } from "../../../src/providers/operation-of.ts";

describe("the model of a handshake", () => {
  it.each([
    ["?model=a", "a"],
    ["?x=1&model=a%2Fb", "a/b"],
    ["?mod%65l=a", "a"],
    ["?Model=a", null],
    ["", null],
    ["?model=a&model=b", null],
    ["?model=a&mod%65l=b", null],
  ])("of %s is %s", (query, model) => {
    expect(handshakeFacts(query).model).toBe(model);
  });

  it.each([
    ["/v1/realtime?model=a", "/v1/realtime?model=b"],
    ["/v1/realtime?x=%20&model=a&y", "/v1/realtime?x=%20&model=b&y"],
    ["/v1/realtime?model=a&mod%65l=c", "/v1/realtime?model=b"],
    ["/v1/realtime?x", "/v1/realtime?x&model=b"],
    ["/v1/realtime?", "/v1/realtime?model=b"],
    ["/v1/realtime", "/v1/realtime?model=b"],
  ])("of %s is exchanged in its place: %s", (path, changed) => {
    expect(withQueryModel(path, "b")).toBe(changed);
  });

  it("is asked for by a handshake alone: a stream of events at the same path is somebody's own", () => {
    expect(operationOf("GET", "/v1/realtime", true)).toMatchObject({ name: "realtime", dialect: "openai", inference: true });
    expect(operationOf("GET", "/api/realtime", false).name).toBe("other");
    expect(operationOf("GET", "/rooms/7/realtime", true).name).toBe("other");
    expect(operationOf("POST", "/v1/realtime", true).name).toBe("other");
  });
});
