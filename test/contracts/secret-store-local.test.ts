import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEnvStore } from "../../adapters/secrets/env.ts";
import { createFileStore } from "../../adapters/secrets/file.ts";
import { createKubernetesMountedStore } from "../../adapters/secrets/kubernetes-mounted.ts";
import { createNodeSecretStores } from "../../adapters/secrets/node-stores.ts";
import { Secret, type SecretLocation } from "../../src/index.ts";
import { testSecretStore } from "./secret-store.ts";

const signal = new AbortController().signal;
const asRoot = process.getuid?.() === 0;

/** Writes as the kubelet does: beside it, and then in its place at once. */
async function replace(path: string, value: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, value);
  await rename(`${path}.new`, path);
}

async function folder(): Promise<string> {
  return await mkdtemp(join(tmpdir(), "spillway-secrets-"));
}

testSecretStore("environment", async () => {
  const environment: Record<string, string> = {};
  return {
    store: createEnvStore({ environment }),
    put: async (name, value) => {
      environment[name] = value;
      return { provider: "env", name };
    },
    absent: { provider: "env", name: "constructor" },
    deny: null,
    outage: null,
    versioned: false,
    close: async () => {},
  };
});

testSecretStore("file", async () => {
  const root = await folder();
  const at = (name: string): SecretLocation => ({ provider: "file", path: join(root, name), jsonKey: null });
  return {
    store: createFileStore(),
    put: async (name, value) => {
      await replace(join(root, name), value);
      return at(name);
    },
    absent: at("absent"),
    deny: asRoot ? null : (location) => chmod(location.provider === "file" ? location.path : "", 0),
    outage: null,
    versioned: true,
    close: () => rm(root, { recursive: true }),
  };
});

testSecretStore("mounted Kubernetes Secret", async () => {
  const root = await folder();
  const at = (name: string): SecretLocation => ({ provider: "kubernetesSecret", namespace: "team-a", name, key: "value", inline: null });
  return {
    store: createKubernetesMountedStore({ root, namespace: null }),
    put: async (name, value) => {
      await replace(join(root, "team-a", name, "value"), value);
      return at(name);
    },
    absent: at("absent"),
    deny: async () => {
      await rm(join(root, "team-a", "denied", "value"));
      await symlink("/etc/hostname", join(root, "team-a", "denied", "value"));
    },
    outage: null,
    versioned: true,
    close: () => rm(root, { recursive: true }),
  };
});

describe("files", () => {
  let root: string;
  beforeAll(async () => {
    root = await folder();
    await writeFile(join(root, "real"), "sk-real");
    await symlink(join(root, "real"), join(root, "link"));
    await symlink("/proc/self/environ", join(root, "environment"));
    await symlink(join(root, "loop"), join(root, "loop"));
    await writeFile(join(root, "large"), "x".repeat(65_537));
    await writeFile(join(root, "largest"), "x".repeat(65_536));
    await writeFile(join(root, "binary"), new Uint8Array([0xff, 0xfe, 0x00]));
  });
  afterAll(() => rm(root, { recursive: true }));
  const read = (path: string) => createFileStore().fetch({ provider: "file", path, jsonKey: null }, signal);

  it("are read through links, for the kubelet makes such", async () => {
    expect((await read(join(root, "link"))).reveal()).toBe("sk-real");
    expect((await read(join(root, "largest"))).reveal()).toHaveLength(65_536);
  });

  it.each([
    ["relative", "secrets/key", "denied"],
    ["/proc/self/environ", "/proc/self/environ", "denied"],
    ["/dev/zero", "/dev/zero", "denied"],
    ["a NUL", "/tmp/a\0b", "denied"],
  ])("are refused: %s", async (_, path, reason) => {
    await expect(read(path)).rejects.toMatchObject({ name: "SecretStoreError", reason });
  });

  it.each([
    ["environment", "denied"],
    ["loop", "denied"],
    [".", "denied"],
    ["large", "malformed"],
    ["binary", "malformed"],
    ["real/below", "missing"],
  ])("are refused: %s", async (name, reason) => {
    await expect(read(join(root, name))).rejects.toMatchObject({ name: "SecretStoreError", reason });
  });

  it("that are swapped all the time give one value or the other, never a failure", async () => {
    const path = join(root, "swapped");
    await replace(path, "one");
    let swapping = true;
    const swaps = (async () => {
      for (let index = 0; swapping; index += 1) await replace(path, index % 2 === 0 ? "two" : "one");
    })();
    for (let index = 0; index < 200; index += 1) expect(["one", "two"]).toContain((await read(path)).reveal());
    swapping = false;
    await swaps;
  });
});

