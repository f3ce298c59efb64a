import { startLambda } from "../fakes/lambda-runtime.ts";
import { playVectors } from "./play.ts";

playVectors("lambda", async ({ manifests, secrets }) => {
  const broker = await startLambda({ manifests, env: { ...secrets, AWS_REGION: "us-east-1" } });
  return { port: Number(new URL(broker.url).port), stop: broker.stop };
});
