/** Far above what etcd stores of one object (1.5 MiB): a longer line is not a watch. */
const MAX_LINE = 16 * 1024 * 1024;

/** Reads a stream of JSON documents, one a line, to its end. Rejects on a line that is not JSON or longer than 16 Mi characters; the body is consumed or cancelled. */
export async function readLines(body: ReadableStream<Uint8Array>, onLine: (line: unknown) => void): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      rest += decoder.decode(value, { stream: true });
      let start = 0;
      for (let end = rest.indexOf("\n"); end !== -1; end = rest.indexOf("\n", start)) {
        const line = rest.slice(start, end);
        start = end + 1;
        if (line.trim() !== "") onLine(JSON.parse(line));
      }
      if (start > 0) rest = rest.slice(start);
      if (rest.length > MAX_LINE) throw new Error("a line of the watch is too long");
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
