import { describe, expect, it } from "vitest";
import { compileMatch } from "../../../src/routing/compile-match.ts";

describe("compileMatch", () => {
  it("takes a match without fields as PathPrefix /", () => {
    const compiled = compileMatch({});
    expect(compiled).toEqual({ ok: true, match: { path: { type: "PathPrefix", value: "/" }, method: null, headers: [], queryParams: [] } });
  });

  it("ignores the trailing slash of a prefix and keeps that of an exact path", () => {
    expect(compileMatch({ path: { value: "/foo/" } })).toMatchObject({ match: { path: { type: "PathPrefix", value: "/foo" } } });
    expect(compileMatch({ path: { type: "Exact", value: "/foo/" } })).toMatchObject({ match: { path: { type: "Exact", value: "/foo/" } } });
  });

  it.each([
    ["foo", "start with /"],
    ["", "start with /"],
    ["/a//b", "//"],
    ["/a/./b", ". segment"],
    ["/a/../b", ".. segment"],
    ["/a/..", ".. segment"],
    ["/a/.", ". segment"],
    ["/a%2fb", "%2f"],
    ["/a%2Fb", "%2f"],
    ["/a#b", "#"],
    ["/a b", "percent-encoded"],
    ["/a%zz", "percent-encoded"],
    ["/é", "percent-encoded"],
    [`/${"a".repeat(1024)}`, "longer"],
  ])("refuses the path %j as Exact and as PathPrefix", (value, reason) => {
    for (const type of ["Exact", "PathPrefix"]) {
      const compiled = compileMatch({ path: { type, value } });
      expect(compiled.ok).toBe(false);
      expect(compiled).toMatchObject({ reason: expect.stringContaining(reason) });
    }
  });

  it("takes every character that the standard allows in a path", () => {
    expect(compileMatch({ path: { type: "Exact", value: "/-AZaz09._~!$&'()*+,;=:@/%C3%A9" } }).ok).toBe(true);
  });

  it("lets a regular expression match only the whole path", () => {
    const compiled = compileMatch({ path: { type: "RegularExpression", value: "/v[0-9]+/chat" } });
    if (!compiled.ok || compiled.match.path.type !== "RegularExpression") throw new Error("not compiled");
    const { test } = compiled.match.path;
    expect([test("/v1/chat"), test("/v12/chat"), test("/v1/chat/x"), test("/x/v1/chat"), test("/v/chat")]).toEqual([true, true, false, false, false]);
  });

  it("does not let alternation reach around the whole-subject rule", () => {
    const compiled = compileMatch({ headers: [{ type: "RegularExpression", name: "x-a", value: "a|b" }] });
    const header = compiled.ok ? compiled.match.headers[0] : undefined;
    if (header?.type !== "RegularExpression") throw new Error("not compiled");
    expect([header.test("a"), header.test("b"), header.test("ab"), header.test("xb")]).toEqual([true, true, false, false]);
  });

  it.each(["(", "[a", "(?=a)", "(?<!a)b", "(a)\\1", "a{2000}", "((a{100}){100}){100}"])("refuses the expression %j with a reason", (value) => {
    expect(compileMatch({ path: { type: "RegularExpression", value } })).toMatchObject({ ok: false, reason: expect.stringContaining("RE2") });
    expect(compileMatch({ headers: [{ type: "RegularExpression", name: "a", value }] }).ok).toBe(false);
    expect(compileMatch({ queryParams: [{ type: "RegularExpression", name: "a", value }] }).ok).toBe(false);
  });

  it("considers only the first of several headers with one name, in any case", () => {
    const compiled = compileMatch({
      headers: [
        { name: "Version", value: "one" },
        { name: "VERSION", value: "two" },
      ],
    });
    expect(compiled).toMatchObject({ match: { headers: [{ type: "Exact", name: "version", value: "one" }] } });
  });

  it("keeps the case of query parameter names, which are exact", () => {
    const compiled = compileMatch({
      queryParams: [
        { name: "Animal", value: "whale" },
        { name: "animal", value: "dolphin" },
      ],
    });
    expect(compiled.ok && compiled.match.queryParams.map((one) => one.name)).toEqual(["Animal", "animal"]);
  });

  it("gives a reason for unknown enum values and for names that are no tokens", () => {
    expect(compileMatch({ path: { type: "Glob", value: "/x" } })).toMatchObject({ ok: false, reason: expect.stringContaining('"Glob"') });
    expect(compileMatch({ method: "get" })).toMatchObject({ ok: false, reason: expect.stringContaining("GET") });
    expect(compileMatch({ headers: [{ type: "Prefix", name: "a", value: "b" }] }).ok).toBe(false);
    expect(compileMatch({ headers: [{ name: "a b", value: "b" }] }).ok).toBe(false);
    expect(compileMatch({ queryParams: [{ name: "", value: "b" }] }).ok).toBe(false);
  });
});
