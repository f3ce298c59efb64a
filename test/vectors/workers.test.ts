import { bundleWorker, startWorkerBroker } from "../fakes/worker-broker.ts";
import { playVectors } from "./play.ts";

playVectors("workers", async ({ manifests, secrets, port }) => {
  const bundle = await bundleWorker();
  const broker = await startWorkerBroker({ bundle, manifests, secrets: { ...secrets, SPILLWAY_REGION: "us-east-1" }, worldPort: port });
  return {
    port: Number(new URL(broker.url).port),
    stop: async () => {
      await broker.stop();
      await bundle.remove();
    },
  };
});
