import { readFile } from "node:fs/promises";
import type { PageFiles } from "../../src/index.ts";

/** `npm run build` writes the page's files beside the code that it bundles; code that runs from its sources finds them in dist. */
const FOLDERS = [new URL(".", import.meta.url), new URL("../../dist/", import.meta.url)];

/** The page's files on Node and Lambda, read when a browser first asks for them. */
export const nodePageFiles: PageFiles = {
  compress: true,
  read: async (name) => {
    for (const folder of FOLDERS) {
      const text = await readFile(new URL(`console-${name}`, folder), "utf8").catch(() => null);
      if (text !== null) return text;
    }
    return null;
  },
};
