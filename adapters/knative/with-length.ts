import type { HeaderList } from "../../src/index.ts";

/** Node frames an answer whose head was written first by chunks, unless the length is among the headers. */
export function withLength(headers: HeaderList, status: number, length: number): string[] {
  const list = [...headers];
  if (status === 204 || status === 304) return list;
  for (let i = 0; i < list.length; i += 2) {
    if (list[i]?.length !== 14 || list[i]?.toLowerCase() !== "content-length") continue;
    list[i + 1] = `${length}`;
    return list;
  }
  list.push("content-length", `${length}`);
  return list;
}
