import type { FactSource } from "./fact-table.ts";

/** Azure OpenAI and Foundry: what a deployment's SKU says. A SKU that is not listed is unknown. */
export const AZURE_FACTS: FactSource & {
  /** `region`: in the account's location. `zone`: anywhere in the data zone of the location. `never`: any region of Azure. */
  readonly skus: ReadonlyMap<string, "region" | "zone" | "never">;
} = {
  checkedAt: "2026-11-22",
  source: "Microsoft Learn: Deployment types for Microsoft Foundry Models",
  skus: new Map([
    ["Standard", "region"],
    ["ProvisionedManaged", "region"],
    ["DataZoneStandard", "zone"],
    ["DataZoneProvisionedManaged", "zone"],
    ["GlobalStandard", "never"],
    ["GlobalProvisionedManaged", "never"],
    ["GlobalBatch", "never"],
    ["DeveloperTier", "never"],
  ]),
};
