import { appendFileSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFileSource } from "../../../adapters/config/files.ts";
import type { ManifestSource } from "../../../src/index.ts";

let folder = "";
let watching = new AbortController();

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "manifests-")));
  watching = new AbortController();
});
afterEach(() => {
  watching.abort();
  rmSync(folder, { recursive: true, force: true });
});

const put = (name: string, text: string) => writeFileSync(join(folder, name), text);
const relative = (sources: readonly ManifestSource[]) => sources.map((source) => [source.path.replace(`${folder}/`, ""), source.text]);

describe("reading", () => {
  it("expands folders in a stable order and passes over what is not a manifest", async () => {
    mkdirSync(join(folder, "b"));
    mkdirSync(join(folder, ".git"));
    put("z.yaml", "z");
    put("a.json", "a");
    put("b/c.yml", "c");
    put("notes.txt", "no");
    put(".hidden.yaml", "no");
    put(".git/x.yaml", "no");
    expect(relative(await createFileSource({ paths: [folder] }).read())).toEqual([
      ["a.json", "a"],
      ["b/c.yml", "c"],
      ["z.yaml", "z"],
    ]);
  });

  it("takes a file of any name when it is named, and each file once", async () => {
    put("manifest", "m");
    put("a.yaml", "a");
    symlinkSync(join(folder, "a.yaml"), join(folder, "b.yaml"));
    symlinkSync(folder, join(folder, "loop"));
    expect(relative(await createFileSource({ paths: [join(folder, "manifest"), folder, join(folder, "a.yaml")] }).read())).toEqual([
      ["manifest", "m"],
      ["a.yaml", "a"],
    ]);
  });

  it("reads a mounted ConfigMap without duplicates", async () => {
    mountConfigMap("..2026_1", { "a.yaml": "one" });
    symlinkSync(join("..data", "a.yaml"), join(folder, "a.yaml"));
    expect(relative(await createFileSource({ paths: [folder] }).read())).toEqual([["a.yaml", "one"]]);
  });

  it("says which path is missing, and refuses what is not text", async () => {
    await expect(createFileSource({ paths: [join(folder, "gone")] }).read()).rejects.toThrow(/no manifests at .*gone/);
    writeFileSync(join(folder, "binary.yaml"), Buffer.from([0xff, 0xfe, 0x00]));
    await expect(createFileSource({ paths: [folder] }).read()).rejects.toThrow(/binary\.yaml is not UTF-8/);
  });
});

describe("nothing to read", () => {
  it("is an error that says what would have been read", async () => {
    put("notes.txt", "no");
    await expect(createFileSource({ paths: [folder] }).read()).rejects.toThrow(/no manifests at .*: no file there ends in \.yaml, \.yml or \.json/);
    put("a.yaml", "\n");
    await expect(createFileSource({ paths: [folder] }).read()).rejects.toThrow(/no manifests at .*: what is there is empty/);
  });
});

