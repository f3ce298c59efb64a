/**
 * The compiler's public face. It stands apart from `src/index.ts` because it brings the YAML reader, the schemas and RE2, which an instance
 * that starts from a bundle never loads: the build follows imports by file.
 */

export { type Compiled, compile } from "./config/compile.ts";
export { didYouMean } from "./config/did-you-mean.ts";
export { READ_KINDS } from "./config/manifest-set.ts";
export { BundleError, writeBundle } from "./config/write-bundle.ts";
