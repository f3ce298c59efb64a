/** The path and query of a request target. RFC 9112 section 3.2.2: absolute-form is accepted and routed by its path; its authority must have been compared with Host. */
export function originForm(target: string): string {
  if (target.startsWith("/")) return target;
  const start = target.indexOf("://");
  if (start === -1) return target;
  const rest = target.slice(start + 3);
  const slash = rest.search(/[/?]/);
  if (slash === -1) return "/";
  return rest[slash] === "/" ? rest.slice(slash) : `/${rest.slice(slash)}`;
}

/** The authority of an absolute-form target in lower case; null for every other form. */
export function authorityOf(target: string): string | null {
  const match = /^https?:\/\/([^/?#]*)/i.exec(target);
  return match === null ? null : (match[1] ?? "").toLowerCase();
}
