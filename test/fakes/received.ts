import type { Received } from "../../src/model/call.ts";
import { NOTHING_ATTESTED } from "../../src/model/exchange.ts";
import type { HeaderList } from "../../src/model/http.ts";
import type { IdentityPlan } from "../../src/model/identity-plan.ts";
import type { CompiledGateway, CompiledListener } from "../../src/model/snapshot.ts";

/** A Gateway of which only the identity matters. */
export function fakeGateway(identity: IdentityPlan, name = "egress"): CompiledGateway {
  return {
    namespace: "egress-system",
    name,
    id: `egress-system/${name}`,
    identity,
    scope: "CallerNamespace",
    bounds: { maxRequestBytes: 1_000_000, replayBytes: 1_000_000, maxOpenCalls: 1_000, maxOpenCallsPerNamespace: 500 },
    usageStore: null,
    console: false,
    debug: null,
    chainId: name,
    listeners: [fakeListener],
    rejected: null,
  };
}

const fakeListener: CompiledListener = { name: "http", port: 80, hostname: null, tls: null, routes: { rules: [], index: null } };

/** A request as stage 1 leaves it, with these headers; its body and its answer are never touched. */
export function fakeReceived(gateway: CompiledGateway, headers: HeaderList, signal: AbortSignal = new AbortController().signal): Received {
  const untouched = () => {
    throw new Error("identity must not touch the body or the answer");
  };
  return {
    id: "request-1",
    exchange: {
      method: "GET",
      target: "/v1/models",
      scheme: "http",
      authority: "egress.example",
      headers,
      port: 80,
      remoteAddress: "127.0.0.1",
      protocol: "1.1",
      ...NOTHING_ATTESTED,
      signal,
      body: { declaredLength: null, present: false, collect: untouched, stream: untouched },
      responder: { started: false, reply: untouched, deliver: untouched },
      waitUntil: () => {},
    },
    snapshot: { id: "s1", gateways: [gateway], backends: new Map() },
    gateway,
    listener: fakeListener,
    host: "egress.example",
    method: "GET",
    path: "/v1/models",
    query: "",
    operation: { name: "models", dialect: "openai", inference: false, suffix: "/models" },
    handshake: null,
  };
}
