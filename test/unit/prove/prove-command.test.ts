import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testManifests } from "../../fakes/manifests.ts";

const BINARY = resolve(import.meta.dirname, "../../../dist/spillway.js");
let folder = "";

const policy = (target: string) =>
  `apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: eu, namespace: egress-system}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: ${target}}]\n  allow: {jurisdictions: [EU]}`;
const manifests = (region: string | undefined, target = "egress") =>
  testManifests({
    backends: [
      { name: "first", port: 8001, ...(region === undefined ? {} : { region }) },
      { name: "second", port: 8002, region: "eu-west-1" },
    ],
    group: ["second", "first"],
    more: policy(target),
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-prove-"));
  await writeFile(join(folder, "good.yaml"), manifests("us-east-1"));
  await writeFile(join(folder, "hole.yaml"), manifests(undefined));
  await writeFile(join(folder, "unattached.yaml"), manifests("us-east-1", "another"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function spillway(...args: string[]): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  return new Promise((done) => {
    const child = execFile(process.execPath, [BINARY, ...args], { timeout: 80_000, env: { PATH: process.env["PATH"] ?? "" } }, (_error, out, err) =>
      done({ code: child.exitCode, out, err }),
    );
  });
}

describe.concurrent("spillway prove", () => {
  it("prints what may be reached and what is refused", async () => {
    const { code, out } = await spillway("prove", "-m", join(folder, "good.yaml"));
    expect(out).toContain("may reach  IE");
    expect(out).toContain("refused  us-east-1");
    expect(out).toContain("prove: good");
    expect(code).toBe(0);
  });

  it("says the same of a bundle, and as JSON", async () => {
    const bundle = join(folder, "bundle");
    await spillway("compile", "-o", bundle, join(folder, "good.yaml"));
    const { code, out } = await spillway("prove", "--bundle", bundle, "--json", "--as", "team-a/assistant");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      holes: [],
      rules: [{ rule: "team-a/route/all", callers: { namespaces: ["team-a"], others: false }, countries: ["IE"] }],
    });
  });

  it("exits with 1 when something in a lock rests on nothing, or a lock is not attached", async () => {
    const [hole, unattached] = await Promise.all([spillway("prove", join(folder, "hole.yaml")), spillway("prove", join(folder, "unattached.yaml"))]);
    expect(hole.code).toBe(1);
    expect(hole.out).toContain("nothing says where XBackend/team-a/first processes");
    expect(unattached.code).toBe(1);
    expect(unattached.out).toContain("RegionPolicy egress-system/eu does not count");
  });

  it("is told of bad usage", async () => {
    expect((await spillway("prove", "--as", "Not/A/Name", "-m", folder)).code).toBe(2);
  });
});
