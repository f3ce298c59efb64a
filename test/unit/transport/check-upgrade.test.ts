import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { upgradeFault } from "../../../src/transport/check-upgrade.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
/** The sample of RFC 6455 section 1.3. */
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const handshake = { key: KEY, protocols: [] };
const agreed = ["upgrade", "websocket", "sec-websocket-accept", ACCEPT];
const fault = (offered: readonly string[], answered: readonly string[]) => upgradeFault(handshake, offered, answered);

describe("the 101 of a destination", () => {
  it("is an agreement where it answers the key, in any case and with spaces around", async () => {
    expect(await fault([], agreed)).toBeNull();
    expect(await fault([], ["Upgrade", " WebSocket ", "Sec-WebSocket-Accept", ` ${ACCEPT} `])).toBeNull();
    const other = "c3BpbGx3YXktc3BpbGx3YQ==";
    const accept = createHash("sha1").update(`${other}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    expect(await upgradeFault({ ...handshake, key: other }, [], ["upgrade", "websocket", "sec-websocket-accept", accept])).toBeNull();
  });

  it.each<readonly [string, readonly string[], string]>([
    ["without Upgrade", agreed.slice(2), "another protocol"],
    ["to another protocol", ["upgrade", "h2c", ...agreed.slice(2)], "another protocol"],
    ["to two protocols", ["upgrade", "websocket", ...agreed], "another protocol"],
    ["without the answer to the key", agreed.slice(0, 2), "handshake's key"],
    ["with the answer to another key", ["upgrade", "websocket", "sec-websocket-accept", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="], "handshake's key"],
    ["with two answers", [...agreed, "sec-websocket-accept", ACCEPT], "handshake's key"],
    ["with the answer in another case", ["upgrade", "websocket", "sec-websocket-accept", ACCEPT.toLowerCase()], "handshake's key"],
  ])("%s is none", async (_name, answered, told) => {
    expect(await fault([], answered)).toContain(told);
  });

  it("may choose one of the subprotocols that were offered, and no other", async () => {
    const offered = ["Sec-WebSocket-Protocol", "realtime, chat", "sec-websocket-protocol", "mcp"];
    const chose = (...values: string[]) => fault(offered, [...agreed, ...values.flatMap((value) => ["Sec-WebSocket-Protocol", value])]);
    expect([await chose("chat"), await chose(" mcp "), await chose("realtime"), await chose()]).toEqual([null, null, null, null]);
    for (const values of [["other"], ["chat", "realtime"], ["chat, realtime"], [""]]) expect(await chose(...values)).toContain("subprotocol");
    expect(await fault([], [...agreed, "sec-websocket-protocol", "chat"])).toContain("subprotocol");
  });

  it("may choose extensions that were offered, with parameters of its own, and no other", async () => {
    const offered = ["sec-websocket-extensions", "permessage-deflate ; client_max_window_bits, x-a"];
    const chose = (value: string) => fault(offered, [...agreed, "Sec-WebSocket-Extensions", value]);
    expect([await chose("permessage-deflate; server_no_context_takeover"), await chose("x-a, permessage-deflate")]).toEqual([null, null]);
    for (const value of ["x-b", "x-a, x-b", "permessage", "permessage-deflate-2"]) expect(await chose(value)).toContain("extension");
    expect(await fault([], [...agreed, "sec-websocket-extensions", "x-a"])).toContain("extension");
  });
});
