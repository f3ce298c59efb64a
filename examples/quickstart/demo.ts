import { parseArgs } from "node:util";
import { STORIES } from "./stories.ts";
import { createCallJournal, type StoryResult, tellStory } from "./story.ts";
import { openWorld } from "./world.ts";

// npm run demo: starts the quickstart on free ports, plays the user stories with the official SDKs, and prints what happened.
// Exit 1 when a story did not go as told. --json prints the results for a program.

const { values } = parseArgs({ options: { json: { type: "boolean" } } });
process.exitCode = await main(values.json === true);

async function main(json: boolean): Promise<number> {
  const calls = createCallJournal();
  const world = await openWorld({ port: 0, freePorts: true, paceMs: 2, onCall: calls.add, onWord: () => {} });
  const results: StoryResult[] = [];
  try {
    for (const [index, story] of STORIES.entries()) {
      const result = await tellStory(story, world, calls);
      results.push(result);
      if (!json) printStory(index + 1, result);
    }
  } finally {
    await world.stop();
  }
  const failed = results.filter((result) => !result.ok).length;
  if (json) console.log(JSON.stringify({ ok: failed === 0, stories: results, calls: calls.all }, null, 2));
  else console.log(`\n${results.length - failed} of ${results.length} stories went as told, in ${calls.all.length} calls.`);
  return failed === 0 ? 0 : 1;
}

function printStory(number: number, result: StoryResult): void {
  console.log(`\n${number}. ${result.title}${result.ok ? "" : "   (NOT as told)"}`);
  for (const line of result.lines) console.log(`   ${line}`);
}
