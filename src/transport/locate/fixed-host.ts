import { asString } from "../../lib/json-value.ts";
import type { Located } from "../../model/region.ts";
import { JURISDICTIONS } from "../../model/region-data.ts";
import { BODY_FIELDS } from "./data/body-fields.ts";
import { FIXED_HOSTS, type FixedHost } from "./data/fixed-hosts.ts";
import { denied, type Finding, found, unproven } from "./finding.ts";
import type { ProviderRule } from "./provider-rule.ts";

const COUNTRIES: Readonly<Record<"EU" | "EU+EFTA" | "US", readonly string[]>> = {
  EU: JURISDICTIONS["EU"] ?? [],
  "EU+EFTA": JURISDICTIONS["EEA+CH"] ?? [],
  US: ["US"],
};

/** Providers that are told by their host alone, or that tell nothing. */
export const fixedHosts: readonly ProviderRule[] = [...new Set(FIXED_HOSTS.map((host) => host.provider))].map(ruleOf);

function ruleOf(provider: string): ProviderRule {
  const byName = new Map(FIXED_HOSTS.filter((host) => host.provider === provider).flatMap((host) => host.hosts.map((name) => [name, host] as const)));
  return {
    provider,
    owns: (hostname) => byName.has(hostname),
    attestable: (hostname) => byName.get(hostname)?.place === "attested",
    parameters: new Set(),
    fieldsOf({ path }) {
      if (path.endsWith("/responses")) return BODY_FIELDS.openaiResponses;
      return path.endsWith("/embeddings") ? BODY_FIELDS.openaiEmbeddings : BODY_FIELDS.openaiChat;
    },
    locate({ hostname, method, path, body }) {
      const host = byName.get(hostname);
      if (host === undefined || host.place === "never") return denied(`${provider}.host`, `${hostname} may process anywhere`);
      if (host.place === "attested") return unproven(`${provider}.host`, `nothing is documented about where ${hostname} processes`);
      if (method !== "POST" || !host.paths.includes(path))
        return denied(`${provider}.path`, `regional processing is not documented for this operation of ${hostname}`);
      const model = asString(body?.["model"]);
      if (model === null || (host.models !== null && !host.models.includes(model)))
        return denied(`${provider}.model`, `regional processing is not documented for this model at ${hostname}`);
      // OpenRouter's suffix for a model that searches the web first.
      if (model.endsWith(":online")) return denied(`${provider}.model`, "this model searches the web on its own");
      return placeOf(host);
    },
    reach(hostname) {
      const host = byName.get(hostname);
      return host === undefined || host.place !== "known" ? [] : ([placeOf(host).located] satisfies readonly Located[]);
    },
  };
}

function placeOf(host: FixedHost): Finding {
  const countries = host.countries === null ? [] : COUNTRIES[host.countries];
  const reason = `${host.provider} documents processing in ${host.regions.join(", ")} for this host`;
  return found({ countries, regions: host.regions, evidence: "host", rule: `${host.provider}.regional-host`, reason }, host);
}
