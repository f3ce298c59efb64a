import { parseArgs } from "node:util";
import { describeCall } from "./logged-call.ts";
import { startScreen } from "./screen.ts";
import { takenPorts } from "./taken-ports.ts";
import { openWorld, PROVIDERS, type World } from "./world.ts";

// npm start: serves this folder with demo providers on loopback until Ctrl-C. No account, key, network or Docker.

const { values } = parseArgs({ options: { port: { type: "string", short: "p" } } });
const port = Number(values.port ?? process.env["PORT"] ?? "8787");

process.exitCode = await main();

async function main(): Promise<number> {
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    return complain(`--port must be a number from 0 to 65535, not ${values.port ?? process.env["PORT"]}`);
  const providerPorts = PROVIDERS.flatMap((provider) => [provider.port, provider.port + 100]);
  const taken = await takenPorts([port, ...providerPorts]);
  if (taken.includes(port) && port !== 0) return complain(`port ${port} is taken. Choose another:  npm start -- --port ${port + 1}`);
  if (taken.length > 0) {
    return complain(
      `port ${taken.join(", ")} is taken: the demo providers need ${providerPorts.join(", ")}, which the manifests name. Is another npm start running?`,
    );
  }

  let world: World;
  try {
    world = await openWorld({
      port,
      freePorts: false,
      paceMs: 20,
      onCall: (call) => console.log(describeCall(call)),
      onWord: (line) => console.log(line),
    });
  } catch (error) {
    return complain(error instanceof Error ? error.message : "the quickstart could not start");
  }
  console.log(startScreen(world.broker.url, world.generated));

  const why = await Promise.race([interrupted(), world.broker.ended.then(() => "the broker has ended")]);
  console.log(`\n${why}: stopping the broker and the demo providers`);
  await world.stop();
  return why === "the broker has ended" ? 1 : 0;
}

function interrupted(): Promise<string> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve("interrupted"));
    process.once("SIGTERM", () => resolve("told to end"));
    // npm puts a shell between itself and this process, and that shell does not hand SIGTERM on: it just goes away.
    if (process.env["npm_lifecycle_event"] !== undefined) {
      const parent = process.ppid;
      setInterval(() => {
        if (process.ppid !== parent) resolve("npm has gone");
      }, 500).unref();
    }
  });
}

function complain(message: string): number {
  console.error(message);
  return 1;
}
