import { html } from "htm/preact";
import type { ComponentChildren, VNode } from "preact";
import { span } from "./format.ts";
import type { Reading } from "./use-data.ts";

/** One figure with its name. */
export function Tile({
  name,
  value,
  note = null,
  tone = null,
}: {
  name: string;
  value: ComponentChildren;
  note?: ComponentChildren;
  tone?: "bad" | "good" | null;
}): VNode {
  return html`<div class=${`tile ${tone ?? ""}`}><dt>${name}</dt><dd>${value}</dd>${note !== null && html`<dd class="note">${note}</dd>`}</div>`;
}

/** A word of state. Its colour says nothing that the word does not. */
export function Mark({ tone, children }: { tone: "good" | "bad" | "warn" | "plain"; children?: ComponentChildren }): VNode {
  return html`<span class=${`mark ${tone}`}>${children}</span>`;
}

/** A moment, in the reader's time; exact where the pointer rests. */
export function Moment({ at, short = false }: { at: string | number; short?: boolean }): VNode {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return html`<span>unknown</span>`;
  const iso = date.toISOString();
  const format = new Intl.DateTimeFormat(
    undefined,
    short ? { timeStyle: "medium" } : { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" },
  );
  return html`<time dateTime=${iso} title=${iso}>${format.format(date)}</time>`;
}

/** How much of a whole is used and held, as a bar; the numbers stand beside it. */
export function Bar({ used, held, limit }: { used: number; held: number; limit: number }): VNode {
  const share = (value: number): number => (limit <= 0 ? 100 : Math.min(100, (100 * value) / limit));
  const usedShare = share(used);
  const heldShare = Math.min(100 - usedShare, share(held));
  const tone = used >= limit ? "over" : usedShare >= 80 ? "near" : "fine";
  return html`<svg class=${`bar ${tone}`} viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
    <rect class="rest" width="100" height="8" />
    <rect class="used" width=${usedShare} height="8" />
    <rect class="held" x=${usedShare} width=${heldShare} height="8" />
  </svg>`;
}

/** What there is, or why there is nothing yet. `show` gets the data; a reading that failed is told above the data that are left. */
export function Shown<Value>({ reading, show }: { reading: Reading<Value>; show: (value: Value) => ComponentChildren }): VNode {
  const { value, at, fault } = reading;
  return html`
    <div role="alert">${fault !== null && html`<p class="fault">${fault}${at !== null && html` Shown is what was known <${Moment} at=${at} short /> (${span(Date.now() - at)} ago).`}</p>`}</div>
    ${value === null ? fault === null && html`<p class="waiting" role="status">Loading…</p>` : show(value)}
  `;
}
