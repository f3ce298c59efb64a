import { open } from "node:fs/promises";

/** As the parser's own limit: bytes of one file. */
const MAX_BYTES = 16 * 1024 * 1024;

/** The text of a file; rejects when it is not UTF-8 or larger than 16 MiB. */
export async function readManifestFile(path: string): Promise<string> {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${path} cannot be read: ${error.code === "EACCES" ? "this user may not" : (error.code ?? "unknown reason")}`);
  });
  try {
    const { size } = await file.stat();
    if (size > MAX_BYTES) throw new Error(`${path} is larger than ${MAX_BYTES} bytes`);
    return decode(await file.readFile(), path);
  } finally {
    await file.close();
  }
}

/** Everything that comes on standard input, within the same limit. */
export async function readStandardInput(): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    const bytes = typeof chunk === "string" ? new TextEncoder().encode(chunk) : (chunk as Uint8Array); // without an encoding stdin gives Buffers
    size += bytes.length;
    if (size > MAX_BYTES) throw new Error(`standard input is larger than ${MAX_BYTES} bytes`);
    chunks.push(bytes);
  }
  return decode(Buffer.concat(chunks), "-");
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${path} is not UTF-8 text`);
  }
}
