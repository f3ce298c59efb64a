import { describePlatform } from "./platform-cases.ts";
import { startWorkerWorld } from "./platform-world.ts";

// workerd reads an answer with both framings by its chunks (RFC 9112 section 6.3 allows it), and tells nobody of the length.
describePlatform("workerd", startWorkerWorld, { lenient: ["a length and chunks"] });
