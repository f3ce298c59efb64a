import { html } from "htm/preact";
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { clockTime } from "./format.ts";

export interface Series {
  readonly name: string;
  /** A custom property of the style sheet that holds its colour. */
  readonly color: string;
  readonly values: readonly number[];
}

interface ChartProps {
  /** What it shows, in a sentence: all that a screen reader gets of the drawing. */
  readonly label: string;
  /** Milliseconds since the epoch, rising. */
  readonly times: readonly number[];
  /** Stacked upon each other, the first at the bottom. */
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
}

const HEIGHT = 220;
const HOUR_MS = 3_600_000;

/** Bars over time. The numbers stand in a table beside it (usage.ts). */
export function Chart({ label, times, series, format }: ChartProps): VNode {
  const place = useRef<HTMLDivElement>(null);
  const [theme, setTheme] = useState(0);
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const change = (): void => setTheme((turn) => turn + 1);
    dark.addEventListener("change", change);
    return () => dark.removeEventListener("change", change);
  }, []);
  // By content: what is read again and has not changed is not drawn again.
  const key = JSON.stringify([times, series, theme]);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const plot = new uPlot(optionsFor(element, times, series, format), dataOf(times, series), element);
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [key]);
  return html`<figure class="chart">
    <figcaption>${series.map(({ name, color }) => html`<span class="legend"><span class=${`swatch ${color}`} aria-hidden="true"></span>${name}</span>`)}</figcaption>
    <div ref=${place} role="img" aria-label=${label}></div>
  </figure>`;
}

function optionsFor(element: HTMLElement, times: readonly number[], series: readonly Series[], format: (value: number) => string): uPlot.Options {
  const style = getComputedStyle(element);
  const colorOf = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const step = ((times[1] ?? HOUR_MS) - (times.length > 1 ? (times[0] ?? 0) : 0)) / 1_000;
  const axis = {
    stroke: colorOf("quiet"),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: colorOf("line"), width: 1 },
    ticks: { stroke: colorOf("line"), width: 1 },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    // Room for half a bar at both ends.
    scales: { x: { range: (_plot, from, to) => [from - step / 2, to + step / 2] }, y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] } },
    legend: { show: false },
    cursor: { show: false },
    axes: [
      // Days first, and hours where there are few days.
      { ...axis, size: 28, space: 72, incrs: [1, 3, 6, 12, 24, 48, 96, 168].map((hours) => hours * 3_600), values: (_plot, ticks) => ticks.map(timeText) },
      { ...axis, size: 64, values: (_plot, ticks) => ticks.map(format) },
    ],
    // The whole stack first: what is drawn later stands in front of it.
    series: [{}, ...[...series].reverse().map(({ color }) => barsOf(colorOf(color)))],
  };
}

/** Of seconds since the epoch. */
function timeText(seconds: number): string {
  return clockTime(seconds * 1_000, seconds % 86_400 === 0);
}

function barsOf(color: string): uPlot.Series {
  const { bars } = uPlot.paths;
  return { stroke: color, fill: color, width: 0, points: { show: false }, ...(bars === undefined ? {} : { paths: bars({ size: [0.8, 28] }) }) };
}

function dataOf(times: readonly number[], series: readonly Series[]): uPlot.AlignedData {
  const sums = series.map((_, index) => times.map((_time, at) => series.slice(0, index + 1).reduce((sum, { values }) => sum + (values[at] ?? 0), 0)));
  return [times.map((time) => time / 1_000), ...sums.reverse()];
}
