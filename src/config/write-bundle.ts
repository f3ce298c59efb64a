import { stringify } from "devalue";
import { Secret } from "../model/secret.ts";
import { compileExpression } from "../routing/compile-expression.ts";
import { type BundleHead, type Content, type Expression, FORMAT } from "./bundle-format.ts";
import type { Compiled } from "./compile.ts";
import type { Platform } from "./platform.ts";

/** Why manifests cannot become a bundle: one sentence with advice. */
export class BundleError extends Error {
  override readonly name = "BundleError";
}

/**
 * A good compile as text: an instance that starts from it needs neither the YAML reader nor the schemas, and has nothing to check but the head.
 * Throws `BundleError` when the manifests cannot be used, or hold a secret: a bundle lies in a package or a key-value store, where secrets have no place.
 */
export function writeBundle(compiled: Compiled, platform: Platform): string {
  const { snapshot } = compiled;
  if (snapshot === null) throw new BundleError("the manifests have faults: nothing to bundle");
  const content: Content = {
    gateways: snapshot.gateways.map((gateway) => ({
      ...gateway,
      listeners: gateway.listeners.map(({ routes, ...rest }) => ({ ...rest, rules: routes.rules })),
    })),
    backends: snapshot.backends,
    conditions: compiled.conditions,
  };
  const payload = stringify(content, {
    Secret: (value) => {
      if (value instanceof Secret)
        throw new BundleError("the manifests hold the value of a Secret, which may not be in a bundle: use a SecretSource that names where it is kept");
    },
    Expression: (value) => isExpression(value) && { name: "name" in value ? value.name : null, value: value.value, program: compileExpression(value.value) },
  });
  const head: BundleHead = { spillwayBundle: FORMAT, platform: platform.name, features: [...platform.features].sort(), snapshot: snapshot.id };
  return `${JSON.stringify(head).slice(0, -1)},"payload":${payload}}\n`;
}

function isExpression(value: unknown): value is Expression {
  return typeof value === "object" && value !== null && "test" in value && typeof value.test === "function";
}
