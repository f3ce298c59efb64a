import type { Platform } from "../../src/index.ts";
import { FETCH_TRANSPORT_FEATURES } from "../transport/fetch-transport.ts";
import { NODE_TRANSPORT_FEATURES } from "../transport/undici-transport.ts";

/** What each platform can honour, for compilers that open no socket. */
export const PLATFORMS: Readonly<Record<Platform["name"], Platform>> = {
  knative: { name: "knative", features: NODE_TRANSPORT_FEATURES },
  lambda: { name: "lambda", features: NODE_TRANSPORT_FEATURES },
  workers: { name: "workers", features: FETCH_TRANSPORT_FEATURES },
};
