import { unflatten } from "devalue";
import type { Snapshot } from "../model/snapshot.ts";
import { buildRouteTable } from "../routing/build-route-table.ts";
import { type ExpressionProgram, expressionTest } from "../routing/expression-program.ts";
import { type BundleHead, type Content, type Expression, FORMAT } from "./bundle-format.ts";
import type { Compiled } from "./compile.ts";
import type { Fault } from "./fault.ts";
import type { Platform } from "./platform.ts";

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

/** Without the library that compiled it: the program is in the bundle. */
function readExpression({ name, value, program }: { readonly name: string | null; readonly value: string; readonly program: ExpressionProgram }): Expression {
  return { type: "RegularExpression", ...(name === null ? {} : { name }), value, test: expressionTest(program) };
}
