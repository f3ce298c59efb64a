import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { endedSession, readSession, sessionCookie, tokenFault } from "../../../src/console/session-cookie.ts";

const pairOf = (cookie: string): string => cookie.split(";")[0] ?? "";

describe("the cookie of a session", () => {
  it("gives back every token that it takes, whatever stands beside it", () => {
    const token = fc.string({ minLength: 1, maxLength: 200 });
    const others = fc.array(fc.stringMatching(/^[a-z]{1,8}=[A-Za-z0-9=]{0,8}$/), { maxLength: 4 });
    fc.assert(
      fc.property(token, others, fc.boolean(), (text, before, isSecure) => {
        if (tokenFault(text) !== null) return;
        const header = [...before, pairOf(sessionCookie(text, isSecure))].join("; ");
        expect(readSession(header, isSecure)).toBe(text);
        expect(readSession(header, !isSecure)).toBeNull();
      }),
    );
  });

  it("takes nothing that could say more than a value does", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 100 }), (text) => {
        if (tokenFault(text) === null) expect(text).not.toMatch(/[^!-~]|[;,"\\]/);
      }),
    );
    for (const text of ["a b", "a;b", "a,b", 'a"b', "a\nb", "ä", "", "a".repeat(4_001)]) expect(tokenFault(text)).not.toBeNull();
  });

  it("takes what callers have: tokens of issuers and keys", () => {
    for (const text of ["eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhIn0.c2ln-_", "sk-spillway-Ab+/=", "a".repeat(4_000)]) expect(tokenFault(text)).toBeNull();
  });

  it("is whole within what a browser keeps", () => {
    expect(pairOf(sessionCookie("a".repeat(4_000), true)).length).toBeLessThanOrEqual(4_096);
  });

  it("reads none where there is none, or two", () => {
    expect(readSession(null, false)).toBeNull();
    expect(readSession("", false)).toBeNull();
    expect(readSession("a=b; spillway-console-x=c", false)).toBeNull();
    expect(readSession("spillway-console=a; spillway-console=b", false)).toBeNull();
    expect(readSession(pairOf(endedSession(false)), false)).toBeNull();
  });
});
