import * as z from "zod/mini";
import { kindOfGroup, SECTION_IS_RULE, withRules } from "./cross-field-rule.ts";
import { duration, field, labelMap, objectName, text } from "./fields.ts";
import { ownKind } from "./kind-definition.ts";

const COUNTRY = /^[A-Z]{2}$/;
const GROUP_OF_KIND = { Gateway: "gateway.networking.k8s.io", HTTPRoute: "gateway.networking.k8s.io", Namespace: "" };

const country = () => z.string().check(z.regex(COUNTRY, "must be an ISO 3166-1 alpha-2 code such as DE"));

const target = withRules(
  z.strictObject({
    group: field(z.enum(["gateway.networking.k8s.io", ""]), "`gateway.networking.k8s.io`, or empty for a Namespace."),
    kind: field(z.enum(["Gateway", "HTTPRoute", "Namespace"]), "`Gateway`, `HTTPRoute` or `Namespace`."),
    name: field(objectName(), "A Gateway or HTTPRoute in the namespace of this policy, or a Namespace."),
    sectionName: field(z.optional(objectName()), "Name of one rule of the HTTPRoute; left out: all."),
  }),
  kindOfGroup(GROUP_OF_KIND, "group and kind do not belong together"),
  SECTION_IS_RULE,
);

const ALLOWED = ["regions", "countries", "jurisdictions"] as const;

const allow = withRules(
  z.strictObject({
    regions: field(
      z.optional(z.array(text(64)).check(z.maxLength(128))),
      "Regions as the providers write them and as the label `topology.kubernetes.io/region` names them, such as `eu-central-1`, `europe-west4` or `eu`.",
    ),
    countries: field(
      z.optional(z.array(country()).check(z.maxLength(250))),
      "ISO 3166-1 alpha-2 codes. A region is inside when every country where it may process is listed.",
    ),
    jurisdictions: field(
      z.optional(z.array(text(64)).check(z.maxLength(32))),
      "Names for sets of countries: `EU`, `EEA`, `EEA+CH`, `US`, `UK`, `CH`, `CA`, `JP`, `AU`, or one of `spec.jurisdictions`.",
    ),
  }),
  {
    holds: (value) => ALLOWED.some((member) => (value[member]?.length ?? 0) > 0),
    cel: ALLOWED.map((member) => `(has(self.${member}) && self.${member}.size() > 0)`).join(" || "),
    message: "must allow at least one region, country or jurisdiction",
  },
);

export const regionPolicy = ownKind({
  kind: "RegionPolicy",
  plural: "regionpolicies",
  shortName: "regpol",
  description:
    "A lock: calls may go only to backends whose region is allowed. Several locks on the way of a call combine by intersection, and nobody nearer to the workload can widen one. A backend without a known region is outside every lock.",
  policy: "Inherited",
  columns: { Regions: ".spec.allow.regions", Jurisdictions: ".spec.allow.jurisdictions" },
  spec: field(
    z.strictObject({
      targetRefs: field(
        z.array(target).check(z.minLength(1, "must name at least one target"), z.maxLength(16)),
        "What is locked. A Gateway: every call through it. An HTTPRoute: calls that it matches. A Namespace: its routes, and every caller from it.",
      ),
      appliesTo: field(
        z.optional(
          z.strictObject({
            namespaces: field(
              z.strictObject({
                matchLabels: field(
                  labelMap(),
                  "All must be on the caller's Namespace. A Namespace that is not among the manifests has unknown labels and counts as matched.",
                ),
              }),
              "Namespaces of the callers.",
            ),
          }),
        ),
        "Narrows the lock to some callers; left out: all.",
      ),
      allow: field(allow, "The union of the three lists is what is allowed."),
      also: field(
        z.optional(
          z.strictObject({
            brokerRegion: field(
              z._default(z.boolean(), false),
              "The broker itself must run inside: the region that its platform tells, or `SPILLWAY_REGION` where none does. Unknown is refused.",
            ),
            secretSources: field(
              z._default(z.boolean(), false),
              "What a destination's credential and connection are made of must be kept inside: a SecretSource in its region of AWS or location of Google (without a location it is unknown); Kubernetes Secrets, files, the environment and bindings where the broker runs. Unknown is refused.",
            ),
            tokenEndpoints: field(
              z._default(z.boolean(), false),
              "Token endpoints that are asked on behalf of a destination must lie inside. They are told who the broker is and no prompt, and many have one name for the whole world (`sts.googleapis.com`, `login.microsoftonline.com`): those are refused.",
            ),
            mirrors: field(z._default(z.boolean(), true), "Copies of calls (RequestMirror) go to destinations inside only."),
            authCallouts: field(
              z._default(z.boolean(), true),
              "Services that are asked whether a call may go on (ExternalAuth) must lie inside: they see its path, the headers that the filter allows and, where it says so, the body.",
            ),
            telemetry: field(
              z._default(z.boolean(), false),
              "The OTLP collector must lie inside, and so must the store that counts limits and keeps usage, unless that is the broker's own memory: beside the broker, by its hostname, or by the word of `SPILLWAY_TELEMETRY_REGION` and `SPILLWAY_USAGE_REGION`. Unknown: every call under the lock is refused, and nothing of it leaves that way.",
            ),
            eventSinks: field(
              z._default(z.boolean(), false),
              "Event sinks must lie inside: beside the broker, by their hostname, or by the word of `SPILLWAY_SINK_REGION` and `SPILLWAY_ANSWER_SINK_REGION`. Unknown: every call under the lock is refused, and no event of it leaves.",
            ),
          }),
        ),
        "What is locked beside the destinations.",
      ),
      evidence: field(
        z.optional(
          z.strictObject({
            minimum: field(
              z._default(z.enum(["Label", "Attested", "ControlPlane", "Body", "Host"]), "Label"),
              "The weakest evidence that counts. `Label`: the region label, the word of whoever owns the backend. `Attested`: a RegionAttestation. `ControlPlane`: one that was read from the provider's control plane. `Body`: a field of the request that the broker sets and the answer confirms. `Host`: the provider's documented host. Each takes in the stronger ones.",
            ),
            maxAge: field(
              z.optional(duration()),
              "Facts that were compared with their source longer ago do not count, and labels, which are undated, never do. Left out: any age.",
            ),
          }),
        ),
        "How well a place must be known.",
      ),
      jurisdictions: field(
        z.optional(z.record(text(64), z.array(country()).check(z.minLength(1), z.maxLength(250)))),
        "Sets of countries that this policy defines for itself, such as `nordics: [SE, NO, DK, FI, IS]`. A built-in name cannot be redefined.",
      ),
    }),
    "What is locked, and where it may go.",
  ),
});
