import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { asList, asObject } from "../providers/json-fields.ts";
import type { Story } from "./story.ts";
import { TOKENS } from "./world.ts";

const SPILLWAY = fileURLToPath(new URL("../../dist/spillway.js", import.meta.url));

/** What all the calls before it used, as an operator sees it. */
export const whoUsedWhat: Story = {
  title: "Who used what",
  tell: async ({ world, calls, say, check }) => {
    const { url } = world.broker;
    const env = { ...process.env, SPILLWAY_URL: url, SPILLWAY_TOKEN: TOKENS["egress-system"] };
    say("$ spillway usage --by namespace,backend");
    const { stdout } = await promisify(execFile)(process.execPath, [SPILLWAY, "usage", "--by", "namespace,backend"], { env });
    for (const line of stdout.trimEnd().split("\n")) say(line);
    const json = await promisify(execFile)(process.execPath, [SPILLWAY, "usage", "--by", "namespace", "--json"], { env });
    const rows = asList(asObject(JSON.parse(json.stdout))["rows"]).map(asObject);
    const counted = (namespace: string, name: string) => Number(rows.find((row) => row["namespace"] === namespace)?.[name] ?? 0);
    for (const namespace of ["team-a", "team-b"]) {
      const own = calls.all.filter(({ caller }) => caller === `${namespace}/app`);
      check(`the ledger has every call of ${namespace}`, counted(namespace, "requests") === own.length && own.length > 0);
    }
    const tokens = calls.all.filter(({ caller }) => caller === "team-b/app").reduce((sum, call) => sum + (call.inputTokens ?? 0) + (call.outputTokens ?? 0), 0);
    check("and every token that the providers reported", counted("team-b", "inputTokens") + counted("team-b", "outputTokens") === tokens && tokens > 0);
    const refused = await fetch(`${url}/-/usage`, { headers: { authorization: `Bearer ${TOKENS["team-a"]}` } });
    check("a team may not read it", refused.status === 401);
    const everyCall = calls.all.every((call) => (call.caller !== null && call.route !== null) || call.refusal !== null);
    check("every call has a caller and a route, or a reason why it was refused", everyCall);
    const metrics = await (await fetch(`${url}/-/metrics`, { headers: { authorization: `Bearer ${TOKENS["egress-system"]}` } })).text();
    check("/-/metrics counts per namespace and service account", /namespace="team-b"/.test(metrics) && /serviceAccount="app"/.test(metrics));
  },
};
