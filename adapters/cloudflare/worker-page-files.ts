import type { PageFiles } from "../../src/index.ts";

/** The page's files, uploaded beside the Worker's code and read when a browser first asks for them. Cloudflare compresses answers itself. */
export const workerPageFiles: PageFiles = {
  compress: false,
  read: async (name) => (name === "script.js" ? (await import("./console-script.bundle")).default : (await import("./console-style.bundle")).default),
};
