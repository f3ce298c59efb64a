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
      <ul>${alike(degraded).map((group) => html`<li key=${`${group[0].part} ${group[0].subject}`}>${describe(group)}</li>`)}</ul>
    </section>`
  }</div>`;
}

type Group = readonly [DescribedDegradation, ...DescribedDegradation[]];

/** What has the same effect and the same page stands together, so that both are said once: a backend may be out for many namespaces. */
function alike(degraded: readonly DescribedDegradation[]): readonly Group[] {
  const groups = new Map<string, [DescribedDegradation, ...DescribedDegradation[]]>();
  for (const one of degraded) {
    const key = JSON.stringify([one.effect, one.docs]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()];
}

function describe(group: Group): VNode {
  const [{ effect, docs }] = group;
  return html`${group.map((one) => html`<p key=${`${one.part} ${one.subject}`}>${line(one)}</p>`)}<p>${effect} What to do: <code>${docs}</code></p>`;
}

function line({ part, subject, reason, detail, since, until }: DescribedDegradation): VNode {
  return html`<strong>${part} ${subject}</strong> <${Mark} tone="bad">${reason}</${Mark}> since <${Moment} at=${since} />${until !== null && html`, tried again from <${Moment} at=${until} />`}${
    detail !== null && html`<br />${detail}`
  }`;
}
