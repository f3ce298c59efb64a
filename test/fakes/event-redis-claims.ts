import { connect } from "node:net";
import { createInterface } from "node:readline";

/** Claims of events, as Redis itself tells of them by MONITOR. */
export interface RedisClaims {
  leases(key: string): number;
  close(): void;
}

/** A claim is a script that expects nobody, and then writes: `SET` under the version that it brought. */
export async function watchRedisClaims(port: number): Promise<RedisClaims> {
  const asked = new Set<string>();
  const claimed = new Map<string, Set<string>>();
  const socket = connect(port, "127.0.0.1");
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", () => socket.write("MONITOR\r\n"));
    socket.once("data", () => resolve());
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  createInterface({ input: socket }).on("line", (line) => {
    const claim = /"spillway:\{(event\/[0-9a-f]+)\}" "" "([0-9a-f-]{36})" "\{\\"state\\":\\"running\\"/.exec(line);
    if (claim !== null) asked.add(`${claim[1]} ${claim[2]}`);
    const [, key = "", version = ""] = /lua\] "SET" "spillway:\{(event\/[0-9a-f]+)\}" "([0-9a-f-]{36})/i.exec(line) ?? [];
    if (asked.has(`${key} ${version}`)) claimed.set(key, (claimed.get(key) ?? new Set()).add(version));
  });
  return { leases: (key) => claimed.get(key)?.size ?? 0, close: () => socket.destroy() };
}
