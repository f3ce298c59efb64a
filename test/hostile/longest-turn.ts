import type { BrokerProcess } from "../fakes/broker-process.ts";

/** In the broker's process: the most processor time that its thread took for one turn of its loop. What it waited for a core does not count, so that a loaded machine does not look like a slow broker. */
const WATCH = `let last = process.threadCpuUsage(), most = 0;
const turn = () => {
  const now = process.threadCpuUsage();
  most = Math.max(most, now.user - last.user + now.system - last.system);
  last = now;
  setImmediate(turn).unref();
};
setImmediate(turn).unref();
process.on("SIGUSR2", () => { console.error("longest turn " + most + " us;"); most = 0; });`;

/** Environment of a broker whose turns are watched. */
export const TURNS_WATCHED: Readonly<Record<string, string>> = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(WATCH)}` };

/** Milliseconds of its own processor time that the longest turn took since this was last asked. */
export async function longestTurn(broker: BrokerProcess): Promise<number> {
  const told = (): readonly string[] => [...broker.stderr().matchAll(/longest turn (\d+) us;/g)].map(([, us]) => us ?? "");
  const before = told().length;
  broker.child.kill("SIGUSR2");
  while (told().length === before) await new Promise((resolve) => setTimeout(resolve, 10));
  return Number(told().at(-1)) / 1_000;
}
