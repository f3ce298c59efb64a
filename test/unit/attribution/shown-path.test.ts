import { expect, it } from "vitest";
import { shownPath } from "../../../src/attribution/call-record.ts";

it("keeps of a path no query, and no more than a record may hold", () => {
  expect(shownPath("/v1/x?key=secret")).toBe("/v1/x");
  expect(shownPath("/v1/x")).toBe("/v1/x");
  expect(shownPath(`/${"a".repeat(20_000)}?key=secret`)).toHaveLength(1_024);
});
