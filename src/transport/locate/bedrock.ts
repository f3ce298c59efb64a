import { find } from "../../lib/header-list.ts";
import type { Attestation, AttestedProfile } from "../../model/region.ts";
import { countriesOfRegion } from "../../model/region-data.ts";
import { countriesOfAll, older } from "./attested-place.ts";
import { BEDROCK_FACTS } from "./data/bedrock-facts.ts";
import { BODY_FIELDS } from "./data/body-fields.ts";
import { denied, type Finding, found, unproven } from "./finding.ts";
import type { ProviderRule } from "./provider-rule.ts";

/** Runtime hosts of every partition: plain, FIPS, dual-stack and VPC endpoints. */
const RUNTIME =
  /^(?:vpce-[a-z0-9-]+\.)?bedrock-runtime(?:-fips)?\.([a-z]{2,4}(?:-[a-z]+)+-\d)\.(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|api\.aws|vpce\.amazonaws\.com|c2s\.ic\.gov|sc2s\.sgov\.gov)$/;
/** Bedrock's other services, mantle among them: nothing found says that what they call stays in their region. */
const OTHER =
  /^(?:vpce-[a-z0-9-]+\.)?bedrock(?:-mantle|-agent|-agent-runtime|-agentcore|-agentcore-control|-data-automation-runtime)?(?:-fips)?\.[a-z0-9-]+\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws)$/;

const VERBS: ReadonlySet<string> = new Set(["converse", "converse-stream", "invoke", "invoke-with-response-stream", "count-tokens"]);
const ARN = /^arn:aws(?:-cn|-us-gov|-eusc|-iso(?:-[a-z])?)?:([a-z0-9-]+):([a-z0-9-]*):(\d{0,12}):([a-z-]+)(?:\/[A-Za-z0-9._:/-]+)?$/;
const PLAIN_ID = /^[a-z0-9-]+(?:\.[A-Za-z0-9_-]+)+(?::[A-Za-z0-9_-]+)*$/;
const GUARDRAIL_HEADER = "x-amzn-bedrock-guardrailidentifier";
const NONE: ReadonlySet<string> = new Set();

/** Amazon Bedrock: the host gives the region, the model id says whether the call stays there. */
export const bedrock: ProviderRule = {
  provider: "bedrock",
  owns: (hostname) => RUNTIME.test(hostname) || OTHER.test(hostname),
  attestable: (hostname) => !RUNTIME.test(hostname),
  parameters: NONE,
  fieldsOf({ hostname, path, segments }) {
    // Mantle speaks the APIs of others.
    if (!RUNTIME.test(hostname)) return path.endsWith("/messages") ? BODY_FIELDS.anthropicMessages : BODY_FIELDS.openaiChat;
    if (segments[2] === "converse" || segments[2] === "converse-stream") return BODY_FIELDS.bedrockConverse;
    return BODY_FIELDS.bedrockInvoke;
  },
  locate({ hostname, method, segments, headers }, attestations) {
    const region = RUNTIME.exec(hostname)?.[1];
    if (region === undefined) return unproven("bedrock.host", "this Bedrock service makes no promise of its region");
    const [root, segment = "", verb = ""] = segments;
    if (method !== "POST" || segments.length !== 3 || root !== "model" || !VERBS.has(verb))
      return denied("bedrock.path", "this operation of Bedrock is not known to stay in one region");
    if (find(headers, GUARDRAIL_HEADER) !== null && !attestations.some((one) => one.guardrails))
      return denied("bedrock.guardrail", "a guardrail may run in other regions, and no RegionAttestation allows guardrails");
    const model = modelId(segment);
    if (model === null) return denied("bedrock.model", "the model's name is not one that can be read in one way only");
    return model.startsWith("arn:") ? locateArn(model, region, attestations) : locateId(model, region, attestations);
  },
  reach(hostname, attestations) {
    const region = RUNTIME.exec(hostname)?.[1];
    if (region === undefined) return [];
    const profiles = attestations.flatMap((one) => one.inferenceProfiles.map((profile) => profile.id));
    const findings = [inRegion(region), ...[...new Set(profiles)].map((id) => profileOf(id, region, attestations))];
    return findings.flatMap(({ located }) => (located.countries === null ? [] : [located]));
  },
};

