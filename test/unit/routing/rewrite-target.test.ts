import { describe, expect, it } from "vitest";
import type { UrlRewrite } from "../../../src/model/snapshot.ts";
import { rewriteTarget } from "../../../src/routing/rewrite-target.ts";
import { match } from "./make-rule.ts";

const prefix = (value: string): UrlRewrite => ({ hostname: null, path: { type: "ReplacePrefixMatch", value } });

describe("rewriteTarget", () => {
  // The table at HTTPPathModifier.replacePrefixMatch in the standard.
  it.each([
    ["/foo/bar", "/foo", "/xyz", "/xyz/bar"],
    ["/foo/bar", "/foo", "/xyz/", "/xyz/bar"],
    ["/foo/bar", "/foo/", "/xyz", "/xyz/bar"],
    ["/foo/bar", "/foo/", "/xyz/", "/xyz/bar"],
    ["/foo", "/foo", "/xyz", "/xyz"],
    ["/foo/", "/foo", "/xyz", "/xyz/"],
    ["/foo/bar", "/foo", "", "/bar"],
    ["/foo/", "/foo", "", "/"],
    ["/foo", "/foo", "", "/"],
    ["/foo/", "/foo", "/", "/"],
    ["/foo", "/foo", "/", "/"],
  ])("%s under %s with %j becomes %s", (path, from, to, expected) => {
    expect(rewriteTarget(path, "", prefix(to), match({ path: { value: from } }))).toBe(expected);
  });

  it("puts a prefix before everything where the match is /", () => {
    expect(rewriteTarget("/v1/chat", "", prefix("/openai"), match({}))).toBe("/openai/v1/chat");
    expect(rewriteTarget("/v1/chat", "", prefix("/"), match({}))).toBe("/v1/chat");
  });

  it("keeps the query, and all of the target where nothing is rewritten", () => {
    const any = match({});
    expect(rewriteTarget("/a%20b", "?q=1&q=2", null, any)).toBe("/a%20b?q=1&q=2");
    expect(rewriteTarget("/a", "?q=1", { hostname: "other.example", path: null }, any)).toBe("/a?q=1");
    expect(rewriteTarget("/a", "?q=1", { hostname: null, path: { type: "ReplaceFullPath", value: "/one" } }, any)).toBe("/one?q=1");
    expect(rewriteTarget("/foo/a", "?q=1", prefix("/b"), match({ path: { value: "/foo" } }))).toBe("/b/a?q=1");
  });

  it("never begins a target with two slashes, which could be read as an authority", () => {
    expect(rewriteTarget("/foo//evil.example/x", "", prefix(""), match({ path: { value: "/foo" } }))).toBe("/evil.example/x");
    expect(rewriteTarget("/a", "", { hostname: null, path: { type: "ReplaceFullPath", value: "" } }, match({}))).toBe("/");
  });

  it("refuses to replace a prefix under another kind of match", () => {
    expect(() => rewriteTarget("/foo", "", prefix("/x"), match({ path: { type: "Exact", value: "/foo" } }))).toThrow(/route_rejected/);
  });
});
