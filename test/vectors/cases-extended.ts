import type { Vector, VectorRequest } from "./vector.ts";

const preflight = (target: string, origin: string, method: string, headers: readonly string[] = []): VectorRequest => ({
  method: "OPTIONS",
  target,
  as: "nobody",
  headers: ["origin", origin, "access-control-request-method", method, ...headers],
});

/** The CORS filter (upstream: HTTPRouteCORS). A preflight has no credential, and none is asked of it. */
export const BROWSERS: readonly Vector[] = [
  {
    name: "a preflight is answered for the destination",
    area: "headers",
    request: preflight("/cors/x", "https://one.app.example", "PUT", ["access-control-request-headers", "x-one"]),
    expect: {
      status: 204,
      headers: {
        "access-control-allow-origin": "https://one.app.example",
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-headers": "x-one",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "x-two",
        "access-control-max-age": "600",
        vary: { like: ".*origin.*" },
        "x-egress-error": null,
      },
      body: "",
      upstream: [],
    },
  },
  {
    name: "a preflight from another origin is told nothing",
    area: "headers",
    request: preflight("/cors/x", "https://app.example", "PUT"),
    expect: { status: 204, headers: { "access-control-allow-origin": null, "access-control-allow-methods": null }, body: "", upstream: [] },
  },
  {
    name: "a preflight for anybody is given what it asks for",
    area: "headers",
    request: preflight("/cors-any", "https://who.example:8443", "DELETE", ["access-control-request-headers", "x-a, x-b"]),
    expect: {
      status: 204,
      headers: {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "DELETE",
        "access-control-allow-headers": "x-a, x-b",
        "access-control-allow-credentials": null,
      },
      upstream: [],
    },
  },
  {
    name: "an answer tells its page that it may be read, in place of what the destination says",
    area: "headers",
    request: { target: "/cors/x", headers: ["origin", "https://one.app.example"] },
    world: { plain: [{ headers: ["access-control-allow-origin", "*"], chunks: ["well"] }] },
    expect: {
      status: 200,
      headers: {
        "access-control-allow-origin": "https://one.app.example",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "x-two",
        "x-rule": "cors",
      },
      body: "well",
      upstream: ["plain"],
    },
  },
  {
    name: "an answer for another origin tells nothing",
    area: "headers",
    request: { target: "/cors/x", headers: ["origin", "https://evil.example"] },
    world: { plain: [{ headers: ["access-control-allow-origin", "*"], chunks: ["well"] }] },
    expect: { status: 200, headers: { "access-control-allow-origin": null, vary: { like: ".*origin.*" } }, upstream: ["plain"] },
  },
];

/** RequestMirror (upstream: HTTPRouteRequestMirror, HTTPRouteRequestMultipleMirrors, HTTPRouteRequestPercentageMirror). */
export const COPIES: readonly Vector[] = [
  {
    name: "a mirror gets the call too",
    area: "body",
    request: { target: "/copied/x?y=1", body: "hello" },
    expect: {
      status: 200,
      headers: { "x-rule": "copied", "x-egress-attempts": "1", "x-egress-backend": "XBackend/team-a/plain" },
      body: '{"well":true}',
      upstream: [{ backend: "plain", body: "hello" }],
      copies: [{ backend: "third", method: "POST", target: "/copied/x?y=1", body: "hello" }],
    },
  },
  {
    name: "a mirror that breaks off does not hurt the call",
    area: "body",
    request: { target: "/copied/x", body: "hello" },
    world: { third: ["break"] },
    expect: { status: 200, headers: { "x-egress-attempts": "1" }, body: '{"well":true}', upstream: ["plain"], copies: [{ backend: "third" }] },
  },
  {
    name: "a mirror gets a large body whole",
    area: "body",
    request: { target: "/copied/x", body: { fill: 200_000 } },
    expect: { status: 200, upstream: [{ backend: "plain", body: { bytes: 200_000 } }], copies: [{ backend: "third", body: { bytes: 200_000 } }] },
  },
  {
    name: "each of several mirrors gets the call",
    area: "body",
    request: { target: "/copied/twice" },
    expect: {
      status: 200,
      upstream: ["plain"],
      copies: [
        { backend: "third", method: "GET" },
        { backend: "other", method: "GET" },
      ],
    },
  },
  {
    name: "a mirror for no part of the calls gets none",
    area: "body",
    request: { target: "/copied/never" },
    expect: { status: 200, headers: { "x-rule": "copied-never" }, upstream: ["plain"] },
  },
];
