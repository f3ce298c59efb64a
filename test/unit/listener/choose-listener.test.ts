import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseListener } from "../../../src/listener/choose-listener.ts";
import type { CompiledGateway, CompiledListener, Snapshot } from "../../../src/model/snapshot.ts";
import { fakeGateway } from "../../fakes/received.ts";

const IDENTITY = { issuers: [], apiKeys: null, principals: [], anonymous: "Allow" } as const;

function listener(name: string, hostname: string | null, port = 80): CompiledListener {
  return { name, port, hostname, tls: null, routes: { rules: [], index: null } };
}
function gateway(name: string, ...listeners: CompiledListener[]): CompiledGateway {
  return { ...fakeGateway(IDENTITY, name), listeners };
}
function snapshot(...gateways: CompiledGateway[]): Snapshot {
  return { id: "s1", gateways, backends: new Map() };
}
function secure(name: string, hostname: string | null, port = 443): CompiledListener {
  return { ...listener(name, hostname, port), tls: { certificates: [] } };
}
const chosen = (from: Snapshot, host: string, port: number | null = null, scheme: "http" | "https" = "http") => {
  const found = chooseListener(from, host, port, scheme);
  return found === null ? null : `${found.gateway.name}/${found.listener.name}`;
};

describe("the most specific hostname wins", () => {
  const one = snapshot(
    gateway("a", listener("any", null), listener("wide", "*.example.com"), listener("near", "*.api.example.com"), listener("exact", "eu.api.example.com")),
  );
  it.each([
    ["eu.api.example.com", "a/exact"],
    ["us.api.example.com", "a/near"],
    ["x.y.api.example.com", "a/near"],
    ["www.example.com", "a/wide"],
    ["api.example.com", "a/wide"],
    ["example.com", "a/any"],
    ["notexample.com", "a/any"],
    ["", "a/any"],
  ])("%s", (host, expected) => {
    expect(chosen(one, host)).toBe(expected);
  });

  it("over several Gateways too, and of equals the first", () => {
    const two = snapshot(gateway("a", listener("any", null)), gateway("b", listener("any", null), listener("exact", "x.example")));
    expect(chosen(two, "x.example")).toBe("b/exact");
    expect(chosen(two, "y.example")).toBe("a/any");
  });

  it("none fits: null", () => {
    expect(chosen(snapshot(gateway("a", listener("exact", "x.example"))), "y.example")).toBeNull();
    expect(chosen(snapshot(gateway("a", listener("wild", "*.x.example"))), "x.example")).toBeNull();
    expect(chosen(snapshot(gateway("a", listener("wild", "*.x.example"))), ".x.example")).toBeNull();
    expect(chosen(snapshot(), "y.example")).toBeNull();
  });
});

describe("the port", () => {
  const one = snapshot(gateway("a", listener("eighty", null, 80), listener("other", "x.example", 8080)));
  it("that a listener has tells listeners apart, before the hostname does", () => {
    expect(chosen(one, "x.example", 80)).toBe("a/eighty");
    expect(chosen(one, "x.example", 8080)).toBe("a/other");
    expect(chosen(one, "y.example", 8080)).toBeNull();
  });
  it("that no listener has, or that is not known, is passed over", () => {
    expect(chosen(one, "x.example", 8787)).toBe("a/other");
    expect(chosen(one, "x.example", null)).toBe("a/other");
  });
});

it("the order of the listeners does not count while no two have the same hostname", () => {
  const hostnames = [null, "a.example", "*.example", "*.a.example", "b.a.example"];
  fc.assert(
    fc.property(
      fc.shuffledSubarray(hostnames, { minLength: hostnames.length }),
      fc.constantFrom("a.example", "b.a.example", "c.a.example", "z.example", "other"),
      (order, host) => {
        const name = (hostname: string | null) => hostname ?? "any";
        const inOrder = snapshot(gateway("g", ...hostnames.map((hostname) => listener(name(hostname), hostname))));
        const shuffled = snapshot(gateway("g", ...order.map((hostname) => listener(name(hostname), hostname))));
        expect(chosen(shuffled, host)).toBe(chosen(inOrder, host));
      },
    ),
    { numRuns: 100 },
  );
});

describe("the scheme", () => {
  const both = snapshot(gateway("a", listener("plain", null), listener("exact", "x.example"), secure("tls", null), secure("wild", "*.example")));
  it.each([
    ["x.example", "http", "a/exact"],
    ["y.example", "http", "a/plain"],
    ["x.example", "https", "a/wild"],
    ["elsewhere.test", "https", "a/tls"],
  ] as const)("%s over %s: %s", (host, scheme, expected) => {
    expect(chosen(both, host, null, scheme)).toBe(expected);
  });

  it("plain HTTP never reaches an HTTPS listener", () => {
    expect(chosen(snapshot(gateway("a", secure("tls", null))), "x.example", 443, "http")).toBeNull();
  });

  it("without any HTTPS listener somebody in front terminates TLS for the others", () => {
    const plain = snapshot(gateway("a", listener("plain", null)));
    expect(chosen(plain, "x.example", 443, "https")).toBe("a/plain");
  });

  it("a port counts among the listeners of the scheme only", () => {
    const ports = snapshot(gateway("a", listener("plain", null, 8443), secure("tls", null, 443)));
    expect(chosen(ports, "x.example", 8443, "https")).toBe("a/tls");
    expect(chosen(ports, "x.example", 443, "http")).toBe("a/plain");
  });
});
