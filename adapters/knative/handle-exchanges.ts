import type { Broker, Exchange } from "../../src/index.ts";

/** Hands each call to the broker. What it should never reject with is told under an id, and becomes a 500 where nothing was answered yet. */
export function handleExchanges(broker: Broker, onFault: (id: string, error: unknown) => void): (exchange: Exchange) => void {
  return (exchange) => {
    // A rejection that nobody handles would end the process and every other call with it.
    broker.handle(exchange).catch((error: unknown) => {
      const id = crypto.randomUUID();
      onFault(id, error);
      if (!exchange.responder.started) exchange.responder.reply(500, ["x-egress-error", "internal_error", "x-request-id", id], null);
    });
  };
}