it("a volume that the kubelet updates, folder, link and all, never fails", async () => {
  const root = await folder();
  const volume = join(root, "team-a", "openai");
  const update = async (value: number) => {
    await mkdir(join(volume, `..${value}`), { recursive: true });
    await writeFile(join(volume, `..${value}`, "apiKey"), `sk-${value}`);
    await symlink(`..${value}`, join(volume, "..data_tmp"));
    await rename(join(volume, "..data_tmp"), join(volume, "..data"));
    await rm(join(volume, `..${value - 1}`), { recursive: true, force: true });
  };
  await update(0);
  await symlink(join("..data", "apiKey"), join(volume, "apiKey"));
  let updating = true;
  const updates = (async () => {
    for (let value = 1; updating; value += 1) await update(value);
  })();
  const store = createKubernetesMountedStore({ root, namespace: null });
  const location = { provider: "kubernetesSecret", namespace: "team-a", name: "openai", key: "apiKey", inline: null } as const;
  let last = -1;
  for (let index = 0; index < 500; index += 1) {
    const value = Number((await store.fetch(location, signal)).reveal().slice(3));
    expect(value).toBeGreaterThanOrEqual(last);
    last = value;
  }
  updating = false;
  await updates;
  await rm(root, { recursive: true });
  expect(last).toBeGreaterThan(0);
});

describe("mounted Kubernetes Secrets", () => {
  let root: string;
  beforeAll(async () => {
    root = await folder();
    await replace(join(root, "openai", "apiKey"), "sk-flat");
    await replace(join(root, "team-a", "openai", "apiKey"), "sk-team-a");
    await writeFile(join(root, "outside"), "sk-outside");
  });
  afterAll(() => rm(root, { recursive: true }));
  const store = () => createKubernetesMountedStore({ root, namespace: "egress-system" });
  const read = (namespace: string, name: string, key = "apiKey") => store().fetch({ provider: "kubernetesSecret", namespace, name, key, inline: null }, signal);

  it("are found by namespace, and without one only for the broker's own", async () => {
    expect((await read("team-a", "openai")).reveal()).toBe("sk-team-a");
    expect((await read("egress-system", "openai")).reveal()).toBe("sk-flat");
    await expect(read("team-b", "openai")).rejects.toMatchObject({ reason: "missing" });
  });

  it.each([
    ["..", "openai", "apiKey"],
    ["team-a", "..", "apiKey"],
    ["team-a", "openai", "../../outside"],
    ["team-a", "openai", ".."],
    ["team-a/openai", "x", "apiKey"],
    ["team-a", "openai", ""],
  ])("have no names that lead elsewhere: %s %s %s", async (namespace, name, key) => {
    await expect(read(namespace, name, key)).rejects.toMatchObject({ reason: "denied" });
  });

  it("are taken from the manifests where they stand there", async () => {
    const inline = new Secret("sk-inline", null);
    const location = { provider: "kubernetesSecret", namespace: "a", name: "b", key: "c", inline } as const;
    expect(await createKubernetesMountedStore({ root: null, namespace: null }).fetch(location, signal)).toBe(inline);
    await expect(createKubernetesMountedStore({ root: null, namespace: null }).fetch({ ...location, inline: null }, signal)).rejects.toMatchObject({
      reason: "missing",
    });
    await expect(createKubernetesMountedStore({ root: join(root, "gone"), namespace: "a" }).fetch({ ...location, inline: null }, signal)).rejects.toMatchObject(
      { reason: "missing" },
    );
  });
});

it("Node has a store for every provider but Workers bindings, each one once", () => {
  const stores = createNodeSecretStores({ environment: {} });
  expect(stores.flatMap((store) => [...store.providers]).sort()).toEqual(["awsSecretsManager", "env", "file", "googleSecretManager", "kubernetesSecret"]);
});
