/** The build puts the release in its place (`scripts/build.ts`, `wrangler.toml`). */
declare const SPILLWAY_VERSION: string | undefined;

/** The broker's release; `development` where nothing was built. */
export const RELEASE: string = typeof SPILLWAY_VERSION === "string" ? SPILLWAY_VERSION : "development";
