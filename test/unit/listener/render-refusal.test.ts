import { describe, expect, it } from "vitest";
import { find } from "../../../src/lib/header-list.ts";
import { renderRefusal } from "../../../src/listener/render-refusal.ts";
import { REFUSALS, Refusal, type RefusalCode } from "../../../src/model/errors.ts";
import { wireOf } from "../../../src/providers/wires.ts";

const CODES = Object.keys(REFUSALS) as RefusalCode[]; // Object.keys widens the keys of the table
const text = (body: Uint8Array) => new TextDecoder().decode(body);

describe.each(CODES)("%s", (code) => {
  const refusal = new Refusal(code, { detail: "Why, and “how” to mend it." });

  it.each([null, "openai", "anthropic"] as const)("is written for %s", (dialect) => {
    const { status, headers, body } = renderRefusal(refusal, dialect === null ? null : wireOf(dialect), "id-12345");
    expect(status).toBe(REFUSALS[code].status);
    expect(find(headers, "x-egress-error")).toBe(code);
    expect(find(headers, "x-request-id")).toBe("id-12345");
    expect(find(headers, "content-length")).toBe(String(body.byteLength));
    expect(find(headers, "cache-control")).toBe("no-store");
    expect(find(headers, "retry-after")).toBeNull();
    expect(find(headers, "www-authenticate")).toBe(status === 401 ? 'Bearer realm="spillway"' : null);
    expect(find(headers, "content-type")).toBe(dialect === null ? "application/problem+json" : "application/json");
    const parsed: unknown = JSON.parse(text(body));
    if (dialect === null) {
      const type = `https://spillway.dev/errors/${code}`;
      expect(parsed).toEqual({ type, title: REFUSALS[code].title, status, detail: refusal.detail, code, requestId: "id-12345" });
    } else {
      expect(parsed).toMatchObject({ error: { message: expect.stringContaining("Why") } });
    }
  });
});

describe("what a refusal may say of itself", () => {
  it("Retry-After in seconds", () => {
    expect(find(renderRefusal(new Refusal("not_ready", { detail: "x", retryAfter: 3 }), null, "id-12345").headers, "retry-after")).toBe("3");
    expect(find(renderRefusal(new Refusal("not_ready", { detail: "x", retryAfter: 0 }), null, "id-12345").headers, "retry-after")).toBe("0");
  });

  it("another status than the table's, in head and body alike", () => {
    const { status, body } = renderRefusal(new Refusal("upstream_unavailable", { detail: "x", status: 503 }), null, "id-12345");
    expect(status).toBe(503);
    expect(JSON.parse(text(body))).toMatchObject({ status: 503 });
  });

  it("text that would break out of JSON does not", () => {
    const detail = '"}\n{"a":"\u2028\u0000';
    expect(JSON.parse(text(renderRefusal(new Refusal("not_ready", { detail }), null, "id-12345").body))).toMatchObject({ detail });
    for (const dialect of ["openai", "anthropic"] as const) {
      expect(JSON.parse(text(renderRefusal(new Refusal("not_ready", { detail }), wireOf(dialect), "id-12345").body))).toHaveProperty("error.message");
    }
  });
});
