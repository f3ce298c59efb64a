// `npm run pack:twice`: builds a copy of this checkout in another folder, at another depth, and compares the package with the one of the build at hand. Exit 1 where they differ.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { packPackage } from "./pack-package.ts";

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), "spillway-twice-"));
try {
  const copy = join(folder, "another/depth/of/checkout");
  const { stdout } = await run("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], { maxBuffer: 16 * 1024 * 1024 });
  for (const path of stdout.split("\0").filter((one) => /^(?:src|adapters|cli|console|scripts)\/|^(?:package|tsconfig)[\w.-]*\.json$/.test(one))) {
    await mkdir(dirname(join(copy, path)), { recursive: true });
    await cp(path, join(copy, path));
  }
  await symlink(join(process.cwd(), "node_modules"), join(copy, "node_modules"));
  await run(process.execPath, ["scripts/build.ts"], { cwd: copy });
  const here = await packPackage("dist", join(folder, "here"));
  const there = await packPackage(join(copy, "dist"), join(folder, "there"));
  console.log(`${here.sha256}  here\n${there.sha256}  in another folder`);
  const differ = here.files.filter((path) => !there.files.includes(path));
  if (differ.length > 0) console.log(`only here: ${differ.join(", ")}`);
  if (here.sha256 !== there.sha256) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
