import * as z from "zod/mini";
import { exactlyOne, withRules } from "./cross-field-rule.ts";
import { duration, field, objectName, text } from "./fields.ts";
import { ownKind } from "./kind-definition.ts";

const PROVIDERS = ["awsSecretsManager", "googleSecretManager", "kubernetesSecret", "env", "file", "binding"] as const;

const jsonKey = () => field(z.optional(text(253)), "Member of the JSON object that the secret holds; left out: the whole value.");

const providers = {
  awsSecretsManager: field(
    z.optional(
      z.strictObject({
        secretId: field(text(2048), "Name or ARN of the secret."),
        region: field(text(64).check(z.regex(/^[a-z0-9-]+$/, "must be a region such as eu-central-1")), "AWS region that holds it."),
        versionStage: field(z._default(text(256), "AWSCURRENT"), "Staging label of the version to read."),
        jsonKey: jsonKey(),
      }),
    ),
    "AWS Secrets Manager.",
  ),
  googleSecretManager: field(
    z.optional(
      z.strictObject({
        name: field(
          text(512).check(
            z.regex(
              /^projects\/[^/]+\/(locations\/[^/]+\/)?secrets\/[^/]+(\/versions\/[^/]+)?$/,
              "must be projects/P/secrets/S or projects/P/secrets/S/versions/V",
            ),
          ),
          "Resource name; without a version the latest one is read.",
        ),
        location: field(
          z.optional(text(64).check(z.regex(/^[a-z0-9-]+$/, "must be a location such as europe-west4"))),
          "Regional endpoint to ask; left out: the global one.",
        ),
        jsonKey: jsonKey(),
      }),
    ),
    "Google Secret Manager.",
  ),
  kubernetesSecret: field(
    z.optional(
      z.strictObject({
        name: field(objectName(), "Secret in the namespace of this SecretSource."),
        key: field(z.optional(text(253)), "Key in it; left out: `value`, then `token`, then the only key there is."),
      }),
    ),
    "A core Secret: from the manifests, or from the folder where it is mounted.",
  ),
  env: field(
    z.optional(
      z.strictObject({
        name: field(text(253).check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be the name of an environment variable")), "Name of the variable."),
      }),
    ),
    "An environment variable: Knative env, Lambda env, Worker secret.",
  ),
  file: field(
    z.optional(
      z.strictObject({
        path: field(
          withRules(text(4096).check(z.regex(/^\//, "must be an absolute path")), {
            holds: (path) => !path.split("/").includes(".."),
            cel: "!self.matches('(^|/)[.][.](/|$)')",
            message: "must not contain ..",
          }),
          "Absolute path; read anew at each refresh.",
        ),
        jsonKey: jsonKey(),
      }),
    ),
    "A file.",
  ),
  binding: field(
    z.optional(z.strictObject({ name: field(text(253), "Name of the binding.") })),
    "A binding of a Worker: a secret, one of the Secrets Store, or for a client certificate an mtls_certificates binding; only on Workers.",
  ),
};

const refresh = z.strictObject({
  interval: field(z._default(duration(), "5m"), "How long a value is used before it is read again."),
  jitterPercent: field(z._default(z.int().check(z.minimum(0), z.maximum(100)), 10), "Spreads the refresh of many instances, in percent of the interval."),
  staleFor: field(
    z._default(duration(), "1h"),
    "How long an old value may serve while its store cannot be reached. A store that answers `denied` or `missing` ends its use at once.",
  ),
  onUnavailable: field(z._default(z.enum(["FailClosed"]), "FailClosed"), "What follows after `staleFor`: the call is refused or goes to the next backend."),
});

export const secretSource = ownKind({
  kind: "SecretSource",
  plural: "secretsources",
  shortName: "secsrc",
  description:
    "Says where a secret is kept and how often it is read again. It stands wherever the standard takes a secret reference; the value itself is never in a manifest, a bundle or a log.",
  policy: null,
  columns: { Interval: ".spec.refresh.interval" },
  spec: field(
    withRules(
      z.strictObject({
        ...providers,
        refresh: field(z._default(refresh, { interval: "5m", jitterPercent: 10, staleFor: "1h", onUnavailable: "FailClosed" }), "How long a value is good."),
      }),
      exactlyOne(PROVIDERS, "provider"),
    ),
    "Exactly one provider, and how its value is refreshed.",
  ),
});
