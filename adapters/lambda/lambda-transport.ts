import type { DegradedPort, EgressEvent } from "../../src/index.ts";
import { createAddressBook } from "../transport/address-book.ts";
import { createNameResolver } from "../transport/name-resolver.ts";
import { createUndiciTransport } from "../transport/undici-transport.ts";
import { createThawingTransport, type ThawingTransport } from "./thawing-transport.ts";

/** Node's transport, whose connections do not outlive a freeze while addresses that are pinned (`dns.pinFor`) do. By the wall clock: the other one may stand still meanwhile. */
export function createLambdaTransport(emit: (event: EgressEvent) => void, degraded: DegradedPort): ThawingTransport {
  const book = createAddressBook(createNameResolver().lookup, Date.now, degraded);
  return createThawingTransport(() => createUndiciTransport({ book, emit }), Date.now);
}
