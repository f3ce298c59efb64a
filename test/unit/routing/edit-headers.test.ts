import { describe, expect, it } from "vitest";
import type { HeaderEdits } from "../../../src/model/snapshot.ts";
import { editHeaders } from "../../../src/routing/edit-headers.ts";

const edits = (parts: Partial<HeaderEdits>): HeaderEdits => ({ set: [], add: [], remove: [], ...parts });

describe("editHeaders", () => {
  it("hands the list itself back when there is nothing to do", () => {
    const list = ["a", "1"];
    expect(editHeaders(list, null)).toBe(list);
    expect(editHeaders(list, edits({}))).toBe(list);
  });

  it("sets over every line of a header, whatever its case", () => {
    const edited = editHeaders(["My-Header", "foo", "x", "y", "my-header", "bar"], edits({ set: [{ name: "my-header", value: "new" }] }));
    expect(edited).toEqual(["x", "y", "my-header", "new"]);
  });

  it("adds after a comma to what is there, and a new header where nothing is", () => {
    const edited = editHeaders(
      ["My-Header", "foo"],
      edits({
        add: [
          { name: "my-header", value: "bar,baz" },
          { name: "other", value: "1" },
        ],
      }),
    );
    expect(edited).toEqual(["My-Header", "foo,bar,baz", "other", "1"]);
  });

  it("never joins set-cookie", () => {
    expect(editHeaders(["Set-Cookie", "a=1"], edits({ add: [{ name: "set-cookie", value: "b=2" }] }))).toEqual(["Set-Cookie", "a=1", "set-cookie", "b=2"]);
  });

  it("removes every line of a header and leaves the given list alone", () => {
    const list = ["My-Header1", "foo", "my-header2", "bar", "MY-HEADER1", "baz"];
    expect(editHeaders(list, edits({ remove: ["my-header1"] }))).toEqual(["my-header2", "bar"]);
    expect(list).toHaveLength(6);
  });

  it("goes in the order set, add, remove", () => {
    const all = edits({ set: [{ name: "a", value: "1" }], add: [{ name: "a", value: "2" }] });
    expect(editHeaders([], all)).toEqual(["a", "1,2"]);
    expect(editHeaders([], { ...all, remove: ["a"] })).toEqual([]);
  });
});
