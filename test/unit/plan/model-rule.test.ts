import { expect, it } from "vitest";
import type { ModelRule } from "../../../src/model/backend.ts";
import { matchModel } from "../../../src/plan/model-rule.ts";
import { makeApi } from "./make-target.ts";

const rule = (name: string): ModelRule => ({ name, upstream: null, price: null });
const api = makeApi({ models: [rule("gpt-*"), rule("gpt-5*"), rule("*-mini"), rule("gpt-5"), rule("a*b"), rule("a*b*")], onUnknownModel: "Reject" });

it.each([
  ["gpt-5", "gpt-5"],
  ["gpt-5.5", "gpt-5*"],
  ["gpt-4", "gpt-*"],
  ["gpt-", "gpt-*"],
  ["o4-mini", "*-mini"],
  ["gpt-5-mini", "gpt-5*"],
  ["a*bc", "a*b*"],
  ["a*b", "a*b"],
])("%s goes by the rule %s", (model, name) => {
  expect(matchModel(api, model)).toMatchObject({ name });
});

it("does not take a star in the middle for a pattern, nor match by case or substring", () => {
  expect(matchModel(api, "axb")).toBe("unknown");
  expect(matchModel(api, "GPT-5")).toBe("unknown");
  expect(matchModel(api, "my-gpt-5")).toBe("unknown");
});

it("passes what it does not know only where the profile says so, and a call without model always", () => {
  expect(matchModel({ ...api, onUnknownModel: "Pass" }, "o9")).toBeNull();
  expect(matchModel(api, null)).toBeNull();
  expect(matchModel(makeApi({ onUnknownModel: "Reject" }), "o9")).toBe("unknown");
  expect(matchModel(makeApi({ models: [rule("*")], onUnknownModel: "Reject" }), "o9")).toMatchObject({ name: "*" });
});
