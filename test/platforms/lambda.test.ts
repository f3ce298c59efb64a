import { expect, it } from "vitest";
import { startLambda } from "../fakes/lambda-runtime.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { startProvider } from "../fakes/provider.ts";

it("answers", async () => {
  const provider = await startProvider();
  const lambda = await startLambda({ manifests: testManifests({ backends: [{ name: "one", port: provider.port, key: "k" }] }) });
  const t = performance.now();
  const answer = await fetch(`${lambda.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${CALLER_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "m", stream: true, messages: [] }),
  });
  console.log(answer.status, [...answer.headers], await answer.text(), performance.now() - t);
  console.log(lambda.stdout(), lambda.stderr());
  expect(answer.status).toBe(200);
  await lambda.stop();
  await provider.close();
});
