/** Lines over a common axis by uPlot, with bands where a series has an error, in the page's colours; beside it the same numbers as a table for who doesn't see it. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatNumber } from "./format.ts";
import { language } from "./language.ts";
import { colour, isDark } from "./theme.ts";

interface Series {
  readonly title: string;
  /** One of the colours of `base.css`: "first", "second", … */
  readonly colour: "first" | "second" | "third" | "fourth";
  readonly values: readonly (number | null)[];
  /** Bounds of an error band, where there is one. */
  readonly band?: { readonly low: readonly (number | null)[]; readonly high: readonly (number | null)[] };
  readonly dashed?: boolean;
}

export interface ChartProps {
  readonly label: string;
  readonly xTitle: string;
  readonly x: readonly number[];
  readonly series: readonly Series[];
  /** CSS pixels. */
  readonly height?: number;
  /** How values are written, beside axes and in the table. */
  format?(value: number): string;
}

export function Chart(props: ChartProps) {
  const { label, xTitle, x, series, height = 240 } = props;
  const format = props.format ?? ((value: number) => formatNumber(value, language.value));
  const box = useRef<HTMLDivElement>(null);
  const dark = isDark();
  useEffect(() => {
    const { current } = box;
    if (current === null) return undefined;
    const plot = new uPlot(optionsOf(props, format, current.clientWidth), dataOf(x, series), current);
    const watch = new ResizeObserver(() => plot.setSize({ width: current.clientWidth, height }));
    watch.observe(current);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [x, series, height, dark, language.value]);
  return (
    <figure class="chart" aria-label={label}>
      <div ref={box} aria-hidden="true" style={{ minHeight: `${height}px` }} />
      <details>
        <summary class="soft">{label}</summary>
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th class="end">{xTitle}</th>
                {series.map(({ title }) => (
                  <th key={title} class="end">
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {x.map((at, place) => (
                <tr key={at}>
                  <td class="end">{at}</td>
                  {series.map(({ title, values, band }) => (
                    <td key={title} class="end">
                      {cell(values[place], format)}
                      {band !== undefined && ` (${cell(band.low[place], format)} … ${cell(band.high[place], format)})`}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}

const cell = (value: number | null | undefined, format: (value: number) => string): string =>
  value === null || value === undefined ? "–" : format(value);

function dataOf(x: readonly number[], series: readonly Series[]): uPlot.AlignedData {
  return [
    [...x],
    ...series.flatMap(({ values, band }) => [[...values], ...(band === undefined ? [] : [[...band.low], [...band.high]])]),
  ];
}

function optionsOf(
  { xTitle, x, series, height = 240 }: ChartProps,
  format: (value: number) => string,
  width: number,
): uPlot.Options {
  const [ink, line] = [colour("soft"), colour("line")];
  const bands: uPlot.Band[] = [];
  const lines: uPlot.Series[] = [{ label: xTitle, value: (_plot, value) => (value === null ? "–" : String(value)) }];
  for (const { title, colour: name, band, dashed } of series) {
    const stroke = colour(name);
    const value = (_plot: uPlot, at: number | null) => cell(at, format);
    lines.push({
      label: title,
      stroke,
      width: 2,
      value,
      ...(dashed === true ? { dash: [6, 4] } : {}),
      points: { size: 6, show: dashed !== true && x.length <= 100 },
    });
    if (band === undefined) continue;
    const edge = { stroke, width: 0.5, points: { show: false }, value };
    bands.push({
      series: [lines.length + 1, lines.length],
      fill: stroke.replace(/^rgb\((.+)\)$/, "rgb($1 / 0.15)").replaceAll(",", " "),
    });
    lines.push({ ...edge, label: `${title} ↓` }, { ...edge, label: `${title} ↑` });
  }
  const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "12px system-ui" };
  return {
    ...{ width, height, series: lines, bands, padding: [8, 8, 0, 0] },
    scales: { x: { time: false } },
    axes: [
      { ...axis, label: xTitle, labelSize: 18, labelFont: "12px system-ui", incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
      { ...axis, size: 64, values: (_plot, ticks) => ticks.map(format) },
    ],
  };
}
