// `npm run sbom`: what is in a release, as CycloneDX, to standard output. `npm sbom --omit dev` leaves out what something of development uses too.
import { softwareBillOfMaterials } from "./bill-of-materials.ts";

process.stdout.write(softwareBillOfMaterials());
