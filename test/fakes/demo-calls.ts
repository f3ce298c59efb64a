import { TOKENS, type World } from "../../examples/quickstart/world.ts";

type Team = keyof typeof TOKENS;

/** Makes calls of both teams through the quickstart: answers of two APIs and, where there is to be trouble, a failover and calls that the region lock refuses. */
export async function makeDemoCalls(world: World, rounds: number, withTrouble = true): Promise<void> {
  const post = async (team: Team, path: string, body: object): Promise<void> => {
    const headers = { authorization: `Bearer ${TOKENS[team]}`, "content-type": "application/json", "anthropic-version": "2023-06-01" };
    await (await fetch(`${world.broker.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) })).arrayBuffer();
  };
  const messages = [{ role: "user", content: "Write a sentence about rivers." }];
  for (let round = 0; round < rounds; round++) {
    await Promise.all([
      post("team-a", "/v1/chat/completions", { model: "smart", messages }),
      post("team-a", "/v1/chat/completions", { model: "gpt-5.5-mini", messages, stream: true }),
      post("team-a", "/v1/messages", { model: "claude-demo-5", max_tokens: 200, messages }),
      post("team-b", "/v1/chat/completions", { model: "smart", messages }),
      post("team-b", "/v1/messages", { model: "claude-demo-5", max_tokens: 200, messages }),
      post("team-a", "/v1/embeddings", { model: "text-embedding-demo", input: "rivers" }),
    ]);
  }
  if (!withTrouble) return;
  await world.tell("openai-eu", "503", 2);
  for (const team of ["team-a", "team-a"] as const) await post(team, "/v1/chat/completions", { model: "smart", messages });
  for (let index = 0; index < 3; index++) await post("team-b", "/v1/chat/completions", { model: "gpt-5.5-us", messages });
}
