import { startBroker } from "../fakes/broker-process.ts";
import { playVectors } from "./play.ts";

playVectors("node", async ({ manifests, secrets }) => {
  const broker = await startBroker({ manifests, env: { ...secrets, SPILLWAY_REGION: "us-east-1" } });
  return { port: Number(new URL(broker.url).port), stop: broker.stop };
});