/** The id with its escapes undone. SDKs escape `:` and, in ARNs, `/`; anything else has no business there. */
function modelId(segment: string): string | null {
  const plain = segment.replaceAll(/%3a/gi, ":").replaceAll(/%2f/gi, "/");
  return plain.includes("%") || plain.includes("//") || plain.includes("..") || !/^[A-Za-z0-9._:/-]+$/.test(plain) ? null : plain;
}

function locateId(id: string, region: string, attestations: readonly Attestation[]): Finding {
  if (!PLAIN_ID.test(id)) return denied("bedrock.model", "the model's name is neither a model id nor a profile id nor an ARN");
  const prefix = id.slice(0, id.indexOf("."));
  // Wherever the word stands: no model of a vendor is called so.
  if (
    id
      .toLowerCase()
      .split(".")
      .some((part) => BEDROCK_FACTS.neverPrefixes.has(part))
  )
    return denied("bedrock.global", "a global inference profile may run in any region");
  return BEDROCK_FACTS.vendors.has(prefix) ? inRegion(region) : profileOf(id, region, attestations);
}

function locateArn(arn: string, region: string, attestations: readonly Attestation[]): Finding {
  const match = ARN.exec(arn);
  if (match === null) return denied("bedrock.arn", "the ARN cannot be read");
  const [, service, arnRegion, , type = ""] = match;
  // A profile's ARN ends with its id, and a global one is global under any name.
  const name = arn.slice(arn.lastIndexOf("/") + 1);
  if (BEDROCK_FACTS.neverPrefixes.has(name.split(".", 1)[0] ?? "")) return denied("bedrock.global", "a global inference profile may run in any region");
  if (service === "bedrock" && BEDROCK_FACTS.regionalArnTypes.has(type)) {
    if (arnRegion !== region) return denied("bedrock.arn", `the ARN lies in ${arnRegion} and the host in ${region}`);
    return type === "foundation-model" ? locateId(name, region, attestations) : inRegion(region);
  }
  return profileOf(arn, region, attestations);
}

function inRegion(region: string): Finding {
  const countries = countriesOfRegion(region);
  if (countries === null) return denied("bedrock.region", `nobody knows where the region ${region} lies`);
  return found(
    { countries, regions: [region], evidence: "host", rule: "bedrock.in-region", reason: `the model runs in ${region}, the region of the host` },
    BEDROCK_FACTS,
  );
}

/** A profile goes to its destinations, all of which must be known, and through the region that is called. */
function profileOf(id: string, region: string, attestations: readonly Attestation[]): Finding {
  const matching = attestations.flatMap((attestation) =>
    attestation.inferenceProfiles.filter((profile) => isFor(profile, id, region)).map((profile) => ({ attestation, profile })),
  );
  if (BEDROCK_FACTS.neverPrefixes.has(id.split(".", 1)[0] ?? "")) return denied("bedrock.global", "a global inference profile may run in any region");
  if (matching.length === 0) return denied("bedrock.profile", `no RegionAttestation says where the inference profile goes from ${region}`);
  const regions = [...new Set([region, ...matching.flatMap(({ profile }) => profile.destinationRegions)])];
  const countries = countriesOfAll(regions);
  if (countries === null) return denied("bedrock.profile", "a destination region of the inference profile is not known");
  return {
    located: {
      countries,
      regions,
      evidence: matching.every(({ attestation }) => attestation.fromControlPlane) ? "control-plane" : "attested",
      rule: "bedrock.profile",
      checkedAt: matching.map(({ attestation }) => attestation.checkedAt).reduce(older),
      reason: `RegionAttestation ${matching.map(({ attestation }) => attestation.id).join(", ")} lists the destinations of the inference profile`,
    },
    attestable: false,
  };
}

function isFor(profile: AttestedProfile, id: string, region: string): boolean {
  return profile.id === id && profile.destinationRegions.length > 0 && (profile.sourceRegion === null || profile.sourceRegion === region);
}
