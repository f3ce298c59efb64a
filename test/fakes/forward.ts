import { request as send } from "node:http";
import type { Behaviour } from "./provider.ts";

/** Hands a request on to another server of loopback as it came, its Host included: for signatures that cover it. */
export function forwardTo(port: number): Behaviour {
  return (seen, response) => {
    const onward = send({ host: "127.0.0.1", port, method: seen.method, path: seen.url, headers: seen.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    onward.end(seen.body);
  };
}
