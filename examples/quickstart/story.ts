import { setTimeout as sleep } from "node:timers/promises";
import type { LoggedCall } from "./logged-call.ts";
import type { World } from "./world.ts";

/** How one story went. */
export interface StoryResult {
  readonly title: string;
  readonly ok: boolean;
  /** What happened, in the order in which it did. */
  readonly lines: readonly string[];
}

/** What a story has at hand. */
export interface Stage {
  readonly world: World;
  readonly calls: CallJournal;
  /** A line of what happened. */
  say(line: string): void;
  /** A line that must be so for the story to count as told. */
  check(claim: string, holds: boolean): void;
}

export interface Story {
  readonly title: string;
  tell(stage: Stage): Promise<void>;
}

/** The calls that the broker has logged. */
export interface CallJournal {
  add(call: LoggedCall): void;
  readonly all: readonly LoggedCall[];
  /** The call with this request id; the log line follows the answer, so it may take a moment. Rejects after three seconds. */
  find(requestId: string | null): Promise<LoggedCall>;
}

export function createCallJournal(): CallJournal {
  const all: LoggedCall[] = [];
  return {
    all,
    add: (call) => {
      all.push(call);
    },
    find: async (requestId) => {
      for (let waited = 0; waited < 3000; waited += 20) {
        const call = all.find((one) => one.requestId === requestId);
        if (call !== undefined) return call;
        await sleep(20);
      }
      throw new Error(`the broker has no log line for the call ${requestId ?? "without an id"}`);
    },
  };
}

/** Tells one story; an exception is a story that did not go as told. */
export async function tellStory(story: Story, world: World, calls: CallJournal): Promise<StoryResult> {
  const lines: string[] = [];
  let ok = true;
  try {
    await story.tell({
      world,
      calls,
      say: (line) => lines.push(line),
      check: (claim, holds) => {
        ok &&= holds;
        lines.push(`${holds ? "yes" : "NO "}  ${claim}`);
      },
    });
  } catch (error) {
    ok = false;
    lines.push(`NO   ${error instanceof Error ? error.message : "it ended with something that is not an error"}`);
  }
  return { title: story.title, ok, lines };
}
