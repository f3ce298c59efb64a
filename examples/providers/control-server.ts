import type { IncomingMessage, Server } from "node:http";
import { createServer } from "node:http";
import type { FaultDesk } from "./fault-desk.ts";
import { FAULT_MODES } from "./fault-desk.ts";
import { asCount, asList, asObject, asText } from "./json-fields.ts";
import { readBody } from "./read-body.ts";

const ADVICE = `POST /control takes {"mode": ${FAULT_MODES.map((mode) => `"${mode}"`).join(" | ")}, "count": number of calls, or null for "until told otherwise"}`;

/** The loopback port by which a demo provider is told to fail, given new keys, and asked what it saw. */
export function createControlServer(desk: FaultDesk): Server {
  return createServer((request, response) => {
    const reply = (status: number, body: unknown) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(`${JSON.stringify(body, null, 2)}\n`);
    };
    handle(desk, request).then(
      ({ status, body }) => reply(status, body),
      (error: unknown) => reply(400, { error: error instanceof Error ? error.message : "unreadable request", advice: ADVICE }),
    );
  });
}

async function handle(desk: FaultDesk, request: IncomingMessage): Promise<{ readonly status: number; readonly body: unknown }> {
  // A page in a browser could otherwise reach loopback.
  if (request.headers.origin !== undefined) return { status: 403, body: { error: "not for browsers" } };
  if (request.method === "GET" && request.url === "/control") return { status: 200, body: desk.describe() };
  if (request.method === "POST" && request.url === "/control") {
    const told = asObject(JSON.parse((await readBody(request)).toString("utf8")));
    const mode = FAULT_MODES.find((known) => known === told["mode"]);
    if (mode === undefined) return { status: 400, body: { error: "unknown mode", advice: ADVICE } };
    desk.setMode(mode, asCount(told["count"]));
    return { status: 200, body: { mode, count: asCount(told["count"]) } };
  }
  if (request.method === "POST" && request.url === "/keys") {
    const told = asObject(JSON.parse((await readBody(request)).toString("utf8")));
    const keys = asList(told["accepted"]).flatMap((key) => asText(key) ?? []);
    desk.setKeys(keys);
    return { status: 200, body: { accepted: keys.length } };
  }
  return { status: 404, body: { error: "GET /control, POST /control or POST /keys", advice: ADVICE } };
}
