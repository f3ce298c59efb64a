// The page at /-/console as two modules of text for the Worker; wrangler.toml runs it before each bundling.
import { writeConsolePage } from "./build/console-page.ts";

await writeConsolePage("adapters/cloudflare", (name) => `console-${name.replace(/\..*$/, "")}.bundle`);
