import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly needs?: string | readonly string[];
  readonly environment?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
  readonly strategy?: { readonly matrix: { readonly command?: readonly string[] } };
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly on: Readonly<Record<string, { readonly tags?: readonly string[] } | null>>;
  readonly permissions: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = join(import.meta.dirname, "../../.github/workflows");
const scripts = (JSON.parse(readFileSync(join(folder, "../../package.json"), "utf8")) as { readonly scripts: Record<string, string> }).scripts; // npm's own format
const workflows = readdirSync(folder).map((file) => {
  const text = readFileSync(join(folder, file), "utf8");
  return { file, text, workflow: parse(text) as Workflow }; // the forge's own format
});
const jobs = workflows.flatMap(({ file, workflow }) => Object.entries(workflow.jobs).map(([name, job]) => ({ file, name, job })));
const needsOf = ({ needs = [] }: Job) => (typeof needs === "string" ? [needs] : needs);
const jobsOf = (file: string) => workflows.find((one) => one.file === file)?.workflow.jobs ?? {};

describe("T26: the workflows", () => {
  it("T26: are read", () => {
    expect(workflows.map(({ file }) => file).sort()).toEqual(["checks.yml", "nightly.yml", "release.yml"]);
    expect(jobs.flatMap(({ job }) => job.steps).length).toBeGreaterThan(20);
  });

  it("T26: are not started by what strangers write with the rights of maintainers", () => {
    for (const { file, workflow } of workflows) {
      expect([file, Object.keys(workflow.on).filter((event) => !["pull_request", "push", "schedule", "workflow_dispatch"].includes(event))]).toEqual([
        file,
        [],
      ]);
    }
  });

  it("T26: give each job the rights that it names, and no other; only the publishing one may write or prove who it is", () => {
    for (const { file, workflow } of workflows) expect([file, workflow.permissions]).toEqual([file, {}]);
    for (const { file, name, job } of jobs) {
      const expected = name === "publish" ? { contents: "write", packages: "write", "id-token": "write", attestations: "write" } : { contents: "read" };
      expect([file, name, job.permissions]).toEqual([file, name, expected]);
    }
    expect(jobs.filter(({ name }) => name === "publish").map(({ file }) => file)).toEqual(["release.yml"]);
  });

  it("T26: hold no secret: none is asked for, where pull requests run least of all", () => {
    for (const { file, text } of workflows) expect([file, /\bsecrets\b(?!\.yml)\s*[.:[]/.test(text)]).toEqual([file, false]);
    for (const { file, text } of workflows) if (file !== "release.yml") expect([file, text.includes("github.token")]).toEqual([file, false]);
  });

  it("T26: use actions of the forge's own only, each by the digest of its commit, with its version beside it", () => {
    const used = jobs.flatMap(({ job }) => job.steps.flatMap(({ uses }) => uses ?? []));
    expect(used.filter((uses) => !/^actions\/[\w-]+@[0-9a-f]{40}$/.test(uses))).toEqual([]);
    for (const { text } of workflows) {
      for (const line of text.split("\n").filter((one) => /\buses:/.test(one))) expect(line).toMatch(/@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    }
    // One action, one commit.
    expect(new Set(used.map((uses) => uses.split("@")[0])).size).toBe(new Set(used).size);
  });

  it("T26: put nothing that others write (titles, branches, tags) into a shell's text", () => {
    const written = jobs.flatMap(({ file, job }) => job.steps.flatMap(({ run = "" }) => (run.match(/\$\{\{[^}]*\}\}/g) ?? []).map((one) => `${file}: ${one}`)));
    expect(written.filter((one) => !/: .{3} matrix\.command \}\}$/.test(one))).toEqual([]);
  });

  it("T26: leave no token in the checkout, and end by themselves", () => {
    for (const { file, name, job } of jobs) {
      expect([file, name, typeof job["timeout-minutes"]]).toEqual([file, name, "number"]);
      for (const step of job.steps)
        if (step.uses?.startsWith("actions/checkout@")) expect([file, name, step.with?.["persist-credentials"]]).toEqual([file, name, false]);
    }
  });

  it("T26: install what the lockfile says, by `npm ci` only, or the packed package without a registry", () => {
    const installs = jobs.flatMap(({ job }) =>
      job.steps.flatMap(({ run = "" }) => run.split("\n").filter((line) => /npm (?:i|install|ci|exec|update)\b|npx |curl |wget /.test(line))),
    );
    expect(installs.length).toBeGreaterThan(3);
    for (const line of installs) expect(line.trim()).toMatch(/^npm ci --no-audit --no-fund$|^npm install --global --ignore-scripts --offline \.\/\S+\.tgz$/);
  });

  it("T26: run scripts that there are", () => {
    const named = jobs.flatMap(({ job }) => [
      ...job.steps.flatMap(({ run = "" }) => [...run.matchAll(/npm run (?:--silent )?([\w:]+)/g)].map(([, name = ""]) => name)),
      ...(job.strategy?.matrix.command ?? []),
    ]);
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

describe("T26: the release", () => {
  const { build, checks, compare, publish } = jobsOf("release.yml");

  it("T26: starts from a tag of a version, and from nothing else", () => {
    const { on } = workflows.find(({ file }) => file === "release.yml")?.workflow ?? { on: {} };
    expect(on).toEqual({ push: { tags: ["v[0-9]+.[0-9]+.[0-9]+"] } });
    const first = build?.steps.find(({ run }) => run?.includes("GITHUB_REF_NAME"))?.run;
    expect(first).toContain("merge-base --is-ancestor");
  });

  it("T26: is built twice and compared, tried and checked, before it is published with a maintainer's leave", () => {
    expect(needsOf(publish ?? { steps: [] })).toEqual(["build", "checks", "compare"]);
    expect(needsOf(compare ?? { steps: [] })).toEqual(["build"]);
    expect(publish?.environment).toBe("release");
    expect(checks?.steps.at(-1)?.run).toBe(".ci/run");
    expect(compare?.steps.map(({ run }) => run)).toContain("diff -r built/released-one built/released-two");
  });

  it("T26: runs no code of a package where the tokens are", () => {
    for (const { run = "" } of publish?.steps ?? []) expect(run).not.toMatch(/\b(?:npm|npx|node)\b/);
  });

  it("T26: proves where the package, the SBOM and the image come from", () => {
    const attested = publish?.steps.filter(({ uses }) => uses?.startsWith("actions/attest@")).map((step) => step.with);
    expect(attested?.map((one) => Object.keys(one ?? {}))).toEqual([
      ["subject-path"],
      ["subject-path", "sbom-path"],
      ["subject-name", "subject-digest", "push-to-registry"],
    ]);
    expect(publish?.steps.some(({ run = "" }) => run.includes("--provenance mode=max --sbom true"))).toBe(true);
  });
});
