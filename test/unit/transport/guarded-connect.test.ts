import { TLSSocket } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { type AddressBook, createAddressBook } from "../../../adapters/transport/address-book.ts";
import { type Connection, type ConnectProfile, createGuardedConnect } from "../../../adapters/transport/guarded-connect.ts";
import { revocationOf } from "../../../adapters/transport/revocation.ts";
import { PLAIN_DNS } from "../../../src/index.ts";
import { createAuthority } from "../../fakes/certificates.ts";
import { tlsProfile, until } from "../../fakes/outbound.ts";
import { startUpstream, type Upstream } from "../../fakes/upstream.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function serve(...rest: Parameters<typeof startUpstream> extends [unknown, ...infer Rest] ? Rest : never): Promise<Upstream> {
  const upstream = await startUpstream(() => {}, ...rest);
  cleanups.push(() => upstream.close());
  return upstream;
}

/** Keeps the patience of each question. */
function noted(resolve: AddressBook["resolve"], patience: number[]): AddressBook["resolve"] {
  return (question, ms) => {
    patience.push(ms);
    return resolve(question, ms);
  };
}

function connector(port: number, changes: Partial<ConnectProfile> = {}, lookup = async (): Promise<readonly string[]> => ["127.0.0.1"]) {
  const patience: number[] = [];
  const resolver = { lookup, reverse: async () => [] };
  const book = createAddressBook(lookup, () => 0);
  const watched = { ...book, resolve: noted(book.resolve, patience) };
  const origin = { scheme: "http", hostname: "api.openai.com", port } as const;
  const dns = { ...PLAIN_DNS, allowCIDRs: ["127.0.0.1/32"] };
  const profile: ConnectProfile = { origin, tls: null, clientCertificate: null, revocation: null, dns, h2: false, ...changes };
  const connect = createGuardedConnect(profile, { book: watched, resolver, now: Date.now, emit: () => {} });
  return {
    patience,
    connect: async (ms: number): Promise<Connection> => {
      const connection = await connect(ms);
      cleanups.push(() => connection.socket.destroy());
      return connection;
    },
  };
}
const failureOf = async (connected: Promise<unknown>): Promise<unknown> => connected.catch((error: { readonly failure: unknown }) => error.failure);

describe("a connection", () => {
  it("says which address was dialled, that it is whole, and when and why it broke", async () => {
    const { port, sockets } = await serve();
    const connection = await connector(port).connect(5_000);
    expect(connection).toMatchObject({ address: "127.0.0.1", failed: false, errorCode: null });
    await until(() => sockets.size === 1, "the connection arrives");
    for (const socket of sockets) socket.resetAndDestroy();
    await until(() => connection.failed, "the connection breaks");
    expect(connection.errorCode).toBe("ECONNRESET");
  });

  it("is known by the first error that has a code: what its users make of its end comes later", async () => {
    const { port } = await serve();
    const connection = await connector(port).connect(5_000);
    const broken = (code?: string) => void connection.socket.emit("error", Object.assign(new Error("broken"), code === undefined ? {} : { code }));
    broken();
    expect(connection).toMatchObject({ failed: true, errorCode: null });
    broken("FIRST");
    broken("SECOND");
    expect(connection.errorCode).toBe("FIRST");
  });

  it("outlives the time that it had to come about", async () => {
    const { port, sockets } = await serve();
    const connection = await connector(port).connect(2_000);
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    expect([connection.socket.destroyed, sockets.size]).toEqual([false, 1]);
  });

  it("is read by its owner where it is plain HTTP/1.1, and in its own way where it speaks HTTP/2", async () => {
    const { port } = await serve();
    const held = async (h2: boolean) => (await connector(port, { h2 }).connect(5_000)).socket.readableHighWaterMark;
    expect([await held(false), await held(true)]).toEqual([32_769, 16_384]);
  });

  it("leaves the resolver half of its time, for the last good answer may have to do", async () => {
    const { port } = await serve();
    const { connect, patience } = connector(port);
    await connect(4_000);
    expect(patience).toEqual([2_000]);
  });
});

describe("a connection that does not come about in time", () => {
  it("fails while the name is looked up, and nobody is dialled when the answer comes late", async () => {
    const upstream = await serve();
    const late: { answer?: (addresses: readonly string[]) => void } = {};
    const { connect } = connector(upstream.port, {}, () => new Promise((resolve) => Object.assign(late, { answer: resolve })));
    expect(await failureOf(connect(30))).toEqual({ kind: "timeout", phase: "connect", message: "no connection within 30 ms" });
    late.answer?.(["127.0.0.1"]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(upstream.connections).toBe(0);
  });

  it("fails while the other end keeps silent in the handshake, and is closed", async () => {
    const upstream = await serve();
    const { connect } = connector(upstream.port, { tls: tlsProfile() });
    const failed = failureOf(connect(1_000));
    await until(() => upstream.connections === 1, "the connection arrives");
    expect(await failed).toMatchObject({ kind: "timeout", phase: "connect" });
    await until(() => upstream.sockets.size === 0, "the connection is closed");
  });
});

describe("the other end", () => {
  const authority = createAuthority();
  const leaf = authority.issue({ dnsNames: ["api.openai.com"] });
  const pem = { cert: leaf.certPem, key: leaf.keyPem };
  const tls = tlsProfile({ ca: authority.caPem });
  const withList = (list: string) => {
    const profile = { ...tls, crl: { pem: list, sources: [] } };
    return { tls: profile, revocation: revocationOf({ tls: profile, revocationLists: [] }) };
  };

  it("is checked before anything is said", async () => {
    const { port } = await serve(pem);
    const { socket } = await connector(port, { tls }).connect(5_000);
    expect(socket).toBeInstanceOf(TLSSocket);
    const strange = { tls: tlsProfile({ ca: createAuthority("another authority").caPem }) };
    expect(await failureOf(connector(port, strange).connect(5_000))).toMatchObject({ kind: "untrusted", reason: "wrong_ca" });
  });

  it("is not believed once its certificate is on the list", async () => {
    const { port } = await serve(pem);
    expect(await connector(port, withList(authority.revocationList())).connect(5_000)).toMatchObject({ failed: false });
    const revoked = connector(port, withList(authority.revocationList({ revoked: [leaf] })));
    expect(await failureOf(revoked.connect(5_000))).toMatchObject({ kind: "untrusted", reason: "revoked" });
  });

  it("is not even dialled with a list that has ended", async () => {
    const upstream = await serve(pem);
    const past = (days: number) => new Date(Date.now() - days * 86_400_000);
    const { connect, patience } = connector(upstream.port, withList(authority.revocationList({ thisUpdate: past(3), nextUpdate: past(1) })));
    expect(await failureOf(connect(5_000))).toMatchObject({ kind: "untrusted", reason: "crl_expired" });
    expect([patience, upstream.connections]).toEqual([[], 0]);
  });

  it("whatever goes wrong, is told of in our own words", async () => {
    const fault = () => {
      throw new Error("canary");
    };
    const broken = connector(1, { revocation: { lists: [], goodUntil: 0, fault } });
    expect(await failureOf(broken.connect(5_000))).toEqual({ kind: "connect", detail: "other", message: "the connection could not be made" });
  });
});
