import type { AdminPages, EventPlatform, Responder } from "../../src/index.ts";
import type { HttpEvent } from "./http-event.ts";
import { refuseEvent } from "./refuse-event.ts";

/** Answers a request under `/-/`: probes of load balancers, the state for operators, and events. */
export async function answerAdmin(event: HttpEvent, admin: AdminPages, platform: EventPlatform, responder: Responder): Promise<void> {
  let request: Request;
  try {
    const headers = new Headers();
    for (let i = 0; i + 1 < event.headers.length; i += 2) headers.append(event.headers[i] ?? "", event.headers[i + 1] ?? "");
    const body = event.body.length === 0 || event.method === "GET" || event.method === "HEAD" ? null : Buffer.from(event.body);
    request = new Request(`${event.scheme}://${event.authority}${event.target}`, { method: event.method, headers, body });
  } catch {
    refuseEvent({ door: event.door, fault: "The request cannot be read." }, responder);
    return;
  }
  const response = await admin(request, platform);
  const list: string[] = [];
  response.headers.forEach((value, name) => void list.push(name, value));
  responder.reply(response.status, list, new Uint8Array(await response.arrayBuffer()));
}
