import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const WAIT_MS = 230_000;

/**
 * Makes something in a folder that all files of this test run share, by whoever comes first; the others wait for it.
 * Gives the folder, which is not the caller's to remove; null: this is no test run. Rejects where the making failed, or took longer than 230 s.
 */
export async function onceARun(name: string, make: (folder: string) => Promise<unknown>): Promise<string | null> {
  const run = process.env["SPILLWAY_TEST_RUN"];
  if (run === undefined) return null;
  const [folder, told] = [join(run, name), join(run, `${name}.told`)];
  const isFirst = await mkdir(folder).then(
    () => true,
    () => false,
  );
  if (isFirst) {
    const failure = await make(folder).then(
      () => "",
      (error: unknown) => `${error}`,
    );
    // By a rename: nobody reads half of it.
    await writeFile(`${told}.part`, failure);
    await rename(`${told}.part`, told);
  }
  for (const end = performance.now() + WAIT_MS; performance.now() < end; await wait(50)) {
    const failure = await readFile(told, "utf8").catch(() => null);
    if (failure === "") return folder;
    if (failure !== null) throw new Error(failure);
  }
  throw new Error(`${name} was not made within ${WAIT_MS} ms`);
}
