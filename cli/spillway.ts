#!/usr/bin/env node
// Imports nothing by itself and uses nothing new: on an old Node everything else would end in a stack trace.
if (Number(process.versions.node.split(".")[0]) >= 22) {
  await import("./main.ts");
} else {
  process.stderr.write(`spillway: needs Node 22.21 or later, and this is ${process.versions.node}\n`);
  process.exitCode = 1;
}
