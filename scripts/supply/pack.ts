// `npm run pack [-- FOLDER]`, after `npm run build`: the package as it is released, into FOLDER (.cache/released without one); prints its digest as sha256sum does.
import { basename } from "node:path";
import { packPackage } from "./pack-package.ts";

const { file, sha256 } = await packPackage("dist", process.argv[2] ?? ".cache/released");
console.log(`${sha256}  ${basename(file)}`);
