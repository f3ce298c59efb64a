import { describe, expect, it } from "vitest";
import { createThawingTransport } from "../../../adapters/lambda/thawing-transport.ts";
import type { CallSignal, OutboundRequest, Transport } from "../../../src/index.ts";

const request = {} as OutboundRequest; // handed through
const signal = {} as CallSignal; // handed through

function setUp() {
  let now = 1_000_000;
  const log: string[] = [];
  let made = 0;
  const open = (): Transport => {
    made += 1;
    const name = `transport ${made}`;
    return {
      features: new Set(["h2"]),
      dispatch: async () => {
        log.push(name);
        return { kind: "cancelled", message: name };
      },
      close: async () => void log.push(`${name} closed`),
    };
  };
  const transport = createThawingTransport(open, () => now);
  const invoke = async (during: () => void = () => {}) => {
    await transport.begin();
    await transport.dispatch(request, signal);
    during();
    transport.end();
  };
  const pass = (ms: number) => {
    now += ms;
  };
  return { log, transport, invoke, pass };
}

describe("connections and freezes", () => {
  it("are kept from one invocation to the next, and not beyond four seconds of standing still", async () => {
    const { log, invoke, pass } = setUp();
    await invoke();
    pass(3_999);
    await invoke();
    pass(4_000);
    await invoke();
    expect(log).toEqual(["transport 1", "transport 1", "transport 1 closed", "transport 2"]);
  });

  it("a long invocation is no freeze, nor is a call beside another one", async () => {
    const { log, transport, invoke, pass } = setUp();
    await invoke(() => pass(60_000));
    await invoke();
    await transport.begin();
    pass(60_000);
    await invoke();
    transport.end();
    await invoke();
    expect(new Set(log)).toEqual(new Set(["transport 1"]));
  });

  it("a clock that was set back says nothing, and they count as lost", async () => {
    const { log, invoke, pass } = setUp();
    await invoke();
    pass(-10_000);
    await invoke();
    expect(log.at(-1)).toBe("transport 2");
  });
});
