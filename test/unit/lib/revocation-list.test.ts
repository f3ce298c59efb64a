import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readRevocationLists } from "../../../src/lib/revocation-list.ts";
import { createAuthority } from "../../fakes/certificates.ts";

const authority = createAuthority();
const at = (text: string): Date => new Date(text);
const TIMES = { thisUpdate: at("2026-01-02T03:04:05Z"), nextUpdate: at("2049-12-31T23:59:59Z") };

describe("certificate revocation lists in PEM", () => {
  it("are read with their times, one or several in a text, whatever stands around them", () => {
    const one = authority.revocationList(TIMES);
    const other = authority.revocationList({ ...TIMES, nextUpdate: at("2026-02-01T00:00:00Z"), revoked: [authority] });
    const read = readRevocationLists(`# of the partner\r\n${one.replaceAll("\n", "\r\n")}\n\nand\n${other}`);
    expect(read?.map(({ thisUpdate, nextUpdate }) => [thisUpdate, nextUpdate])).toEqual([
      [TIMES.thisUpdate.getTime(), TIMES.nextUpdate.getTime()],
      [TIMES.thisUpdate.getTime(), Date.UTC(2026, 1, 1)],
    ]);
    expect(read?.[1]?.pem).toBe(other.trimEnd());
  });

  it.each([
    ["nothing", ""],
    ["a certificate", authority.caPem],
    ["a list and a certificate", authority.revocationList() + authority.caPem],
    ["a list without an end", authority.revocationList({ nextUpdate: null })],
    ["a good list and half of another", authority.revocationList() + authority.revocationList().slice(0, 90)],
    ["what is not base64", "-----BEGIN X509 CRL-----\nA\n-----END X509 CRL-----"],
    ["an empty block", "-----BEGIN X509 CRL-----\n\n-----END X509 CRL-----"],
    [
      "a length that reaches beyond the end",
      `-----BEGIN X509 CRL-----\n${Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).toString("base64")}\n-----END X509 CRL-----`,
    ],
    ["a length without end", `-----BEGIN X509 CRL-----\n${Buffer.from([0x30, 0x80, 0, 0]).toString("base64")}\n-----END X509 CRL-----`],
  ])("are not read from %s", (_name, text) => {
    expect(readRevocationLists(text)).toBeNull();
  });

  it("never throw, and never give a time that is none, whatever bytes they are", () => {
    const good = Buffer.from(authority.revocationList().replaceAll(/-----.*-----|\s/g, ""), "base64");
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 }), fc.nat(good.length), (edits, cut) => {
        const bytes = Buffer.from(good);
        for (const [index, value] of edits) bytes[index] = value;
        const pem = `-----BEGIN X509 CRL-----\n${bytes.subarray(0, cut).toString("base64")}\n-----END X509 CRL-----`;
        for (const { nextUpdate, thisUpdate } of readRevocationLists(pem) ?? []) expect(Number.isFinite(nextUpdate) && Number.isFinite(thisUpdate)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
