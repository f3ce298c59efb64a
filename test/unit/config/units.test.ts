import { describe, expect, it } from "vitest";
import { byteSize } from "../../../src/config/byte-size.ts";
import { didYouMean } from "../../../src/config/did-you-mean.ts";
import { DURATION, durationMs } from "../../../src/config/duration.ts";
import { isCidr, isIpAddress, looksLikeIpAddress } from "../../../src/config/ip-literal.ts";

describe("durationMs", () => {
  it("adds up the parts", () => {
    expect(["1h30m", "250ms", "1s500ms", "0s", "1m1m", "2h1m1s1ms"].map(durationMs)).toEqual([5_400_000, 250, 1_500, 0, 120_000, 7_261_001]);
  });

  it("never overflows a timer, which would then fire at once", () => {
    expect(durationMs("99999h")).toBe(2_147_483_647);
  });

  it("refuses what GEP-2257 refuses", () => {
    for (const text of ["", "1", "1.5s", "-1s", "100000s", "1d", "1s ", "1h1m1s1ms1ms"]) expect([text, DURATION.test(text)]).toEqual([text, false]);
  });
});

describe("byteSize", () => {
  it("knows binary suffixes", () => {
    expect([5, "5", "2Ki", "32Mi", "1Gi"].map(byteSize)).toEqual([5, 5, 2_048, 33_554_432, 1_073_741_824]);
  });
});

describe("addresses", () => {
  it("are told from everything else", () => {
    for (const good of ["127.0.0.1", "0.0.0.0", "255.255.255.255", "::", "::1", "fe80::1", "2001:db8:0:0:0:0:0:1", "::ffff:10.0.0.1", "1:2:3:4:5:6:7::"])
      expect([good, isIpAddress(good)]).toEqual([good, true]);
    for (const bad of [
      "",
      "1.2.3",
      "1.2.3.4.5",
      "256.1.1.1",
      "01.2.3.4",
      "1.2.3.4.",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7:8:9",
      "12345::",
      "::1%eth0",
      "[::1]",
      "1:2:3:4:5:6:7",
      "::1.2.3",
      "1.2.3.4::",
    ]) {
      expect([bad, isIpAddress(bad)]).toEqual([bad, false]);
    }
  });

  it("ranges need a prefix that fits", () => {
    expect(["10.0.0.0/8", "0.0.0.0/0", "fd00::/8", "::/0", "::1/128"].map(isCidr)).toEqual([true, true, true, true, true]);
    expect(["10.0.0.0", "10.0.0.0/33", "fd00::/129", "10.0.0.0/08", "10.0.0.0/8/8", "a/8", "/8"].map(isCidr)).toEqual([
      false,
      false,
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  it("are seen in every spelling that a URL parser reads as one", () => {
    for (const spelling of ["127.0.0.1", "127.1", "0x7f.1", "0177.0.0.1", "2130706433", "0X7F000001", "1.2.3.4.", "[::1]", "::ffff:1.2.3.4"]) {
      expect([spelling, looksLikeIpAddress(spelling)]).toEqual([spelling, true]);
    }
    // The URL standard is the judge.
    for (const name of ["1.example", "0x7f.example", "127.0.0.1.nip.io", "a1"])
      expect([name, looksLikeIpAddress(name), new URL(`http://${name}`).hostname]).toEqual([name, false, name]);
  });
});

describe("didYouMean", () => {
  it("finds what is two slips away at most", () => {
    const known = ["namespace", "name", "labels"];
    expect(["namesapce", "nmae", "Labels", "nam", "annotations", "x"].map((word) => didYouMean(word, known))).toEqual([
      "namespace",
      "name",
      "labels",
      "name",
      null,
      null,
    ]);
  });
});
