import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const STAGES = [
  "listener",
  "identity",
  "routing",
  "policy",
  "plan",
  "credentials",
  "providers",
  "transport",
  "stream",
  "attribution",
  "pricing",
  "events",
  "ledger",
  "console",
];
/** Rooms that put stages together, as the files directly in src do. */
const ROOMS_OF_A_CALL = ["call", "usage"];
const ROOMS_OF_CONFIGURATION = ["explain", "pages"];
const IMPORT = /(?:^|\n)\s*(?:import|export)\s(?:[^"';]*?\sfrom\s)?["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/g;

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function load(folder: string): SourceFile[] {
  return filesBelow(folder).map((path) => {
    const text = readFileSync(join(root, path), "utf8");
    const imports = [...text.matchAll(IMPORT)].map((match) => {
      const specifier = match[1] ?? match[2] ?? "";
      return specifier.startsWith(".") ? relative(root, resolve(root, dirname(path), specifier)) : specifier;
    });
    return { path, text, imports };
  });
}

const source = load("src");
const adapters = load("adapters");
const cli = load("cli");
const roomOf = (path: string) => path.split("/")[1] ?? "";

function offenders(files: readonly SourceFile[], isWrong: (file: SourceFile, specifier: string) => boolean): string[] {
  return files.flatMap((file) => file.imports.filter((specifier) => isWrong(file, specifier)).map((specifier) => `${file.path} imports ${specifier}`));
}

describe("the import table", () => {
  it("sees the files and their imports", () => {
    expect(source.length).toBeGreaterThan(40);
    expect(source.flatMap((file) => file.imports).length).toBeGreaterThan(100);
  });

  it("model imports model only, lib imports nothing", () => {
    expect(offenders(source, (file, specifier) => roomOf(file.path) === "model" && !specifier.startsWith("src/model/"))).toEqual([]);
    const foreign = offenders(source, (file, specifier) => roomOf(file.path) === "lib" && !specifier.startsWith("src/lib/"));
    expect(foreign).toEqual([]);
  });

  it("a stage imports model, lib and itself, never another stage", () => {
    const wrong = offenders(source, (file, specifier) => {
      const room = roomOf(file.path);
      if (!STAGES.includes(room) || !specifier.startsWith("src/")) return false;
      return ![`src/${room}/`, "src/model/", "src/lib/"].some((allowed) => specifier.startsWith(allowed));
    });
    expect(wrong).toEqual([]);
  });

  it("config imports stages, model and lib, and only what tells of a configuration and the roots of src import config", () => {
    const wrong = offenders(source, (file, specifier) => {
      const atRoot = file.path.split("/").length === 2;
      return specifier.startsWith("src/config/") && !["config", ...ROOMS_OF_CONFIGURATION].includes(roomOf(file.path)) && !atRoot;
    });
    expect(wrong).toEqual([]);
  });

  it("every folder of src is a stage, model, lib, config or a room that puts stages together", () => {
    const rooms = new Set(source.filter((file) => file.path.split("/").length > 2).map((file) => roomOf(file.path)));
    expect([...rooms].sort()).toEqual([...STAGES, "model", "lib", "config", ...ROOMS_OF_A_CALL, ...ROOMS_OF_CONFIGURATION].sort());
  });

  it("a call never reaches for pages or explanations", () => {
    const wrong = offenders(
      source,
      (file, specifier) => ROOMS_OF_A_CALL.includes(roomOf(file.path)) && ROOMS_OF_CONFIGURATION.some((room) => specifier.startsWith(`src/${room}/`)),
    );
    expect(wrong).toEqual([]);
  });

  it("adapters and cli reach src through src/index.ts, src/compiler.ts and src/offline.ts only", () => {
    const faces: readonly string[] = ["src/index.ts", "src/compiler.ts", "src/offline.ts"];
    expect(offenders([...adapters, ...cli], (_file, specifier) => specifier.startsWith("src/") && !faces.includes(specifier))).toEqual([]);
  });

  it("keeps each library in its room", () => {
    const home: Record<string, (path: string) => boolean> = {
      hono: (path) => path.startsWith("src/listener/") || path.startsWith("adapters/knative/"),
      "@hono/node-server": (path) => path.startsWith("adapters/knative/"),
      jose: (path) => ["src/identity/", "src/credentials/", "adapters/secrets/"].some((room) => path.startsWith(room)),
      aws4fetch: (path) => path.startsWith("adapters/aws/") || path.startsWith("src/credentials/"),
      oauth4webapi: (path) => path.startsWith("src/credentials/"),
      ioredis: (path) => path.startsWith("adapters/redis/"),
      devalue: (path) => path.startsWith("src/config/"),
      "@pydantic/genai-prices": (path) => path.startsWith("adapters/prices/"),
      "@opentelemetry/api": (path) => path.startsWith("src/attribution/") || path.startsWith("adapters/telemetry/"),
      undici: (path) => path.startsWith("adapters/transport/") || path.startsWith("adapters/events/"),
      re2js: (path) => path.startsWith("src/routing/"),
      zod: (path) => path.startsWith("src/config/"),
    };
    const wrong = offenders([...source, ...adapters, ...cli], (file, specifier) => {
      const library = specifier.startsWith("@") ? specifier.split("/").slice(0, 2).join("/") : (specifier.split("/")[0] ?? "");
      const allowed = home[library];
      return allowed !== undefined && !allowed(file.path);
    });
    expect(wrong).toEqual([]);
  });
});

describe("src has no platform of its own", () => {
  // The word must stand as a use, not inside a comment or a string.
  const code = source.map((file) => ({
    path: file.path,
    text: file.text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|`(?:[^`\\]|\\.)*`|"(?:[^"\\\n]|\\.)*"/g, ""),
  }));
  const forbidden: Record<string, RegExp> = {
    "a clock": /\bDate\.now\(|\bnew Date\(\s*\)|\bperformance\.now\(/,
    "a timer": /\b(?:setTimeout|setInterval|setImmediate)\(/,
    chance: /\bMath\.random\(/,
    "the console": /\bconsole\./,
    "the environment": /\bprocess\.|\bDeno\.|\bBun\./,
    // A signature such as `fetch(location: …)` declares a port, it calls nothing.
    fetch: /(?<![.\w])fetch\((?!\w+: )/,
    "a web stream": /\bnew (?:ReadableStream|TransformStream|WritableStream)\b/,
    "code from strings": /\bnew Function\b|\beval\(/,
  };
  for (const [what, pattern] of Object.entries(forbidden)) {
    it(`uses no ${what}`, () => {
      expect(code.filter((file) => pattern.test(file.text)).map((file) => file.path)).toEqual([]);
    });
  }

  it("imports nothing of Node", () => {
    expect(offenders(source, (_file, specifier) => specifier.startsWith("node:"))).toEqual([]);
  });

  it("has one caller of Transport.dispatch, the door", () => {
    expect(code.filter((file) => /\.dispatch\(/.test(file.text)).map((file) => file.path)).toEqual(["src/transport/send.ts"]);
  });

  it("reveals secrets in credentials, identity and nowhere else", () => {
    const allowed = ["src/credentials/", "src/identity/"];
    expect(code.filter((file) => /\.reveal\(\)/.test(file.text) && !allowed.some((folder) => file.path.startsWith(folder))).map((file) => file.path)).toEqual(
      [],
    );
  });
});

describe("size and house style", () => {
  it("keeps the pipeline under 150 lines and every file under 300 but for data", () => {
    const long = [...source, ...adapters, ...cli]
      .filter((file) => file.text.split("\n").length > 301 && !file.path.endsWith("region-data.ts"))
      .map((file) => file.path);
    expect(long).toEqual([]);
    const pipeline = source.find((file) => file.path === "src/pipeline.ts");
    expect(pipeline?.text.split("\n").length ?? 0).toBeGreaterThan(0);
    expect(pipeline?.text.split("\n").length ?? 999).toBeLessThanOrEqual(151);
  });

  it("keeps composition roots under 150 lines", () => {
    const roots = adapters.filter((file) => /adapters\/(?:knative|cloudflare|lambda)\/(?:main|worker|index|serve)\.ts$/.test(file.path));
    expect(roots.length).toBeGreaterThan(0);
    expect(roots.filter((file) => file.text.split("\n").length > 151).map((file) => file.path)).toEqual([]);
  });

  it("has no folder or file called utils, helpers, common or manager", () => {
    expect(
      [...source, ...adapters, ...cli].map((file) => file.path).filter((path) => /(?:utils|helpers|common|manager)/.test(path.replace(/secrets?-manager/, ""))),
    ).toEqual([]);
  });
});
