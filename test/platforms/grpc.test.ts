import {
  type CallOptions,
  Client,
  credentials,
  Metadata,
  type requestCallback,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type ServiceError,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { until } from "../fakes/outbound.ts";
import { type ServedBroker, serveManifests } from "../fakes/served-broker.ts";
import { reply, startUpstream } from "../fakes/upstream.ts";

const same = (bytes: Buffer) => bytes;
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});
const ECHO: ServiceDefinition = {
  Unary: method("Unary", false, false),
  Count: method("Count", false, true),
  Join: method("Join", true, false),
  Chat: method("Chat", true, true),
  Fail: method("Fail", false, false),
  Hang: method("Hang", false, false),
  Greet: method("Greet", true, true),
};

/** What the server saw. */
const seen = { metadata: [] as Metadata[], cancelled: 0, hanging: 0 };

function startEcho(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  server.addService(ECHO, {
    Unary: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      seen.metadata.push(call.metadata);
      const trailer = new Metadata();
      trailer.set("x-tail", "behind");
      trailer.set("tail-bin", Buffer.from([0, 255, 7]));
      done(null, call.request, trailer);
    },
    Count: (call: ServerWritableStream<Buffer, Buffer>) => {
      for (let i = 0; i < Number(call.request.toString()); i += 1) call.write(Buffer.from(String(i)));
      call.end();
    },
    Join: (call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      const parts: Buffer[] = [];
      call.on("data", (part: Buffer) => parts.push(part));
      call.on("end", () => done(null, Buffer.concat(parts)));
    },
    Chat: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on("data", (part: Buffer) => call.write(Buffer.from(`heard ${part.toString()}`)));
      call.on("end", () => call.end());
      call.on("cancelled", () => {
        seen.cancelled += 1;
      });
    },
    Fail: (_call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      const metadata = new Metadata();
      metadata.set("x-why", "because");
      done({ code: status.FAILED_PRECONDITION, details: "nicht so: 100 %", metadata });
    },
    Hang: (call: ServerUnaryCall<Buffer, Buffer>) => {
      seen.hanging += 1;
      call.on("cancelled", () => {
        seen.cancelled += 1;
      });
    },
    // Says who it is before it is asked anything.
    Greet: (call: ServerDuplexStream<Buffer, Buffer>) => {
      const hello = new Metadata();
      hello.set("x-server", "echo");
      call.sendMetadata(hello);
      call.on("data", (part: Buffer) => {
        call.write(part);
        call.end();
      });
    },
  });
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => (error === null ? resolve({ server, port }) : reject(error)));
  });
}

function metadata(token: string | null = CALLER_TOKEN): Metadata {
  const made = new Metadata();
  if (token !== null) made.set("authorization", `Bearer ${token}`);
  return made;
}

