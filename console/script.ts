import { html } from "htm/preact";
import { render, type VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { IncidentsView } from "./incidents.ts";
import { LimitsView } from "./limits.ts";
import { Overview } from "./overview.ts";
import { Moment, Shown } from "./parts.ts";
import { Regions } from "./regions.ts";
import { linkTo, type Place, readPlace, VIEWS } from "./route.ts";
import type { Incidents, Limits, Proof, State } from "./shapes.ts";
import { UsageView } from "./usage.ts";
import { type Reading, useData } from "./use-data.ts";

/** The page at /-/console. */
function App(): VNode {
  const [place, setPlace] = useState(() => readPlace(location.hash));
  const [paused, setPaused] = useState(false);
  const [turn, setTurn] = useState(0);
  const heading = useRef<HTMLHeadingElement>(null);
  const view = VIEWS.find(({ id }) => id === place.view) ?? VIEWS[0];
  useEffect(() => {
    let last = readPlace(location.hash).view;
    const onMove = (): void => {
      const next = readPlace(location.hash);
      setPlace(next);
      // Another view is another page to a screen reader: it begins at its heading.
      if (next.view !== last) requestAnimationFrame(() => heading.current?.focus());
      last = next.view;
    };
    addEventListener("hashchange", onMove);
    return () => removeEventListener("hashchange", onMove);
  }, []);
  useEffect(() => {
    document.title = `${view.title} · Spillway console`;
  }, [view.title]);
  const skip = (event: Event): void => {
    event.preventDefault();
    heading.current?.focus();
  };
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to content</a>
    <header>
      <span class="brand">Spillway</span>
      <nav aria-label="Views">${VIEWS.map(({ id, title }) => html`<a href=${linkTo(id)} aria-current=${id === place.view ? "page" : null}>${title}</a>`)}</nav>
      <form method="post" action="/-/console/sign-out"><button type="submit">Sign out</button></form>
    </header>
    <main id="main">
      <div class="title">
        <h1 tabindex="-1" ref=${heading}>${view.title}</h1>
        <div class="refresh">
          <button type="button" aria-pressed=${paused} onClick=${() => setPaused(!paused)}>${paused ? "Paused" : "Pause"}</button>
          <button type="button" onClick=${() => setTurn(turn + 1)}>Refresh</button>
        </div>
      </div>
      <${View} key=${place.view} place=${place} paused=${paused} turn=${turn} />
    </main>
  `;
}

interface ViewProps {
  readonly place: Place;
  readonly paused: boolean;
  readonly turn: number;
}

function View({ place, paused, turn }: ViewProps): VNode {
  if (place.view === "usage") return html`<${UsageView} query=${place.query} paused=${paused} turn=${turn} />`;
  if (place.view === "limits")
    return html`<${Read} path="/-/limits?limit=10000" paused=${paused} turn=${turn} show=${(limits: Limits) => html`<${LimitsView} limits=${limits} />`} />`;
  if (place.view === "incidents")
    return html`<${Read} path="/-/incidents?limit=500" paused=${paused} turn=${turn} show=${(incidents: Incidents) => html`<${IncidentsView} incidents=${incidents} />`} />`;
  if (place.view === "regions")
    return html`<${Read} path="/-/console/proof" paused=${paused} turn=${turn} show=${(proof: Proof | null) => html`<${Regions} proof=${proof} />`} />`;
  return html`<${Read} path="/-/console/state" paused=${paused} turn=${turn} show=${(state: State) => html`<${Overview} state=${state} />`} />`;
}

function Read<Value>({ path, paused, turn, show }: { path: string; paused: boolean; turn: number; show: (value: Value) => VNode }): VNode {
  const reading: Reading<Value> = useData<Value>(path, paused, turn);
  return html`<${Shown} reading=${reading} show=${show} />${reading.at !== null && html`<p class="hint">Read <${Moment} at=${reading.at} short /></p>`}`;
}

const root = document.getElementById("app");
const { mode } = document.documentElement.dataset;

/** Where another site led here the browser kept the cookie back; asked from here it sends it. */
async function hasSession(): Promise<boolean> {
  const answer = await fetch("/-/console/state", { method: "HEAD" }).catch(() => null);
  return answer?.ok === true;
}

if (root !== null && (mode === "app" || (mode === "look" && (await hasSession())))) {
  root.replaceChildren();
  render(html`<${App} />`, root);
}
