import { sha256Hex } from "../lib/sha-256.ts";
import { fileHeaders } from "./page-headers.ts";

/** The two files of the page, as the platform has them. */
export interface PageFiles {
  /** The text of a file; null: this build has none. Reads once or often, as it likes. */
  read(name: PageFileName): Promise<string | null>;
  /** False where the platform compresses answers by itself. */
  readonly compress: boolean;
}

export type PageFileName = "script.js" | "style.css";

interface HeldFile {
  readonly text: string;
  readonly tag: string;
  readonly zipped: Uint8Array<ArrayBuffer> | null;
}

const TYPES: Readonly<Record<PageFileName, string>> = { "script.js": "text/javascript; charset=utf-8", "style.css": "text/css; charset=utf-8" };

/** Serves the files, which hold nothing of anybody and so are open. */
export function createFileDesk(files: PageFiles): (name: PageFileName, request: Request) => Promise<Response> {
  const held = new Map<PageFileName, HeldFile>();
  return async (name, request) => {
    let file = held.get(name);
    if (file === undefined) {
      const text = await files.read(name);
      if (text === null) return new Response("the page is not part of this build\n", { status: 503, headers: fileHeaders({ "content-type": "text/plain" }) });
      file = { text, tag: sha256Hex(text).slice(0, 32), zipped: files.compress ? await zip(text) : null };
      held.set(name, file);
    }
    const zipped = /\bgzip\b/i.test(request.headers.get("accept-encoding") ?? "") ? file.zipped : null;
    // What is compressed is another representation (RFC 9110, section 8.8.3).
    const etag = `"${file.tag}${zipped === null ? "" : "-gzip"}"`;
    const headers = fileHeaders({ "content-type": TYPES[name], etag, vary: "accept-encoding" });
    if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304, headers });
    return zipped === null ? new Response(file.text, { headers }) : new Response(zipped, { headers: { ...headers, "content-encoding": "gzip" } });
  };
}

async function zip(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const body = new Response(text).body?.pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(body ?? null).arrayBuffer());
}
