import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes a folder for what takes long and is the same in every file of a run, and takes it away behind the last. */
export default function openRun(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "spillway-run-"));
  process.env["SPILLWAY_TEST_RUN"] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
