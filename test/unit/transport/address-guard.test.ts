import { describe, expect, it } from "vitest";
import { canonicalAddress, createAddressGuard } from "../../../adapters/transport/address-guard.ts";
import { PLAIN_DNS } from "../../../src/index.ts";

const DENIED = [
  ["loopback", "127.0.0.1"],
  ["all of loopback", "127.8.9.10"],
  ["decimal", "2130706433"],
  ["hexadecimal", "0x7f000001"],
  ["octal", "0177.0.0.1"],
  ["short", "127.1"],
  ["unspecified", "0.0.0.0"],
  ["a name", "localhost"],
  ["private 10", "10.0.0.1"],
  ["private 172", "172.16.0.1"],
  ["private 192", "192.168.1.1"],
  ["link-local, where clouds keep metadata", "169.254.169.254"],
  ["carrier-grade NAT", "100.64.0.1"],
  ["Alibaba metadata", "100.100.100.200"],
  ["Azure WireServer", "168.63.129.16"],
  ["Alibaba's metadata", "100.100.100.200"],
  ["Oracle's metadata", "192.0.0.192"],
  ["IETF protocol assignments", "192.0.0.8"],
  ["benchmarking", "198.18.0.1"],
  ["documentation", "192.0.2.1"],
  ["multicast", "224.0.0.1"],
  ["reserved", "240.0.0.1"],
  ["broadcast", "255.255.255.255"],
  ["IPv6 loopback", "::1"],
  ["IPv6 unspecified", "::"],
  ["mapped", "::ffff:127.0.0.1"],
  ["mapped in hexadecimal", "::ffff:7f00:1"],
  ["mapped private", "::ffff:10.0.0.1"],
  ["IPv4-compatible", "::127.0.0.1"],
  ["IPv4-compatible of a public address", "::808:808"],
  ["translated", "::ffff:0:127.0.0.1"],
  ["NAT64", "64:ff9b::7f00:1"],
  ["local NAT64", "64:ff9b:1::7f00:1"],
  ["6to4", "2002:7f00:1::"],
  ["Teredo", "2001:0:7f00:1::"],
  ["unique local, where AWS keeps metadata", "fd00:ec2::254"],
  ["link-local", "fe80::1"],
  ["link-local with a zone", "fe80::1%eth0"],
  ["site-local", "fec0::1"],
  ["IPv6 multicast", "ff02::1"],
  ["discard", "100::1"],
  ["documentation", "2001:db8::1"],
  ["ORCHID", "2001:20::1"],
  ["never assigned", "4000::1"],
  ["with a space", " 8.8.8.8"],
  ["empty", ""],
] as const;

