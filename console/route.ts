/** The views, in the order of the navigation. */
export const VIEWS = [
  { id: "overview", title: "Overview" },
  { id: "usage", title: "Usage" },
  { id: "limits", title: "Limits" },
  { id: "incidents", title: "Incidents" },
  { id: "regions", title: "Region proof" },
] as const;

export type ViewId = (typeof VIEWS)[number]["id"];

/** What the fragment of the address says: `#/usage?since=7d&by=model`. It never reaches a server. */
export interface Place {
  readonly view: ViewId;
  readonly query: URLSearchParams;
}

export function readPlace(fragment: string): Place {
  const [path = "", query = ""] = fragment.replace(/^#\/?/, "").split("?", 2);
  const view = VIEWS.find(({ id }) => id === path)?.id ?? "overview";
  return { view, query: new URLSearchParams(query) };
}

export function linkTo(view: ViewId, query: Readonly<Record<string, string | null>> = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== null && entry[1] !== "");
  const text = new URLSearchParams(given).toString();
  return `#/${view}${text === "" ? "" : `?${text}`}`;
}
