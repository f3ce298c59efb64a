import { html } from "htm/preact";
import type { VNode } from "preact";
import type { DescribedDegradation } from "../src/pages/describe-status.ts";
import { Mark, Moment } from "./parts.ts";

/** What of this instance is worse than it should be, the oldest first. It is always there, so that a reader of the screen hears when it changes. */
export function Degraded({ degraded }: { degraded: readonly DescribedDegradation[] }): VNode {
  return html`<div id="degraded" role="status">${
    degraded.length === 0
      ? html`<p class="hint">Nothing is degraded in this instance.</p>`
      : html`<section class="panel bad" aria-labelledby="degraded-now">
      <h2 id="degraded-now">Degraded now, in this instance</h2>
      <ul>${degraded.map((one) => html`<li key=${`${one.part} ${one.subject}`}>${describe(one)}</li>`)}</ul>
    </section>`
  }</div>`;
}

function describe({ part, subject, reason, detail, since, until, effect, docs }: DescribedDegradation): VNode {
  return html`<strong>${part} ${subject}</strong> <${Mark} tone="bad">${reason}</${Mark}> since <${Moment} at=${since} />${until !== null && html`, tried again from <${Moment} at=${until} />`}${
    detail !== null && html`<p>${detail}</p>`
  }<p>${effect} What to do: <code>${docs}</code></p>`;
}
