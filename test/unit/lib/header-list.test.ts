import fc from "fast-check";
import { expect, it } from "vitest";
import { find, findAll, remove } from "../../../src/lib/header-list.ts";

const list = ["Host", "a.example", "X-Api-Key", "1", "accept", "*/*", "x-API-key", "2"];

it("finds without regard to case, the first or all", () => {
  expect(find(list, "x-api-key")).toBe("1");
  expect(find(list, "host")).toBe("a.example");
  expect(find(list, "hos")).toBeNull();
  expect(findAll(list, "x-api-key")).toEqual(["1", "2"]);
  expect(findAll(list, "cookie")).toEqual([]);
});

it("looks at names only, never at values", () => {
  expect(find(["x", "host", "host", "h"], "host")).toBe("h");
  expect(remove(["x", "host", "y", "z"], new Set(["host"]))).toEqual(["x", "host", "y", "z"]);
});

it("removes every header of a name, and copies nothing when there is none", () => {
  expect(remove(list, new Set(["x-api-key"]))).toEqual(["Host", "a.example", "accept", "*/*"]);
  expect(remove(list, new Set(["cookie"]))).toBe(list);
});

it("law: what is removed is not found, and all else stays in its order", () => {
  const name = fc.constantFrom("a", "A", "bb", "Bb", "c");
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.string())), (pairs) => {
      const kept = remove(pairs.flat(), new Set(["a", "bb"]));
      expect(kept).toEqual(pairs.filter(([key]) => key === "c").flat());
      expect(find(kept, "a")).toBeNull();
    }),
  );
});
