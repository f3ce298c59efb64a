// Pictures of the page at /-/console for docs/images, from the quickstart with real calls: `npm run build && node scripts/console-screenshots.ts`. Needs chromium.
// Any optimiser of PNG makes them a third as large afterwards.
// The broker lives through a week in half a minute, so that there is a week to be seen.
import { mkdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { openWorld, TOKENS, type World } from "../examples/quickstart/world.ts";
import { openPage, signIn, startBrowser } from "../test/fakes/browser.ts";
import { makeDemoCalls } from "../test/fakes/demo-calls.ts";

const FOLDER = "docs/images";
const SECONDS = 35;

process.env["SPILLWAY_FAST_CLOCK"] = `${Date.now()}`;
process.env["NODE_OPTIONS"] = `--import ${pathToFileURL("scripts/fast-clock.ts").href}`;
const world = await openWorld({ port: 0, freePorts: true, paceMs: 0, onCall: () => {}, onWord: () => {} });
delete process.env["NODE_OPTIONS"];
try {
  await callForAWeek(world);
  await takePictures(world);
} finally {
  await world.stop();
}

/** More by day than by night. */
async function callForAWeek(world: World): Promise<void> {
  const begun = Number(process.env["SPILLWAY_FAST_CLOCK"]);
  for (;;) {
    const passed = (Date.now() - begun) / (SECONDS * 1_000);
    if (passed >= 1.03) return;
    const hour = (((passed * 7) % 1) * 24 + 7) % 24;
    await makeDemoCalls(world, Math.max(0, Math.round(2 * Math.sin(((hour - 7) / 24) * 2 * Math.PI)) + 1), passed > 0.95);
    await sleep(60);
  }
}

/** Until one team has nothing left for this minute, and the other little. */
async function useUp(world: World): Promise<void> {
  await makeDemoCalls(world, 55, false);
  const headers = { authorization: `Bearer ${TOKENS["team-b"]}`, "content-type": "application/json" };
  const body = JSON.stringify({ model: "smart", messages: [{ role: "user", content: "Hello" }] });
  for (let status = 200; status !== 429; ) {
    const answer = await fetch(`${world.broker.url}/v1/chat/completions`, { method: "POST", headers, body });
    await answer.arrayBuffer();
    status = answer.status;
  }
}

/** Until its backend is taken out: that is what an operator opens the page for. What was out before has had the time to come back. */
async function breakOneProvider(world: World): Promise<void> {
  await world.tell("openai-eu", "ok", null);
  await sleep(40_000);
  await makeDemoCalls(world, 5, false);
  await world.tell("openai-us", "503", null);
  const headers = { authorization: `Bearer ${TOKENS["team-a"]}`, "content-type": "application/json" };
  const body = JSON.stringify({ model: "gpt-5.5-us", messages: [{ role: "user", content: "Hello" }] });
  for (let failures = 0; failures < 4; failures++)
    await (await fetch(`${world.broker.url}/v1/chat/completions`, { method: "POST", headers, body })).arrayBuffer();
}

async function takePictures(world: World): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  const browser = await startBrowser();
  try {
    const { page } = await openPage(browser, world.broker.url);
    await page.setViewport({ width: 1180, height: 760 });
    await signIn(page, world.broker.url, TOKENS["egress-system"]);
    const shoot = async (name: string, fragment: string): Promise<void> => {
      await page.goto(`${world.broker.url}/-/console#/${fragment}`);
      // What is there twice in a row has come.
      await page.waitForSelector("main table tbody tr");
      await sleep(700);
      await page.screenshot({ path: `${FOLDER}/console-${name}.png`, optimizeForSpeed: false });
    };
    await shoot("usage", "usage?since=7d&by=namespace,model&measure=tokens");
    await shoot("regions", "regions");
    await useUp(world);
    await shoot("limits", "limits");
    await shoot("incidents", "incidents");
    await breakOneProvider(world);
    await shoot("overview", "overview");
  } finally {
    await browser.close();
  }
}
