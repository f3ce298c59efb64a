import { type BrokerPlace, UNKNOWN_PLACE } from "../../src/index.ts";
import { countryOfColo } from "./colo-countries.ts";

/**
 * Where the Worker runs, for locks that bind the broker too. `SPILLWAY_REGION` is what the deployer vouches for (Regional Services, a targeted
 * placement, a workerd of one's own). Else it is the country of the data centre that took the request, which is where a Worker runs that is not
 * placed elsewhere: with `SPILLWAY_PLACEMENT=smart` that is not known, and unknown is outside every lock.
 */
export function workerPlace(bindings: Readonly<Record<string, unknown>>): (request: Request | null) => BrokerPlace {
  const { SPILLWAY_REGION: region, SPILLWAY_PLACEMENT: placement } = bindings;
  if (typeof region === "string" && region !== "") {
    const place = { region, country: null };
    return () => place;
  }
  if (typeof placement === "string" && placement !== "") return () => UNKNOWN_PLACE;
  return (request) => {
    const cf: unknown = request !== null && "cf" in request ? request.cf : null;
    const colo = typeof cf === "object" && cf !== null && "colo" in cf ? cf.colo : null;
    const country = typeof colo === "string" ? countryOfColo(colo) : null;
    return country === null ? UNKNOWN_PLACE : { region: null, country };
  };
}
