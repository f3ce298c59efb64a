import type { Platform } from "../../src/index.ts";
import { NODE_TRANSPORT_FEATURES } from "../transport/undici-transport.ts";

/** What the Node server can honour; `check` and `explain` compile against it without opening a socket. */
export function nodePlatform(): Platform {
  return { name: "knative", features: NODE_TRANSPORT_FEATURES };
}
