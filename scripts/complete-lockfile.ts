// Completes package-lock.json after `npm install`. A registry that lacks the bindings of some platforms makes npm leave them
// out of the lockfile, and `npm ci` then refuses the whole of it. This adds them as npm would write them, without a digest:
// a machine of another platform installs them by version, and everyone else skips them.
import { readFile, writeFile } from "node:fs/promises";

interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const OPERATING_SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const lock = JSON.parse(await readFile("package-lock.json", "utf8")) as { packages: Record<string, LockedPackage> };
let added = 0;

for (const locked of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(locked.optionalDependencies ?? {})) {
    const path = `node_modules/${name}`;
    const platform = platformOf(name);
    // A range would have to be resolved, and what is no binding would be needed here.
    if (path in lock.packages || platform === null || !/^\d/.test(version)) continue;
    lock.packages[path] = { version, ...platform, ...(locked.dev === true ? { dev: true } : {}), optional: true };
    added += 1;
  }
}
const packages = Object.fromEntries(Object.entries(lock.packages).sort(([one], [other]) => (one < other ? -1 : 1)));
await writeFile("package-lock.json", `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
console.log(`package-lock.json: ${added} bindings of other platforms added`);

/** Reads `@scope/name-linux-x64-musl` and the like; null: the name tells no platform. */
function platformOf(name: string): Pick<LockedPackage, "os" | "cpu" | "libc"> | null {
  const words = (name.split("/").at(-1) ?? "").replace("windows", "win32").split("-");
  if (words.includes("wasm32")) return { cpu: ["wasm32"] };
  const os = words.find((word) => OPERATING_SYSTEMS.includes(word));
  const cpu = words.find((word) => /^(?:arm|arm64|ia32|x64|64|loong64|mips64el|ppc64|riscv64|s390x)$/.test(word));
  if (os === undefined || cpu === undefined) return null;
  const libc = words.some((word) => word.startsWith("musl")) ? ["musl"] : words.some((word) => word.startsWith("gnu")) ? ["glibc"] : null;
  return { os: [os], cpu: [cpu === "64" ? "x64" : cpu], ...(libc === null ? {} : { libc }) };
}
