import { stringify, unflatten } from "devalue";
import { Secret } from "../model/secret.ts";
import type { CompiledGateway, CompiledListener, CompiledRule, PathMatch, Snapshot, ValueMatch } from "../model/snapshot.ts";
import { buildRouteTable } from "../routing/build-route-table.ts";
import { compileExpression } from "../routing/compile-expression.ts";
import { type ExpressionProgram, expressionTest } from "../routing/expression-program.ts";
import type { Compiled } from "./compile.ts";
import type { Fault } from "./fault.ts";
import type { Platform } from "./platform.ts";

/** Changes whenever the snapshot's shape does: a bundle of another format is refused, and is to be compiled anew with this release. */
const FORMAT = 1;

/** What stands in front of the payload, in plain JSON. */
interface BundleHead {
  readonly spillwayBundle: number;
  readonly platform: Platform["name"];
  /** Features that the compiler took for granted. */
  readonly features: readonly string[];
  readonly snapshot: string;
}

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
  const content = {
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

/** Reads what `writeBundle` wrote for this platform. Never throws: what cannot be read is a fault, as with manifests. `path` stands in it. */
export function readBundle(text: string, platform: Platform, path = "bundle"): Compiled {
  try {
    const bundle: unknown = JSON.parse(text);
    const fault = headFault(bundle, platform);
    if (fault !== null) return refused(path, fault);
    const { snapshot: id, payload } = bundle as BundleHead & { readonly payload: number | unknown[] }; // headFault has looked
    const { gateways, backends, conditions } = unflatten(payload, { Expression: readExpression }) as Content; // written by writeBundle from these very types
    const snapshot: Snapshot = {
      id,
      gateways: gateways.map((gateway) => ({
        ...gateway,
        listeners: gateway.listeners.map(({ rules, ...rest }) => ({ ...rest, routes: buildRouteTable(rules) })),
      })),
      backends,
    };
    return { ok: true, snapshot, faults: [], conditions, events: [] };
  } catch {
    // What the parser says may quote the text.
    return refused(path, "this is not a bundle, or only a part of one");
  }
}

interface Content {
  readonly gateways: readonly (Omit<CompiledGateway, "listeners"> & {
    readonly listeners: readonly (Omit<CompiledListener, "routes"> & { readonly rules: readonly CompiledRule[] })[];
  })[];
  readonly backends: Snapshot["backends"];
  readonly conditions: Compiled["conditions"];
}

function headFault(bundle: unknown, platform: Platform): string | null {
  if (typeof bundle !== "object" || bundle === null || !("spillwayBundle" in bundle) || !("payload" in bundle)) return "this is not a bundle";
  const head = bundle as Partial<BundleHead>; // looked at member by member
  if (head.spillwayBundle !== FORMAT) return `this bundle has format ${String(head.spillwayBundle)}, and this release reads ${FORMAT}`;
  if (head.platform !== platform.name) return `this bundle was compiled for ${String(head.platform)}, and this is ${platform.name}`;
  // A check that the compiler left to the transport must not be dropped by one that cannot make it.
  const missing = (head.features ?? []).find((feature) => !(platform.features as ReadonlySet<string>).has(feature));
  if (missing !== undefined) return `this bundle was compiled for a platform that has ${missing}, which this one has not`;
  return typeof head.snapshot === "string" ? null : "this bundle does not say what it holds";
}

function refused(path: string, message: string): Compiled {
  const advice = "compile it anew: spillway compile --platform NAME -o FILE";
  const fault: Fault = {
    severity: "error",
    file: path,
    line: 1,
    column: 1,
    pointer: "",
    kind: null,
    namespace: null,
    name: null,
    message,
    advice,
    excerpt: null,
  };
  return { ok: false, snapshot: null, faults: [fault], conditions: [], events: [] };
}

type Expression = Extract<PathMatch | ValueMatch, { readonly type: "RegularExpression" }>;

function isExpression(value: unknown): value is Expression {
  return typeof value === "object" && value !== null && "test" in value && typeof value.test === "function";
}

/** Without the library that compiled it: the program is in the bundle. */
function readExpression({ name, value, program }: { readonly name: string | null; readonly value: string; readonly program: ExpressionProgram }): Expression {
  return { type: "RegularExpression", ...(name === null ? {} : { name }), value, test: expressionTest(program) };
}
