import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

/** The two files of the page at /-/console, each in one piece: a browser loads nothing else. */
export async function buildConsolePage(): Promise<{ readonly script: string; readonly style: string }> {
  const { outputFiles } = await build({
    entryPoints: { script: "console/script.ts", style: "console/style.css" },
    outdir: ".",
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: ["es2022", "chrome109", "firefox115", "safari16"],
    mainFields: ["module", "main"],
    legalComments: "none",
    banner: { js: "/* with preact, htm and uPlot (MIT) */" },
    logLevel: "error",
  });
  const textOf = (end: string): string => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? "";
  return { script: textOf("script.js"), style: textOf("style.css") };
}

/** Writes them under names of the caller's. Each beside itself first: others may be reading. */
export async function writeConsolePage(folder: string, nameOf: (name: "script.js" | "style.css") => string): Promise<void> {
  const { script, style } = await buildConsolePage();
  for (const [name, text] of [
    ["script.js", script],
    ["style.css", style],
  ] as const) {
    const path = join(folder, nameOf(name));
    await writeFile(`${path}.${process.pid}.new`, text);
    await rename(`${path}.${process.pid}.new`, path);
  }
}
