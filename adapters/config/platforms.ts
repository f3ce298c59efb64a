import type { Platform, TransportFeature } from "../../src/index.ts";
import { FETCH_TRANSPORT_FEATURES } from "../transport/fetch-transport.ts";
import { NODE_TRANSPORT_FEATURES } from "../transport/undici-transport.ts";

/** The transport of Node, behind doors that hand in whole requests: no connection of a caller can be joined with anything. */
const LAMBDA_FEATURES: ReadonlySet<TransportFeature> = new Set([...NODE_TRANSPORT_FEATURES].filter((feature) => feature !== "upgrade"));

/** What each platform can honour, for compilers that open no socket. */
export const PLATFORMS: Readonly<Record<Platform["name"], Platform>> = {
  knative: { name: "knative", features: NODE_TRANSPORT_FEATURES },
  lambda: { name: "lambda", features: LAMBDA_FEATURES },
  workers: { name: "workers", features: FETCH_TRANSPORT_FEATURES },
};
