import type { Backend } from "../model/backend.ts";
import type { Usage } from "../model/operation.ts";
import type { PlaceRule } from "./uplifts.ts";

/** Deployments of Azure that process anywhere, and have the prices of the list. */
const ANYWHERE = /^Global/;

/** Whether a call is charged as one to a chosen place. What nobody says counts as no: prices are then those of the list. `asked` is the model as the provider was asked for it. */
export function placedAt(place: PlaceRule["place"], backend: Backend, asked: string, usage: Usage | null): boolean {
  const { hostname } = backend.origin;
  switch (place) {
    case "regional-host":
      // The project's region may also be chosen at the provider, and attested here.
      return isRegionalHost(hostname) || backend.region.attestations.some(({ project }) => project !== null);
    case "answer-us":
      return usage?.processedIn === "us";
    case "regional-location":
      return vertexLocation(backend) !== "global";
    case "regional-deployment":
      return backend.region.attestations.some(({ deployments }) => deployments.some(({ name, sku }) => name === asked && !ANYWHERE.test(sku)));
  }
}

/** `eu.api.openai.com`, `api.us.mistral.ai`, `us.api.x.ai`; never `api.openai.com`. */
function isRegionalHost(hostname: string): boolean {
  return /^(?:[a-z]{2}\.api\.openai\.com|api\.[a-z]{2}\.mistral\.ai|[a-z0-9-]+\.api\.x\.ai)$/.test(hostname);
}

/** What the manifest says, else what the host does; `global`: neither says any. */
function vertexLocation({ api, origin }: Backend): string {
  if (api?.location !== null && api?.location !== undefined) return api.location;
  const [, region, multi] = /^(?:([a-z0-9-]+)-aiplatform|aiplatform\.([a-z]+)\.rep)\.googleapis\.com$/.exec(origin.hostname) ?? [];
  return region ?? multi ?? "global";
}