describe("the address guard", () => {
  it.each(DENIED)("denies %s: %s", (_name, address) => {
    expect(createAddressGuard(PLAIN_DNS)(address)).toBe(false);
  });

  it.each(["8.8.8.8", "1.1.1.1", "::ffff:8.8.8.8", "2606:4700::1111", "2a00:1450:4001::1"])("permits %s", (address) => {
    expect(createAddressGuard(PLAIN_DNS)(address)).toBe(true);
  });

  it("permits what is written, in either spelling, and nothing beside it", () => {
    const permits = createAddressGuard({ ...PLAIN_DNS, allowCIDRs: ["10.1.0.0/16", "fd00:1::/32"] });
    expect(["10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5"].map(permits)).toEqual([true, true, true]);
    expect(["10.2.0.1", "127.0.0.1", "fd00:2::5", "169.254.169.254"].map(permits)).toEqual([false, false, false, false]);
  });

  it("does not let IPv4 in through an IPv6 range", () => {
    expect(createAddressGuard({ ...PLAIN_DNS, allowCIDRs: ["::/0"] })("::ffff:127.0.0.1")).toBe(false);
  });

  describe("sees through the ways of carrying IPv4 in IPv6, where one is allowed:", () => {
    const translators = ["64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::ffff:0:0:0/96", "::/96"];
    it.each([
      ["NAT64 of a public address", "64:ff9b::808:808", true],
      ["NAT64 of the metadata service", "64:ff9b::a9fe:a9fe", false],
      ["NAT64 of loopback", "64:ff9b::7f00:1", false],
      ["NAT64 of Azure's WireServer", "64:ff9b::a83f:8110", false],
      ["local NAT64 of a private address", "64:ff9b:1::a00:1", false],
      ["local NAT64 of a public address", "64:ff9b:1::808:808", true],
      ["6to4 of a private address", "2002:a00:1::1", false],
      ["6to4 of a public address", "2002:808:808::1", true],
      ["Teredo of a private address, inverted", "2001:0:4136:e378:8000:63bf:f5ff:fffe", false],
      ["Teredo of a public address, inverted", "2001:0:4136:e378:8000:63bf:f7f7:f7f7", true],
      ["translated loopback", "::ffff:0:7f00:1", false],
      ["IPv4-compatible loopback", "::7f00:1", false],
      ["IPv4-compatible of a public address", "::808:808", true],
    ])("%s", (_name, address, allowed) => {
      expect(createAddressGuard({ ...PLAIN_DNS, allowCIDRs: translators })(address)).toBe(allowed);
    });

    it("permits the inner address where it is listed itself, or where the whole is written out", () => {
      expect(createAddressGuard({ ...PLAIN_DNS, allowCIDRs: ["64:ff9b::/96", "10.0.0.0/8"] })("64:ff9b::a00:1")).toBe(true);
      expect(createAddressGuard({ ...PLAIN_DNS, addresses: ["64:ff9b::a00:1"] })("64:ff9b::a00:1")).toBe(true);
      expect(createAddressGuard({ ...PLAIN_DNS, allowCIDRs: ["0.0.0.0/0", "::/0"] })("64:ff9b::a00:1")).toBe(true);
    });

    it.each([
      ["half a NAT64 prefix", "64:1::7f00:1"],
      ["the other half", "65:ff9b::7f00:1"],
      ["beside Teredo", "2001:1:4136:e378:8000:63bf:80ff:fffe"],
      ["beside IPv4-translated, in its first part", "1::ffff:0:7f00:1"],
      ["in its second", "0:1::ffff:0:7f00:1"],
      ["in its third", "0:0:1:0:ffff:0:7f00:1"],
      ["in its fourth", "0:0:0:1:ffff:0:7f00:1"],
      ["in its fifth", "::1:0:7f00:1"],
      ["in its sixth", "::ffff:1:7f00:1"],
      ["beside IPv4-compatible", "::1:7f00:1"],
    ])("and in no other address: %s", (_name, address) => {
      expect(createAddressGuard({ ...PLAIN_DNS, allowCIDRs: ["::/0"] })(address)).toBe(true);
    });

    it("reads every byte of the inner address", () => {
      const permits = createAddressGuard({ ...PLAIN_DNS, allowCIDRs: ["::/0"], denyCIDRs: ["8.8.4.8/32"] });
      expect(["2001:0:4136:e378:8000:63bf:f7f7:fbf7", "64:ff9b::808:408", "2002:808:408::1", "::808:408"].map(permits)).toEqual(Array(4).fill(false));
      expect(["2001:0:4136:e378:8000:63bf:f7f7:fbf8", "64:ff9b::808:409", "2002:808:409::1", "::808:409"].map(permits)).toEqual(Array(4).fill(true));
      expect(permits("::5")).toBe(false);
    });

    it("denies an inner address that is denied", () => {
      expect(createAddressGuard({ ...PLAIN_DNS, allowCIDRs: ["64:ff9b::/96"], denyCIDRs: ["8.0.0.0/8"] })("64:ff9b::808:808")).toBe(false);
    });

    it("still permits IPv6 loopback where it is listed", () => {
      expect(createAddressGuard({ ...PLAIN_DNS, allowCIDRs: ["::1/128"] })("::1")).toBe(true);
    });
  });

  it("denies before it allows, and allows only inside, where that is given", () => {
    const permits = createAddressGuard({
      ...PLAIN_DNS,
      allowCIDRs: ["10.0.0.0/8"],
      denyCIDRs: ["10.9.0.0/16", "8.8.8.0/24"],
      onlyCIDRs: ["10.0.0.0/8", "8.0.0.0/8"],
    });
    expect(["10.1.0.1", "10.9.0.1", "8.8.4.4", "8.8.8.8", "1.1.1.1", "2606:4700::1111"].map(permits)).toEqual([true, false, true, false, false, false]);
  });

  it("compares addresses of one kind only", () => {
    const permits = createAddressGuard({ ...PLAIN_DNS, addresses: ["10.0.0.1", "fd00::1"], denyCIDRs: ["8.0.0.0/8", "2606::/16"] });
    expect(["10.0.0.1", "fd00::1", "1.1.1.1", "2a00:1450:4001::1"].map(permits)).toEqual([true, true, true, true]);
    expect(["8.8.8.8", "2606:4700::1111", "10.0.0.2", "fd00::2"].map(permits)).toEqual([false, false, false, false]);
  });

  it("throws for a range that cannot be read", () => {
    expect(() => createAddressGuard({ ...PLAIN_DNS, allowCIDRs: ["10.0.0.0/99"] })).toThrow();
  });
});

it("an address has one spelling by which it is compared, and what is none has none", () => {
  expect(["::FFFF:10.0.0.1", "10.0.0.1", "2001:DB8:0::1", "2001:db8::1"].map(canonicalAddress)).toEqual([
    "10.0.0.1",
    "10.0.0.1",
    "2001:db8:0:0:0:0:0:1",
    "2001:db8:0:0:0:0:0:1",
  ]);
  expect(["host.example", "fe80::1%eth0", "2130706433", ""].map(canonicalAddress)).toEqual([null, null, null, null]);
});
