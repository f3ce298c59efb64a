import { describe, expect, it } from "vitest";
import type { RedirectRule } from "../../../src/model/snapshot.ts";
import { redirectLocation } from "../../../src/routing/redirect-location.ts";
import { match } from "./make-rule.ts";

const redirect = (parts: Partial<RedirectRule>): RedirectRule => ({ scheme: null, hostname: null, port: null, path: null, statusCode: 302, ...parts });
const request = { scheme: "http", host: "example.org", port: 80, path: "/a", query: "", match: match({}) } as const;

describe("redirectLocation", () => {
  it.each([
    [{ hostname: "example.com" }, 80, "http://example.com/a"],
    [{ hostname: "example.com" }, 8080, "http://example.com:8080/a"],
    [{ scheme: "https" }, 80, "https://example.org/a"],
    [{ scheme: "https" }, 8080, "https://example.org/a"],
    [{ scheme: "http" }, 8080, "http://example.org/a"],
    [{ port: 80 }, 8080, "http://example.org/a"],
    [{ port: 8443 }, 80, "http://example.org:8443/a"],
    [{ scheme: "https", port: 443 }, 80, "https://example.org/a"],
    [{ scheme: "https", port: 80 }, 80, "https://example.org:80/a"],
    [{ scheme: "http", port: 443 }, 80, "http://example.org:443/a"],
  ] as const)("%j on port %i gives %s", (parts, port, expected) => {
    expect(redirectLocation(redirect(parts), { ...request, port })).toBe(expected);
  });

  it("uses the listener's port for a redirect within https", () => {
    expect(redirectLocation(redirect({}), { ...request, scheme: "https", port: 443 })).toBe("https://example.org/a");
    expect(redirectLocation(redirect({}), { ...request, scheme: "https", port: 8443 })).toBe("https://example.org:8443/a");
  });

  it("rewrites the path and keeps the query", () => {
    const under = { ...request, path: "/original/x", query: "?q=1", match: match({ path: { value: "/original" } }) };
    expect(redirectLocation(redirect({ path: { type: "ReplacePrefixMatch", value: "/new" } }), under)).toBe("http://example.org/new/x?q=1");
    expect(redirectLocation(redirect({ path: { type: "ReplaceFullPath", value: "/full" } }), under)).toBe("http://example.org/full?q=1");
  });
});
