import { describe, expect, it } from "vitest";
import { tokenSlots } from "../../../src/model/token-slots.ts";

describe("the headers that hold the broker's own token", () => {
  it("are the slot that it was found in, and each that holds the same one", () => {
    const headers = ["X-Api-Key", "t", "Authorization", "Bearer t", "API-Key", " t ", "x-goog-api-key", "own", "cookie", "t"];
    expect(tokenSlots(headers, "x-api-key")).toEqual(["authorization", "x-api-key", "api-key"]);
    expect(tokenSlots(headers, "authorization")).toEqual(["authorization", "x-api-key", "api-key"]);
  });

  it("are the slot alone where the others hold keys of the caller", () => {
    expect(tokenSlots(["authorization", "Bearer t", "x-api-key", "own"], "authorization")).toEqual(["authorization"]);
    expect(tokenSlots(["authorization", "Bearer  \t t", "x-api-key", "t"], "authorization")).toEqual(["authorization", "x-api-key"]);
    expect(tokenSlots(["x-api-key", "own"], "authorization")).toEqual(["authorization"]);
    expect(tokenSlots([], "authorization")).toEqual(["authorization"]);
  });

  it("take a token for one only where Bearer stands before it", () => {
    expect(tokenSlots(["authorization", "t bearer x", "x-api-key", "t x"], "authorization")).toEqual(["authorization"]);
    expect(tokenSlots(["authorization", "BEARER t", "x-api-key", "t"], "authorization")).toEqual(["authorization", "x-api-key"]);
    expect(tokenSlots(["authorization", "Bearert", "x-api-key", "t"], "authorization")).toEqual(["authorization"]);
  });

  it("are told by the first of a name, and by none that has no value", () => {
    expect(tokenSlots(["authorization", "t", "x-api-key", "own", "X-Api-Key", "t"], "authorization")).toEqual(["authorization"]);
    expect(tokenSlots(["authorization", "", "x-api-key"], "authorization")).toEqual(["authorization"]);
  });

  it("are none where nobody showed a token, or showed it among subprotocols", () => {
    expect(tokenSlots(["authorization", "own"], null)).toEqual([]);
    expect(tokenSlots(["sec-websocket-protocol", "t", "authorization", "t"], "sec-websocket-protocol")).toEqual([]);
  });
});
