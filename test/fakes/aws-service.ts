import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isSigned, type SignatureScope } from "./aws-signature.ts";

/** A request that came, and whether its signature was right. */
export interface AwsRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly signed: boolean;
}

export type AwsReply = (request: AwsRequest, response: ServerResponse) => void;

/** Any service of AWS on loopback. Each request takes the next reply of `script`; the last one stays. What is signed wrongly is refused. */
export interface FakeAwsService {
  readonly url: string;
  readonly requests: AwsRequest[];
  script: AwsReply[];
  close(): Promise<void>;
}

/** An error as JSON services of AWS give it. */
export function awsError(type: string, status = 400): AwsReply {
  return (_, response) => answerJson(response, status, { __type: `com.amazonaws.test#${type}`, message: "told by the fake" });
}

export function awsAnswer(document: unknown): AwsReply {
  return (_, response) => answerJson(response, 200, document);
}

function answerJson(response: ServerResponse, status: number, document: unknown): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.0" }).end(JSON.stringify(document));
}

export async function startFakeAwsService(scope: SignatureScope): Promise<FakeAwsService> {
  const { now = Date.now } = scope;
  const requests: AwsRequest[] = [];
  const fake = { script: [awsAnswer({})] };
  const server = createServer(async (incoming, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const request: AwsRequest = {
      method: incoming.method ?? "",
      url: incoming.url ?? "",
      headers: incoming.headers,
      body,
      signed: await isSigned(incoming, body, scope),
    };
    requests.push(request);
    response.sendDate = false;
    response.setHeader("date", new Date(now()).toUTCString());
    if (!request.signed) return awsError("InvalidSignatureException", 403)(request, response);
    const reply = fake.script.length > 1 ? fake.script.shift() : fake.script[0];
    reply?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A TCP server's address is an AddressInfo once it listens.
  const { port } = server.address() as AddressInfo;
  return Object.assign(fake, {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
