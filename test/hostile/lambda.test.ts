import { describePlatform } from "./platform-cases.ts";
import { startLambdaWorld } from "./platform-world.ts";

describePlatform("Lambda", startLambdaWorld);
