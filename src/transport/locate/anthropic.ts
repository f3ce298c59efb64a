import { asString } from "../../lib/json-value.ts";
import { ANTHROPIC_FACTS } from "./data/anthropic-facts.ts";
import { BODY_FIELDS } from "./data/body-fields.ts";
import { denied, type Finding, found } from "./finding.ts";
import type { ProviderRule } from "./provider-rule.ts";

const HOST = /^(?:api\.anthropic\.com|aws-external-anthropic\.[a-z0-9-]+\.api\.aws)$/;
const MESSAGES = "/v1/messages";
/** `claude-opus-4-6`, `claude-sonnet-4-6-20260301`, `claude-opus-5`. */
const MODEL = /^claude-[a-z]+-(\d{1,2})(?:-(\d{1,2}))?(?:-\d{8})?$/;

/** Anthropic, also as Claude Platform on AWS, whose host names a region that says nothing of inference: `inference_geo` of the body decides. */
export const anthropic: ProviderRule = {
  provider: "anthropic",
  owns: (hostname) => HOST.test(hostname),
  attestable: () => false,
  parameters: new Set(["beta"]),
  fieldsOf: () => BODY_FIELDS.anthropicMessages,
  locate({ method, path, body }) {
    if (method !== "POST" || path !== MESSAGES || body === null) return denied("anthropic.path", "only messages can be kept in one geography");
    if (!obeysField(asString(body["model"]) ?? "")) return denied("anthropic.model", "this model is not known to obey inference_geo and to say where it ran");
    if (body[ANTHROPIC_FACTS.field] !== ANTHROPIC_FACTS.value) return denied("anthropic.geo", "the body does not say inference_geo us");
    return inAmerica();
  },
  reach: () => [inAmerica().located],
};

/** Whether the broker may set `inference_geo` in a body that goes there: the only operation that takes it. */
export function takesInferenceGeo(hostname: string, method: string, path: string): boolean {
  return method === "POST" && path === MESSAGES && HOST.test(hostname);
}

function inAmerica(): Finding {
  const { countries, value } = ANTHROPIC_FACTS;
  return found(
    {
      countries,
      regions: [value],
      evidence: "body",
      rule: "anthropic.inference-geo",
      reason: "the body asks for inference in the US, and the answer is checked",
    },
    ANTHROPIC_FACTS,
  );
}

function obeysField(model: string): boolean {
  const match = MODEL.exec(model);
  if (match === null) return false;
  const major = Number(match[1]);
  const minor = Number(match[2] ?? "0");
  const { since } = ANTHROPIC_FACTS;
  return major > since.major || (major === since.major && minor >= since.minor);
}
