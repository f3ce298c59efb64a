import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEnvStore } from "../../adapters/secrets/env.ts";
import { createFileStore } from "../../adapters/secrets/file.ts";
import { createUndiciTransport } from "../../adapters/transport/undici-transport.ts";
import { createSecrets, type Secrets } from "../../src/credentials/create-secrets.ts";
import type { EgressEvent } from "../../src/model/event.ts";
import { createControlCall } from "../../src/transport/control-call.ts";
import { createFakeClock, type FakeClock } from "./clock.ts";

/** A question to a token endpoint, as it came. */
export interface TokenQuestion {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly form: URLSearchParams;
  readonly request: IncomingMessage;
}

export type TokenReply = (question: TokenQuestion, response: ServerResponse) => void | Promise<void>;

/** A token endpoint on loopback. Each question takes the next reply; the last one stays. */
export interface TokenServer {
  readonly url: string;
  readonly asked: TokenQuestion[];
  replies: TokenReply[];
  close(): Promise<void>;
}

export function json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): TokenReply {
  return (_, response) => void response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** A token that carries its number, so that two can be told apart. */
export function numbered(member = "access_token", life: Readonly<Record<string, unknown>> = { expires_in: 3_600 }): TokenReply {
  let count = 0;
  return (question, response) => {
    count += 1;
    return json({ token_type: "Bearer", [member]: `token-${count}`, ...life })(question, response);
  };
}

export async function startTokenServer(...replies: TokenReply[]): Promise<TokenServer> {
  const asked: TokenQuestion[] = [];
  const fake = { replies: [...replies] };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    // The machine's date is not the test's.
    response.sendDate = false;
    response.on("error", () => {});
    request.on("data", (bytes: Buffer) => parts.push(bytes));
    request.on("end", () => {
      const body = Buffer.concat(parts).toString();
      const question = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body, form: new URLSearchParams(body), request };
      asked.push(question);
      const reply = fake.replies.length > 1 ? fake.replies.shift() : fake.replies[0];
      void (reply ?? json({}, 500))(question, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    get replies() {
      return fake.replies;
    },
    set replies(next) {
      fake.replies = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The credentials of a broker with the real transport, a clock that stands still, and an environment of the test's own. */
export interface TokenWorld {
  readonly clock: FakeClock;
  readonly secrets: Secrets;
  readonly events: EgressEvent[];
  readonly environment: Record<string, string>;
  /** Writes a file and gives its path. */
  file(name: string, text: string): string;
  close(): Promise<void>;
}

export function createTokenWorld(options: { readonly shareFlights?: boolean; readonly random?: number } = {}): TokenWorld {
  const clock = createFakeClock();
  const transport = createUndiciTransport();
  const environment: Record<string, string> = {};
  const events: EgressEvent[] = [];
  const folder = mkdtempSync(join(tmpdir(), "spillway-tokens-"));
  const secrets = createSecrets({
    stores: [createEnvStore({ environment }), createFileStore()],
    clock,
    random: () => options.random ?? 0,
    emit: (event) => void events.push(event),
    call: createControlCall(transport, clock),
    ...(options.shareFlights === undefined ? {} : { shareFlights: options.shareFlights }),
  });
  return {
    clock,
    secrets,
    events,
    environment,
    file(name, text) {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    },
    close: async () => {
      await transport.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A key pair as PEM. */
export function keyPair(type: "rsa" | "ec" | "ed25519" = "rsa"): { readonly privatePem: string; readonly publicPem: string } {
  const keys =
    type === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: 2048 })
      : type === "ec"
        ? generateKeyPairSync("ec", { namedCurve: "P-256" })
        : generateKeyPairSync("ed25519");
  return {
    privatePem: keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicPem: keys.publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}
