import { expect, it } from "vitest";
import { authorityPort } from "../../../src/lib/authority-port.ts";

it.each([
  ["host:8080", 8080],
  ["host", null],
  ["[::1]:8080", 8080],
  ["[::1]", null],
  ["host:abc", null],
] as const)("reads the port of %s as %s", (authority, port) => {
  expect(authorityPort(authority)).toBe(port);
});
