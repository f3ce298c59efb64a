interface AuthoredSelector {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined;
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined }[] | undefined;
}

type Labels = Readonly<Record<string, string>>;

/** Whether every one of `wanted` is on the object. */
export function hasLabels(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => labelOf(labels, key) === value);
}

/** A Kubernetes label selector. An empty one selects everything; an operator that is not known selects nothing. */
export function selects(selector: AuthoredSelector, labels: Labels): boolean {
  if (!hasLabels(labels, selector.matchLabels ?? {})) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const label = labelOf(labels, key);
    if (operator === "In") return label !== null && values.includes(label);
    if (operator === "NotIn") return label === null || !values.includes(label);
    if (operator === "Exists") return label !== null;
    return operator === "DoesNotExist" && label === null;
  });
}

function labelOf(labels: Labels, key: string): string | null {
  return Object.hasOwn(labels, key) ? (labels[key] ?? null) : null;
}
