import { TOKEN_A, TOKEN_B } from "./manifests.ts";
import type { VectorRequest } from "./vector.ts";

const TOKENS = { a: TOKEN_A, b: TOKEN_B } as const;

/** The request of a case as it goes over the wire; `head`: its answer has no body. */
export function requestBytes(request: VectorRequest, id: string): { readonly bytes: Buffer; readonly head: boolean } {
  if (request.raw !== undefined) return { bytes: Buffer.from(request.raw, "latin1"), head: false };
  const { body, host = "egress.example", as = "a", headers = [], chunked } = request;
  const method = request.method ?? (body === undefined ? "GET" : "POST");
  const content = contentOf(body);
  const lines = [`${method} ${request.target} HTTP/1.1`, `host: ${host}`, `x-case: ${id}`];
  if (as !== "nobody") lines.push(`authorization: Bearer ${TOKENS[as]}`);
  if (typeof body === "object" && "json" in body) lines.push("content-type: application/json");
  for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  if (content !== null) lines.push(chunked === undefined ? `content-length: ${content.length}` : "transfer-encoding: chunked");
  if (!headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === "connection")) lines.push("connection: close");
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  const rest = content === null ? Buffer.alloc(0) : chunked === undefined ? content : inChunks(content, chunked);
  return { bytes: Buffer.concat([head, rest]), head: method === "HEAD" };
}

function contentOf(body: VectorRequest["body"]): Buffer | null {
  if (body === undefined) return null;
  if (typeof body === "string") return Buffer.from(body);
  return "fill" in body ? Buffer.alloc(body.fill, "y") : Buffer.from(JSON.stringify(body.json));
}

function inChunks(content: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < content.length; at += size) {
    const part = content.subarray(at, at + size);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n"));
  }
  return Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]);
}
