import type { ExternalAuthRule } from "../model/snapshot.ts";
import type { BackendDirectory } from "./backend-directory.ts";
import type { AuthoredExternalAuth } from "./compile-filters.ts";
import { resolveRef, type TargetScope } from "./compile-targets.ts";
import { type LinkContext, type Resolved, resolved, type Unresolved, unresolved } from "./link-context.ts";
import type { ManifestOf } from "./manifest-set.ts";

export interface CompiledExternalAuth {
  readonly rule: ExternalAuthRule | null;
  /** The authorization server cannot be used: nobody could say yes, so the rule serves nobody. */
  readonly unresolved: Unresolved | null;
}

const NONE: CompiledExternalAuth = { rule: null, unresolved: null };
const NO_EDITS = { requestHeaders: null, responseHeaders: null, rewrite: null };
/** The standard's own pattern of a path. */
const PATH = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;

/** The ExternalAuth filter of one rule (GEP-1494). What is written and not carried out refuses the rule. */
export function compileExternalAuth(
  context: LinkContext,
  backends: BackendDirectory,
  route: ManifestOf<"HTTPRoute">,
  authored: AuthoredExternalAuth | null,
  scope: TargetScope,
): Resolved<CompiledExternalAuth> {
  if (authored === null) return resolved(NONE);
  const { protocol, backendRef, http, grpc, forwardBody } = authored;
  if (protocol !== "HTTP") return unresolved("UnsupportedValue", `externalAuth.protocol ${protocol} is not supported: HTTP`);
  if (grpc !== undefined) return unresolved("UnsupportedValue", "externalAuth.grpc belongs to protocol GRPC");
  const pathPrefix = prefixOf(http?.path ?? "");
  if (pathPrefix === null) return unresolved("UnsupportedValue", "externalAuth.http.path must be a plain absolute path");
  const names = [...(http?.allowedHeaders ?? []), ...(http?.allowedResponseHeaders ?? [])];
  const wrong = names.find((name) => !HEADER_NAME.test(name));
  if (wrong !== undefined) return unresolved("UnsupportedValue", `externalAuth.http: ${wrong} is no header name`);
  const target = resolveRef(context, backends, route, backendRef, scope, NO_EDITS);
  if (!target.ok) return resolved({ rule: null, unresolved: target });
  if (target.value.kind !== "backend") {
    const message = `an authorization server is one backend: ${backendRef.kind} ${backendRef.name} is not`;
    return resolved({ rule: null, unresolved: unresolved("InvalidKind", message) });
  }
  const responseHeaders = http?.allowedResponseHeaders ?? [];
  const rule: ExternalAuthRule = {
    target: target.value.target,
    pathPrefix,
    requestHeaders: [...new Set((http?.allowedHeaders ?? []).map((name) => name.toLowerCase()))],
    responseHeaders: responseHeaders.length === 0 ? null : new Set(responseHeaders.map((name) => name.toLowerCase())),
    bodyBytes: forwardBody?.maxSize ?? 0,
  };
  return resolved({ rule, unresolved: null });
}

/** Null: a path that climbs, or is none. */
function prefixOf(path: string): string | null {
  if (path === "") return "";
  if (!PATH.test(path) || /(?:^|\/|%2f)(?:\.|%2e){1,2}(?:$|\/|%2f|;)/i.test(path)) return null;
  const whole = path.startsWith("/") ? path : `/${path}`;
  return whole.replace(/\/+$/, "");
}
