import { describe, expect, it } from "vitest";
import { countryOfColo } from "../../../adapters/cloudflare/colo-countries.ts";
import { workerPlace } from "../../../adapters/cloudflare/worker-place.ts";

const UNKNOWN = { region: null, country: null };
const requestAt = (cf: unknown) => Object.assign(new Request("https://egress.example/"), { cf });

describe("where a Worker runs", () => {
  it.each([
    [{ colo: "FRA" }, "DE"],
    [{ colo: "IAD" }, "US"],
    [{ colo: "ZRH" }, "CH"],
    [{ colo: "LHR" }, "GB"],
  ])("%j is %s", (cf, country) => {
    expect(workerPlace({})(requestAt(cf))).toEqual({ region: null, country });
  });

  it.each([undefined, null, {}, { colo: "" }, { colo: "fra" }, { colo: "XXX" }, { colo: 7 }, { colo: "constructor" }, "FRA"])("%j is unknown", (cf) => {
    expect(workerPlace({})(requestAt(cf))).toEqual(UNKNOWN);
  });

  it("is unknown without a request, and where the Worker is placed elsewhere", () => {
    expect(workerPlace({})(null)).toEqual(UNKNOWN);
    expect(workerPlace({ SPILLWAY_PLACEMENT: "smart" })(requestAt({ colo: "FRA" }))).toEqual(UNKNOWN);
  });

  it("is what the deployer says", () => {
    expect(workerPlace({ SPILLWAY_REGION: "eu-west-1" })(requestAt({ colo: "IAD" }))).toEqual({ region: "eu-west-1", country: null });
    expect(workerPlace({ SPILLWAY_REGION: "", SPILLWAY_PLACEMENT: "" })(requestAt({ colo: "FRA" }))).toEqual({ region: null, country: "DE" });
  });

  it("knows a good hundred data centres", () => {
    const letters = Array.from({ length: 26 }, (_, index) => String.fromCharCode(65 + index));
    const known = letters.flatMap((a) => letters.flatMap((b) => letters.flatMap((c) => countryOfColo(`${a}${b}${c}`) ?? [])));
    expect(known.length).toBeGreaterThan(150);
    const names = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
    for (const country of known) expect(names.of(country), country).toBeDefined();
  });
});
