import askWith from "undici/lib/api/api-request.js";
import errors from "undici/lib/core/errors.js";
import Agent from "undici/lib/dispatcher/agent.js";
import Client from "undici/lib/dispatcher/client.js";

// What the broker uses of undici, by file: its index runs a browser's fetch, WebSockets, caches and mocks as well, which was a third of the
// start of the whole server. The version is pinned, and a test holds that these are the same classes that the index exports.
export { Agent, Client, errors };

/** undici's `request` over this agent. Rejects with undici's errors, and with the signal's reason. */
export function request(agent: Agent, url: URL, options: Omit<Parameters<typeof askWith>[0], "origin" | "path">): ReturnType<typeof askWith> {
  return askWith.call(agent, { ...options, origin: url.origin, path: `${url.pathname}${url.search}` });
}
