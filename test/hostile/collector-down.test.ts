import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLogWriter } from "../../adapters/telemetry/log-writer.ts";
import { startTelemetry } from "../../adapters/telemetry/node-telemetry.ts";
import { createAttribution } from "../../src/attribution/create-attribution.ts";
import { createFakeClock } from "../fakes/clock.ts";
import { recordOf } from "../unit/attribution/fixtures.ts";
import { recordFigure } from "./figure.ts";

/** Each makes two spans: twenty times what the queue holds. */
const CALLS = 20_000;
const MIB = 1024 * 1024;

let collector: Server;
let url = "";
let silent = false;

beforeAll(async () => {
  // Once it is silent it takes connections and bodies, and answers nothing.
  collector = createServer((request, response) => {
    request.resume().once("end", () => {
      if (!silent) response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((settle) => collector.listen(0, "127.0.0.1", settle));
  url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`; // listening on TCP
});
afterAll(() => {
  collector?.closeAllConnections();
  collector?.close();
});

/** Bytes of the heap and of buffers, garbage aside. */
async function heldBytes(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void; // what the flag defines
  collect();
  // What finalizers free goes with the second one.
  await new Promise((settle) => setTimeout(settle, 50));
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

it("F34: twenty thousand calls under a silent collector hold no more memory than its queue may", async () => {
  const writer = createLogWriter({ write: (bytes, done) => setImmediate(() => done(null, bytes.byteLength)) });
  const telemetry = await startTelemetry({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/traces` }, { clock: createFakeClock(), writer });
  const attribution = createAttribution({
    clock: createFakeClock(),
    tracer: telemetry.tracer,
    sink: { emit: () => {} },
    log: null,
    schedule: setImmediate,
  });
  telemetry.observe(attribution.metrics);
  const settle = async (calls: number): Promise<void> => {
    for (let index = 0; index < calls; index += 1) {
      attribution.settle(recordOf());
      if (index % 100 === 99) await new Promise((turn) => setImmediate(turn));
    }
    attribution.drain();
  };
  try {
    // All code has run, and the queue is empty.
    await settle(500);
    await telemetry.flush();
    silent = true;
    const before = await heldBytes();
    await settle(CALLS);
    const mib = ((await heldBytes()) - before) / MIB;
    recordFigure({
      row: "F34",
      what: `memory held for a silent collector after ${CALLS} calls`,
      value: Math.round(mib * 100) / 100,
      unit: "MiB",
      bar: "<= 4 MiB",
    });
    expect(mib).toBeLessThan(8);
    const droppedOf = (item: string) =>
      Number(new RegExp(`egress_telemetry_dropped_total\\{item="${item}"\\} (\\d+)`).exec(attribution.metrics.metricsText())?.[1]);
    // What is on its way counts as held: all but the queue's 2,048 spans are gone, with the records of which none were made.
    expect(droppedOf("spans") + 2 * droppedOf("records")).toBeGreaterThanOrEqual(2 * CALLS - 2_048);
  } finally {
    await telemetry.shutdown(50);
  }
});
