import { readFileSync } from "node:fs";
import { type Provider, type ProviderOptions, startProvider } from "./provider-server.ts";

// A process with one or more demo providers:  node examples/providers/main.ts OPTIONS.json
// The file holds a list of ProviderOptions. It is a file, and not arguments, because keys in arguments can be read by every user of the machine.

const file = process.argv[2];
if (file === undefined) {
  console.error("usage: node examples/providers/main.ts OPTIONS.json   (a list of ProviderOptions, see provider-server.ts)");
  process.exit(2);
}

// Written by start-providers.ts; a demo may trust its own file.
const options = JSON.parse(readFileSync(file, "utf8")) as readonly ProviderOptions[];
const providers: Provider[] = [];
for (const one of options) {
  try {
    providers.push(await startProvider(one));
  } catch (error) {
    console.error(error instanceof Error ? error.message : "a demo provider could not start");
    process.exit(1);
  }
}
// One line for the process that started this one: the ports, no keys.
console.log(JSON.stringify({ ready: providers.map(({ name, port, controlPort }) => ({ name, port, controlPort })) }));

const stop = () => {
  Promise.all(providers.map((provider) => provider.close())).then(() => process.exit(0));
};
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
// The parent holds the other end of stdin: when it dies, however it dies, so does this process.
process.stdin.on("end", stop).resume();
