import { expect, it } from "vitest";
import { isGuardedHeader } from "../../../src/config/guarded-headers.ts";

it.each([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
  "cdn-loop",
  "via",
  "x-gateway-model-name",
  "egress-chain",
  "egress-",
])("no manifest may touch %s", (name) => {
  expect(isGuardedHeader(name)).toBe(true);
});

it.each(["authorization", "x-egress-note", "egress", "not-egress-", "hosts", ""])("a manifest may touch %j", (name) => {
  expect(isGuardedHeader(name)).toBe(false);
});