describe("gRPC through the broker (HTTPRouteBackendProtocolH2C)", () => {
  let echo: Awaited<ReturnType<typeof startEcho>>;
  let plain: Awaited<ReturnType<typeof startUpstream>>;
  let broker: ServedBroker;
  let client: Client;

  beforeAll(async () => {
    echo = await startEcho();
    plain = await startUpstream((socket) => socket.write(reply("{}")));
    const rule = (path: string, name: string, more = "") =>
      `  - matches: [{path: {type: PathPrefix, value: ${path}}}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]\n${more}`;
    const manifests = testManifests({
      backends: [
        { name: "echo", port: echo.port, protocol: "H2C" },
        { name: "plain", port: plain.port },
        { name: "gone", port: 1, protocol: "H2C" },
      ],
      rules: [rule("/test.Echo", "echo"), rule("/plain.Echo", "plain"), rule("/gone.Echo", "gone")].join(""),
    });
    broker = await serveManifests(manifests);
    client = new Client(`127.0.0.1:${broker.port}`, credentials.createInsecure(), { "grpc.max_receive_message_length": -1 });
  });
  afterAll(async () => {
    client.close();
    await broker.stop();
    echo.server.forceShutdown();
    await plain.close();
  });

  interface Unary {
    readonly error: ServiceError | null;
    readonly answer: Buffer | null;
    readonly trailers: Metadata | null;
  }
  function unary(path: string, message: Buffer | string, options: CallOptions = {}, sent = metadata()): Promise<Unary> {
    return new Promise((resolve) => {
      let trailers: Metadata | null = null;
      let finished: Omit<Unary, "trailers"> | null = null;
      const finish = () => {
        if (finished !== null && (trailers !== null || finished.error !== null)) resolve({ ...finished, trailers });
      };
      const done: requestCallback<Buffer> = (error, answer) => {
        finished = { error, answer: answer ?? null };
        finish();
      };
      const call = client.makeUnaryRequest(path, same, same, Buffer.from(message), sent, options, done);
      call.on("status", (end) => {
        trailers = end.metadata;
        finish();
      });
    });
  }

  it("a unary call with its trailers; the caller's credential stays behind", async () => {
    const { error, answer, trailers } = await unary("/test.Echo/Unary", "hello");
    expect(error).toBeNull();
    expect(answer?.toString()).toBe("hello");
    expect(trailers?.get("x-tail")).toEqual(["behind"]);
    expect(trailers?.get("tail-bin")).toEqual([Buffer.from([0, 255, 7])]);
    expect(seen.metadata.at(-1)?.get("authorization")).toEqual([]);
    expect(seen.metadata.at(-1)?.get("via").length).toBe(1);
  });

  it("an empty message, and one of 3 MiB", async () => {
    expect((await unary("/test.Echo/Unary", "")).answer?.length).toBe(0);
    const large = Buffer.alloc(3 * 1_048_576, "x");
    expect((await unary("/test.Echo/Unary", large)).answer?.equals(large)).toBe(true);
  });

  it("a server's stream", async () => {
    const call = client.makeServerStreamRequest("/test.Echo/Count", same, same, Buffer.from("1000"), metadata());
    const got: string[] = [];
    for await (const part of call) got.push(String(part));
    expect(got.length).toBe(1_000);
    expect(got.at(-1)).toBe("999");
  });

  it("a client's stream", async () => {
    const joined = await new Promise<Buffer | undefined>((resolve, reject) => {
      const call = client.makeClientStreamRequest<Buffer, Buffer>("/test.Echo/Join", same, same, metadata(), (error, answer) =>
        error === null ? resolve(answer) : reject(error),
      );
      for (let i = 0; i < 100; i += 1) call.write(Buffer.from(`${i},`));
      call.end();
    });
    expect(joined?.toString()).toBe(Array.from({ length: 100 }, (_, i) => `${i},`).join(""));
  });

  it("both at once: each message is answered before the next is sent", async () => {
    const call = client.makeBidiStreamRequest<Buffer, Buffer>("/test.Echo/Chat", same, same, metadata());
    const got: string[] = [];
    const ended = new Promise<number>((resolve) => call.on("status", (end) => resolve(end.code)));
    call.on("data", (part: Buffer) => {
      got.push(part.toString());
      if (got.length < 5) call.write(Buffer.from(String(got.length)));
      else call.end();
    });
    call.write(Buffer.from("0"));
    expect(await ended).toBe(status.OK);
    expect(got).toEqual(["heard 0", "heard 1", "heard 2", "heard 3", "heard 4"]);
  });

  it("a caller that waits for the head before its first message gets it", async () => {
    const call = client.makeBidiStreamRequest<Buffer, Buffer>("/test.Echo/Greet", same, same, metadata());
    const head = await new Promise<Metadata>((resolve) => call.on("metadata", resolve));
    expect(head.get("x-server")).toEqual(["echo"]);
    const answered = new Promise<string>((resolve) => call.on("data", (part: Buffer) => resolve(part.toString())));
    call.write(Buffer.from("now"));
    expect(await answered).toBe("now");
    call.end();
  });

  it("an error with its status, its text and its metadata", async () => {
    const { error } = await unary("/test.Echo/Fail", "x");
    expect([error?.code, error?.details, error?.metadata.get("x-why")]).toEqual([status.FAILED_PRECONDITION, "nicht so: 100 %", ["because"]]);
  });

  it("a method that the server does not have: an answer of trailers only is an answer", async () => {
    const { error } = await unary("/test.Echo/None", "x");
    expect(error?.code).toBe(status.UNIMPLEMENTED);
    expect(error?.metadata.get("x-egress-backend").length).toBe(1);
  });

  it("the caller's deadline ends the call at the server too", async () => {
    const before = seen.cancelled;
    const { error } = await unary("/test.Echo/Hang", "x", { deadline: Date.now() + 2_000 });
    expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
    await until(() => seen.cancelled > before, "the server hears of the end");
  });

  it("grpc-timeout alone bounds the call: the broker says DEADLINE_EXCEEDED", async () => {
    const sent = metadata();
    sent.set("grpc-timeout", "200m");
    const { error } = await unary("/test.Echo/Hang", "x", {}, sent);
    expect([error?.code, error?.metadata.get("x-egress-error")]).toEqual([status.DEADLINE_EXCEEDED, ["upstream_timeout"]]);
  });

  it("a caller that cancels ends the server's work", async () => {
    const before = seen.cancelled;
    const hanging = seen.hanging;
    const call = client.makeUnaryRequest("/test.Echo/Hang", same, same, Buffer.from("x"), metadata(), () => {});
    await until(() => seen.hanging > hanging, "the server is called");
    call.cancel();
    await until(() => seen.cancelled > before, "the server hears of it");
  });

  it("a caller that cancels a stream ends it at the server", async () => {
    const before = seen.cancelled;
    const call = client.makeBidiStreamRequest<Buffer, Buffer>("/test.Echo/Chat", same, same, metadata());
    call.on("error", () => {});
    const answered = new Promise((resolve) => call.on("data", resolve));
    call.write(Buffer.from("x"));
    await answered;
    call.cancel();
    await until(() => seen.cancelled > before, "the server hears of it");
  });

  it("50 calls at once over one connection", async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => unary("/test.Echo/Unary", `call ${i}`)));
    expect(answers.map(({ answer }) => answer?.toString())).toEqual(Array.from({ length: 50 }, (_, i) => `call ${i}`));
  });

  it.each([
    ["without a credential", "/test.Echo/Unary", null, status.UNAUTHENTICATED, "identity_missing"],
    ["with a wrong one", "/test.Echo/Unary", "wrong", status.UNAUTHENTICATED, "identity_rejected"],
    ["without a route", "/none.Echo/Unary", CALLER_TOKEN, status.UNIMPLEMENTED, "route_not_found"],
    ["toward HTTP/1.1", "/plain.Echo/Unary", CALLER_TOKEN, status.UNIMPLEMENTED, "translation_unsupported"],
    ["toward nobody", "/gone.Echo/Unary", CALLER_TOKEN, status.UNAVAILABLE, "upstream_unavailable"],
  ])("a call %s is refused as gRPC", async (_case, path, token, code, refusal) => {
    const { error } = await unary(path, "x", {}, metadata(token));
    expect([error?.code, error?.metadata.get("x-egress-error")]).toEqual([code, [refusal]]);
    expect(error?.details).not.toBe("");
    expect(plain.seen.length).toBe(0);
  });
});
