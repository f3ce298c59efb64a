import { readFileSync } from "node:fs";

/** `start`: what Node reads before it serves; the others whole, with what is loaded later. */
export const BUNDLES = ["start", "node", "lambda", "worker"] as const;
export type BundleName = (typeof BUNDLES)[number];

/** Bytes of a package: on disk, and minified in each bundle that has something of it. */
export type Weights = { readonly disk: number } & { readonly [Name in BundleName]?: number };

/** What esbuild tells of a build. */
export interface Metafile {
  readonly outputs: Readonly<
    Record<
      string,
      {
        readonly entryPoint?: string;
        readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>>;
        readonly imports: readonly { readonly path: string; readonly kind: string }[];
      }
    >
  >;
}

const PACKAGE = /node_modules\/(?:@[^/]+\/)?[^/]+(?:\/node_modules\/(?:@[^/]+\/)?[^/]+)*/;

export const readMetafile = (path: string): Metafile => JSON.parse(readFileSync(path, "utf8")) as Metafile; // esbuild's own format

/** Bytes by package, under its path in the lockfile. `entryPoint`: only what is read with that entry, imports included; null: all. */
export function bytesByPackage({ outputs }: Metafile, entryPoint: string | null): ReadonlyMap<string, number> {
  const files = new Set(Object.keys(outputs).filter((path) => entryPoint === null || outputs[path]?.entryPoint === entryPoint));
  for (const file of files) {
    for (const { path, kind } of outputs[file]?.imports ?? []) if (kind === "import-statement" && path in outputs) files.add(path);
  }
  const sums = new Map<string, number>();
  for (const file of files) {
    for (const [input, { bytesInOutput }] of Object.entries(outputs[file]?.inputs ?? {})) {
      const path = PACKAGE.exec(input)?.[0];
      if (path !== undefined && bytesInOutput > 0) sums.set(path, (sums.get(path) ?? 0) + bytesInOutput);
    }
  }
  return sums;
}
