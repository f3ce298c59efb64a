import { PROVIDERS, TOKENS } from "./world.ts";

/** The text that `npm start` shows when everything runs. */
export function startScreen(url: string, generated: string): string {
  const providers = PROVIDERS.map(
    ({ name, region, port }) => `  ${name.padEnd(13)} region ${region}   https on 127.0.0.1:${port}, fault desk on 127.0.0.1:${port + 100}`,
  ).join("\n");
  return `
Copy and paste, in another terminal, in this folder:

  # a streamed call with curl
  curl -N ${url}/v1/chat/completions \\
    -H 'Authorization: Bearer ${TOKENS["team-a"]}' -H 'Content-Type: application/json' \\
    -d '{"model": "smart", "stream": true, "messages": [{"role": "user", "content": "Hello"}]}'

  # the OpenAI SDK: only its address and its key change
  OPENAI_BASE_URL=${url}/v1 OPENAI_API_KEY=${TOKENS["team-a"]} node --input-type=module -e '
    import OpenAI from "openai";
    const stream = await new OpenAI().chat.completions.create({ model: "smart", stream: true, messages: [{ role: "user", content: "Hello" }] });
    for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "\\n");'

  # the Anthropic SDK
  ANTHROPIC_BASE_URL=${url} ANTHROPIC_API_KEY=${TOKENS["team-a"]} node --input-type=module -e '
    import Anthropic from "@anthropic-ai/sdk";
    const message = await new Anthropic().messages.create({ model: "claude-demo-5", max_tokens: 200, messages: [{ role: "user", content: "Hello" }] });
    console.log(message.content[0].text, message.usage);'

  # the region lock: team-b asks for a model that only America has
  curl -i ${url}/v1/chat/completions \\
    -H 'Authorization: Bearer ${TOKENS["team-b"]}' -H 'Content-Type: application/json' \\
    -d '{"model": "gpt-5.5-us", "messages": [{"role": "user", "content": "Hello"}]}'

  # make the European provider refuse its next two calls, and call again: America answers
  curl http://127.0.0.1:18541/control -d '{"mode": "429", "count": 2}'
  # the other modes: 401 500 503 529 hang slow die-mid-stream ok; "count": null lasts until you say ok

  # what that provider saw: which credential, which headers
  curl http://127.0.0.1:18541/control

  # the same call as a CloudEvent; sent twice it is made once
  curl ${url}/-/events -H 'Authorization: Bearer ${TOKENS["team-a"]}' -H 'Prefer: reply' \\
    -H 'ce-specversion: 1.0' -H 'ce-id: order-7' -H 'ce-source: /shop' -H 'ce-type: dev.spillway.egress.request.v1' \\
    -H 'Content-Type: application/json' \\
    -d '{"url": "${url}/v1/chat/completions", "body": {"json": {"model": "smart", "messages": [{"role": "user", "content": "Hello"}]}}}'

  # why a call goes where it goes, without sending it
  npx spillway explain --as team-b/app -m examples/quickstart -m ${generated} \\
    ${url}/v1/chat/completions -d '{"model": "smart"}'

  # what runs, who used what, what is left, where calls may be processed: a page; sign in with ${TOKENS["egress-system"]}
  ${url}/-/console

  # the state of every manifest, backend and secret; what Prometheus reads
  curl ${url}/-/status -H 'Authorization: Bearer ${TOKENS["egress-system"]}'
  curl ${url}/-/metrics -H 'Authorization: Bearer ${TOKENS["egress-system"]}'

Demo providers:
${providers}

Health: ${url}/-/readyz

Spillway serves examples/quickstart on ${url}

  team-a   ${TOKENS["team-a"]}   may go anywhere
  team-b   ${TOKENS["team-b"]}   works with personal data: Europe only
  operator ${TOKENS["egress-system"]}

Calls to paste are above. The files to read are examples/quickstart/*.yaml. Where the README says $SPILLWAY_TOKEN:  export SPILLWAY_TOKEN=${TOKENS["team-a"]}

Edit a file in examples/quickstart, and it is served at once; a fault is shown here and changes nothing.
Ctrl-C stops all. Calls appear below as they end.
`;
}