describe("watching", () => {
  /** Reads, starts to watch, and gives what is told. `pollMs` far away leaves only the file system's events. */
  async function watched(pollMs: number) {
    const told: [string, string][][] = [];
    const errors: Error[] = [];
    const source = createFileSource({
      paths: [folder],
      onChange: (sources) => told.push(relative(sources) as [string, string][]),
      onError: (error) => errors.push(error),
      signal: watching.signal,
      pollMs,
      debounceMs: 20,
    });
    await source.read();
    return { told, errors, next: () => until(() => told.length > 0, told) };
  }

  async function until<Value>(ready: () => boolean, value: Value): Promise<Value> {
    // The file system's events come when they come: waited for, but no longer than a test may take.
    for (let tries = 0; tries < 2_000 && !ready(); tries += 1) await wait(10);
    return value;
  }

  const NEVER = 3_600_000;

  it("tells of an edit in place", async () => {
    put("a.yaml", "one");
    const { next } = await watched(NEVER);
    appendFileSync(join(folder, "a.yaml"), " two");
    expect((await next()).at(-1)).toEqual([["a.yaml", "one two"]]);
  });

  it("tells of a file that another was renamed over", async () => {
    put("a.yaml", "one");
    const { next } = await watched(NEVER);
    put("a.yaml.tmp", "two");
    renameSync(join(folder, "a.yaml.tmp"), join(folder, "a.yaml"));
    expect((await next()).at(-1)).toEqual([["a.yaml", "two"]]);
  });

  it("tells of a new file, of one in a new folder, and of one that is gone", async () => {
    put("a.yaml", "one");
    const { told, next } = await watched(NEVER);
    mkdirSync(join(folder, "sub"));
    put("sub/b.yaml", "two");
    await next();
    expect(told.at(-1)).toEqual([
      ["a.yaml", "one"],
      ["sub/b.yaml", "two"],
    ]);
    told.length = 0;
    put("sub/b.yaml", "three");
    expect((await next()).at(-1)).toContainEqual(["sub/b.yaml", "three"]);
    told.length = 0;
    unlinkSync(join(folder, "a.yaml"));
    expect((await next()).at(-1)).toEqual([["sub/b.yaml", "three"]]);
  });

  it("tells of a swapped ConfigMap", async () => {
    mountConfigMap("..2026_1", { "a.yaml": "one" });
    symlinkSync(join("..data", "a.yaml"), join(folder, "a.yaml"));
    const { next } = await watched(NEVER);
    mountConfigMap("..2026_2", { "a.yaml": "two" });
    expect((await next()).at(-1)).toEqual([["a.yaml", "two"]]);
  });

  it("finds by looking what no event tells: a file outside that a symlink reaches", async () => {
    const outside = realpathSync(mkdtempSync(join(tmpdir(), "outside-")));
    writeFileSync(join(outside, "a.yaml"), "one");
    symlinkSync(join(outside, "a.yaml"), join(folder, "a.yaml"));
    const { next } = await watched(30);
    writeFileSync(join(outside, "a.yaml"), "two!");
    expect((await next()).at(-1)).toEqual([["a.yaml", "two!"]]);
    rmSync(outside, { recursive: true });
  });

  it("says nothing when a file is touched but not changed", async () => {
    put("a.yaml", "one");
    put("b.yaml", "two");
    const { told, next } = await watched(30);
    put("a.yaml", "one");
    await wait(120);
    put("b.yaml", "changed");
    await next();
    expect(told).toEqual([
      [
        ["a.yaml", "one"],
        ["b.yaml", "changed"],
      ],
    ]);
  });

  it("keeps what it has while the folder is gone, and goes on when it is back", async () => {
    put("a.yaml", "one");
    const { told, errors, next } = await watched(30);
    renameSync(folder, `${folder}-away`);
    await until(() => errors.length > 0, null);
    expect([told, errors.length > 0]).toEqual([[], true]);
    renameSync(`${folder}-away`, folder);
    put("a.yaml", "two");
    expect((await next()).at(-1)).toEqual([["a.yaml", "two"]]);
  });

  it("does not take a file that is just being rewritten for a wish to have no manifests, and says so once", async () => {
    put("a.yaml", "one");
    const { told, errors, next } = await watched(20);
    put("a.yaml", "");
    await until(() => errors.length > 0, null);
    await wait(100);
    expect([told, errors.length]).toEqual([[], 1]);
    put("a.yaml", "two");
    expect((await next()).at(-1)).toEqual([["a.yaml", "two"]]);
  });

  it("ends with its signal", async () => {
    put("a.yaml", "one");
    const { told } = await watched(20);
    watching.abort();
    put("a.yaml", "two");
    await wait(120);
    expect(told).toEqual([]);
  });
});

/** As the kubelet does: a new folder, and `..data` swapped to it by a rename. */
function mountConfigMap(version: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(folder, version));
  for (const [name, text] of Object.entries(files)) put(join(version, name), text);
  symlinkSync(version, join(folder, "..data_tmp"));
  renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
}
