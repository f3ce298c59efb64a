import { expect, it } from "vitest";
import { createSingleFlight } from "../../../src/lib/single-flight.ts";

function slow() {
  let end: (value: string) => void = () => {};
  let starts = 0;
  const start = () => {
    starts += 1;
    return new Promise<string>((resolve) => {
      end = resolve;
    });
  };
  return { start, end: (value: string) => end(value), starts: () => starts };
}

it("starts once for all who ask meanwhile, and anew for who asks after", async () => {
  const flights = createSingleFlight<string>();
  const work = slow();
  const all = [flights.join("a", work.start, null), flights.join("a", work.start, new AbortController().signal), flights.join("b", async () => "b", null)];
  expect(work.starts()).toBe(1);
  expect(flights.flying("a")).toBe(true);
  work.end("a");
  expect(await Promise.all(all)).toEqual(["a", "a", "b"]);
  expect(flights.flying("a")).toBe(false);
  flights.join("a", work.start, null);
  expect(work.starts()).toBe(2);
});

it("lets one leave without ending the work of the others", async () => {
  const flights = createSingleFlight<string>();
  const work = slow();
  const leaving = new AbortController();
  const first = flights.join("a", work.start, leaving.signal);
  const second = flights.join("a", work.start, null);
  leaving.abort("gone");
  await expect(first).rejects.toBe("gone");
  await expect(flights.join("a", work.start, AbortSignal.abort("never came"))).rejects.toBe("never came");
  work.end("done");
  expect(await second).toBe("done");
  expect(work.starts()).toBe(1);
});

it("gives a failure to all, and forgets it", async () => {
  const flights = createSingleFlight<string>();
  const fail = () => {
    throw new Error("failed");
  };
  const all = await Promise.allSettled([flights.join("a", fail, null), flights.join("a", fail, null)]);
  expect(all.map((outcome) => outcome.status)).toEqual(["rejected", "rejected"]);
  expect(await flights.join("a", async () => "well", null)).toBe("well");
});

it("after forget the old work does not end the new one's place", async () => {
  const flights = createSingleFlight<string>();
  const old = slow();
  const fresh = slow();
  const first = flights.join("a", old.start, null);
  flights.forget("a");
  const second = flights.join("a", fresh.start, null);
  old.end("old");
  expect(await first).toBe("old");
  expect(flights.flying("a")).toBe(true);
  fresh.end("new");
  expect(await second).toBe("new");
});
