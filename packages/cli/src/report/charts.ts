/** Small SVG charts, drawn with d3's scales and shapes, that need no script and follow the page's colours. */
import { scaleBand, scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";

const width = 640;
const height = 260;
const margin = { top: 16, right: 160, bottom: 36, left: 52 };

export interface Series {
  readonly name: string;
  /** A CSS class that the page colours: `series-1` and so on. */
  readonly className: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** A horizontal line that other values are compared with. */
export interface Level {
  readonly name: string;
  readonly className: string;
  readonly value: number;
}

/** Lines over a common x axis, each labelled at its end; no legend to look up. */
export function lineChart(title: string, xLabel: string, series: readonly Series[], levels: readonly Level[] = []): string {
  const xs = series.flatMap((one) => one.points.map(([x]) => x));
  const ys = [...series.flatMap((one) => one.points.map(([, y]) => y)), ...levels.map((level) => level.value)];
  const x = scaleLinear([Math.min(0, ...xs), Math.max(1, ...xs)], [margin.left, width - margin.right]);
  const y = scaleLinear([0, Math.max(...ys, 1e-9) * 1.08], [height - margin.bottom, margin.top]).nice(5);
  const path = line<readonly [number, number]>(
    ([px]) => x(px),
    ([, py]) => y(py),
  );
  const right = width - margin.right;
  const labels = spread(
    [
      ...series.map((one) => ({ text: one.name, className: one.className, at: y(one.points.at(-1)?.[1] ?? 0) })),
      ...levels.map((level) => ({ text: level.name, className: level.className, at: y(level.value) })),
    ],
    14,
  );
  return frame(title, [
    ...axes(x.ticks(6), x, y.ticks(5), y, xLabel),
    ...levels.map(
      (level) =>
        `<line class="level ${level.className}" x1="${margin.left}" x2="${right}" y1="${y(level.value)}" y2="${y(level.value)}"/>`,
    ),
    ...series.map((one) => `<path class="line ${one.className}" d="${path([...one.points]) ?? ""}"/>`),
    ...series.flatMap((one) =>
      one.points.map(
        ([px, py]) =>
          `<circle class="dot ${one.className}" cx="${x(px)}" cy="${y(py)}" r="2.5"><title>${px}: ${py.toPrecision(4)}</title></circle>`,
      ),
    ),
    ...labels.map(
      (label) => `<text class="label ${label.className}" x="${right + 8}" y="${label.at + 4}">${escaped(label.text)}</text>`,
    ),
  ]);
}

/** A line that falls by orders of magnitude: y by its logarithm, each tick a power of ten. Points at 0 are left out. */
export function decayChart(title: string, xLabel: string, { name, className, points }: Series): string {
  const seen = points.filter(([, y]) => y > 0);
  const exponents = seen.map(([, y]) => Math.log10(y));
  const least = Math.floor(Math.min(-1, ...exponents));
  const x = scaleLinear([0, Math.max(1e-9, ...seen.map(([at]) => at))], [margin.left, width - margin.right]);
  const y = scaleLinear([least, 0], [height - margin.bottom, margin.top]);
  const path = line<readonly [number, number]>(
    ([at]) => x(at),
    ([, chance]) => y(Math.log10(chance)),
  );
  const end = seen.at(-1);
  return frame(title, [
    ...y
      .ticks(5)
      .filter(Number.isInteger)
      .map(
        (tick) =>
          `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${y(tick)}" y2="${y(tick)}"/><text class="tick" text-anchor="end" x="${margin.left - 8}" y="${y(tick) + 4}">1e${tick}</text>`,
      ),
    ...x
      .ticks(6)
      .map(
        (tick) => `<text class="tick" text-anchor="middle" x="${x(tick)}" y="${height - margin.bottom + 16}">${tick}</text>`,
      ),
    `<text class="tick" text-anchor="end" x="${width - margin.right}" y="${height - 6}">${escaped(xLabel)}</text>`,
    `<path class="line ${className}" d="${path([...seen]) ?? ""}"/>`,
    ...(end === undefined
      ? []
      : [`<text class="label ${className}" x="${x(end[0]) + 8}" y="${y(Math.log10(end[1])) + 4}">${escaped(name)}</text>`]),
  ]);
}

/**
 * Lines over two logarithmic axes that end at 1, each labelled beside the plot. Below `least` nothing is drawn: points there stand on the edge.
 */
export function logChart(title: string, xLabel: string, series: readonly Series[], least: number): string {
  const x = scaleLog([least, 1], [margin.left, width - margin.right]);
  const y = scaleLog([least, 1], [height - margin.bottom, margin.top]);
  const within = (value: number) => Math.max(value, least);
  const path = line<readonly [number, number]>(
    ([px]) => x(within(px)),
    ([, py]) => y(within(py)),
  );
  const ticks = Array.from({ length: 1 - Math.floor(Math.log10(least)) }, (_, power) => 10 ** -power).filter(
    (tick) => tick >= least,
  );
  return frame(title, [
    ...yAxis(ticks, y),
    ...ticks.map(
      (tick) =>
        `<text class="tick" text-anchor="middle" x="${x(tick)}" y="${height - margin.bottom + 16}">${Number(tick.toPrecision(3))}</text>`,
    ),
    `<text class="tick" text-anchor="end" x="${width - margin.right}" y="${height - 4}">${escaped(xLabel)}</text>`,
    ...series.map((one) => `<path class="line ${one.className}" d="${path([...one.points]) ?? ""}"/>`),
    ...series.map(
      (one, place) =>
        `<text class="label ${one.className}" x="${width - margin.right + 8}" y="${margin.top + 12 + 16 * place}">${escaped(one.name)}</text>`,
    ),
  ]);
}

interface BarValue {
  readonly series: string;
  readonly className: string;
  readonly value: number;
  /** Drawn as a whisker. */
  readonly interval?: readonly [low: number, high: number];
}

export interface BarGroup {
  readonly name: string;
  readonly values: readonly BarValue[];
}

/** Of a tick's text, px. */
const letterWidth = 7;

/** Bars side by side for each group. */
export function barChart(title: string, groups: readonly BarGroup[]): string {
  const names = groups.map((group) => group.name);
  const inner = groups[0]?.values ?? [];
  const x = scaleBand(names, [margin.left, width - margin.right])
    .paddingInner(0.25)
    .paddingOuter(0.1);
  const within = scaleBand(
    inner.map((value) => value.series),
    [0, x.bandwidth()],
  ).padding(0.08);
  const most = Math.max(...groups.flatMap((group) => group.values.map(({ value, interval }) => interval?.[1] ?? value)), 1e-9);
  const y = scaleLinear([0, most * 1.08], [height - margin.bottom, margin.top]).nice(5);
  const longest = Math.max(...names.map((name) => name.length), 1);
  const every = Math.max(1, Math.ceil((longest * letterWidth) / x.step()));
  return frame(title, [
    ...yAxis(y.ticks(5), y),
    ...groups.flatMap((group) =>
      group.values.map((value) => {
        const left = (x(group.name) ?? 0) + (within(value.series) ?? 0);
        const top = y(value.value);
        return `<rect class="bar ${value.className}" x="${left}" y="${top}" width="${within.bandwidth()}" height="${height - margin.bottom - top}"><title>${escaped(group.name)}, ${escaped(value.series)}: ${value.value.toPrecision(4)}</title></rect>${whisker(value, left + within.bandwidth() / 2, y)}`;
      }),
    ),
    ...names
      .filter((_, place) => place % every === 0)
      .map(
        (name) =>
          `<text class="tick" text-anchor="middle" x="${(x(name) ?? 0) + x.bandwidth() / 2}" y="${height - margin.bottom + 16}">${escaped(name)}</text>`,
      ),
    ...inner.map(
      (value, place) =>
        `<text class="label ${value.className}" x="${width - margin.right + 8}" y="${margin.top + 12 + 16 * place}">${escaped(value.series)}</text>`,
    ),
  ]);
}

type Position = (value: number) => number;

function whisker({ interval }: BarValue, at: number, y: Position): string {
  if (interval === undefined) return "";
  return `<line class="whisker" x1="${at}" x2="${at}" y1="${y(interval[0])}" y2="${y(interval[1])}"/>`;
}

function axes(xTicks: readonly number[], x: Position, yTicks: readonly number[], y: Position, xLabel: string): string[] {
  return [
    ...yAxis(yTicks, y),
    ...xTicks
      .filter(Number.isInteger)
      .map(
        (tick) => `<text class="tick" text-anchor="middle" x="${x(tick)}" y="${height - margin.bottom + 16}">${tick}</text>`,
      ),
    `<text class="tick" text-anchor="end" x="${width - margin.right}" y="${height - 6}">${escaped(xLabel)}</text>`,
  ];
}

function yAxis(ticks: readonly number[], y: Position): string[] {
  return ticks.map(
    (tick) =>
      `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${y(tick)}" y2="${y(tick)}"/><text class="tick" text-anchor="end" x="${margin.left - 8}" y="${y(tick) + 4}">${Number(tick.toPrecision(3))}</text>`,
  );
}

/** Moves labels apart so that none covers another. */
function spread<Label extends { readonly at: number }>(labels: readonly Label[], least: number): Label[] {
  const sorted = [...labels].sort((a, b) => a.at - b.at);
  let before = Number.NEGATIVE_INFINITY;
  return sorted.map((label) => {
    before = Math.max(label.at, before + least);
    return { ...label, at: before };
  });
}

function frame(title: string, parts: readonly string[]): string {
  return `<figure><figcaption>${escaped(title)}</figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">${parts.join("")}</svg></figure>`;
}

export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
