/** A merchant's data in words and as a page. Both are for the merchant alone: nothing in them is protected by noise. */
import type { FeatureReport, FeatureSummary, ImportSummary } from "@tributary/client";
import { type DataQuality, dropReasons } from "@tributary/events";
import { table } from "../output.ts";
import { barChart, escaped, lineChart } from "./charts.ts";
import { figure, style } from "./page.ts";

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** Customers' features, a row each: the middle, and where most are. */
export function featureRows({ round, features }: FeatureReport): string[][] {
  const told = (summary: FeatureSummary | null) =>
    summary === null ? "" : `${number(summary.mean)} (${number(summary.from)} to ${number(summary.to)})`;
  return [
    ["feature", "own customers", ...(round === null ? [] : ["the federation's, released under ε"])],
    ...features.map(({ name, own, federation }) => [name, told(own), ...(round === null ? [] : [told(federation)])]),
  ];
}

const number = (value: number) => Number(value.toPrecision(3)).toString();

export function qualityLines(quality: DataQuality): string[] {
  const { byDay, concentration, customers, events, funnel, items, lengthQuantiles: lengths } = quality;
  return [
    `${events} events of ${customers} customers with ${items} items, on ${byDay.length} days from ${byDay[0]?.[0] ?? "never"} to ${byDay.at(-1)?.[0] ?? "never"}`,
    "",
    ...table([
      ["action", "events", "customers", "of all customers"],
      ...funnel.map((one) => [one.action, String(one.events), String(one.customers), percent(one.customers / customers)]),
    ]),
    "",
    `history lengths: median ${lengths.p50}, a tenth below ${lengths.p10}, a tenth above ${lengths.p90}, the longest ${lengths.most}`,
    `items: the most met hundredth has ${percent(concentration.top1Percent)} of the events, a tenth ${percent(concentration.top10Percent)}; Gini ${concentration.gini.toFixed(3)}`,
    `time between a customer's events: ${quality.gaps.map(({ name, pairs }) => `${name} ${pairs}`).join(", ")}`,
    ...quality.silence.map(({ from, to, days }) => `no event from ${from} to ${to} (${days} days)`),
    ...quality.remarks.map((remark) => `! ${remark}`),
    "for this merchant's eyes alone: these figures are exact, and no noise protects anybody in them",
  ];
}

/** Points that a line is drawn with, at most: of more days, so many together. */
const mostPoints = 200;

/** @param summary what an import counted, where the page is about one */
export function qualityPage(quality: DataQuality, summary?: ImportSummary, features?: FeatureReport): string {
  const { byDay, concentration, customers, funnel, lengthQuantiles } = quality;
  const bars = (title: string, series: string, values: readonly (readonly [string, number])[]) =>
    values.length === 0
      ? ""
      : barChart(
          title,
          values.map(([name, value]) => ({ name, values: [{ series, className: "series-1", value }] })),
        );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tributary: the quality of this merchant's data</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>The quality of this merchant's data</h1>
<p class="source">For this merchant alone: these figures are exact, and no noise protects anybody in them.</p>
</header>
<section class="figures">
${figure("events", String(quality.events), `${byDay[0]?.[0] ?? "never"} to ${byDay.at(-1)?.[0] ?? "never"}`)}
${figure("customers", String(customers), `histories: median ${lengthQuantiles.p50}, longest ${lengthQuantiles.most} events`)}
${figure("items", String(quality.items), `a hundredth of them has ${percent(concentration.top1Percent)} of the events`)}
${figure("purchases", String(funnel.find(({ action }) => action === "buy")?.events ?? 0), `by ${funnel.find(({ action }) => action === "buy")?.customers ?? 0} customers`)}
</section>
${quality.remarks.length === 0 ? "" : `<ul>${quality.remarks.map((remark) => `<li>${escaped(remark)}</li>`).join("")}</ul>`}
<section class="charts">
${lineChart("Events by day", `days since ${byDay[0]?.[0] ?? "the first"}`, [{ name: "events", className: "series-1", points: pointsOf(byDay) }])}
${bars(
  "Customers by what they ever did",
  "customers",
  funnel.map((one) => [one.action, one.customers]),
)}
${bars(
  "Customers by number of events",
  "customers",
  quality.lengths.map(({ least, customers: many }) => [`${least}+`, many]),
)}
${bars(
  "Time between a customer's events",
  "pairs",
  quality.gaps.map(({ name, pairs }) => [name, pairs]),
)}
</section>
${features === undefined ? "" : featureTable(features)}
<section>
<h2>Items and days</h2>
<p>Of the events with an item, the most met hundredth of the items has ${percent(concentration.top1Percent)} and the most met tenth ${percent(concentration.top10Percent)}; Gini coefficient ${concentration.gini.toFixed(3)}.</p>
${quality.silence.length === 0 ? "<p>No day is without events.</p>" : `<ul>${quality.silence.map(({ from, to, days }) => `<li>No event from ${from} to ${to} (${days} days).</li>`).join("")}</ul>`}
</section>
${summary === undefined ? "" : importSection(summary)}
</main>
</body>
</html>
`;
}

/** Days without events are 0, not left out. */
function pointsOf(byDay: DataQuality["byDay"]): (readonly [number, number])[] {
  const dayOf = (day: string) => Date.parse(day) / 86_400_000;
  const [first, last] = [byDay[0], byDay.at(-1)];
  if (first === undefined || last === undefined) return [[0, 0]];
  const span = dayOf(last[0]) - dayOf(first[0]) + 1;
  const width = Math.ceil(span / mostPoints);
  const counts = Array.from({ length: Math.ceil(span / width) }, () => 0);
  for (const [day, events] of byDay) {
    const place = Math.floor((dayOf(day) - dayOf(first[0])) / width);
    counts[place] = (counts[place] ?? 0) + events;
  }
  return counts.map((events, place) => [place * width, events / width]);
}

function importSection({ files, rows, kept, dropped }: ImportSummary): string {
  const reasons = dropReasons.filter((reason) => dropped[reason] > 0);
  return `<section>
<h2>What the import dropped</h2>
<p>${escaped(files.join(", "))}: ${rows} rows read, ${kept} kept.</p>
<table><tr><th>reason</th><th>rows</th></tr>${reasons.map((reason) => `<tr><th>${reason}</th><td>${dropped[reason]}</td></tr>`).join("")}</table>
</section>`;
}

function featureTable(report: FeatureReport): string {
  const [head = [], ...rows] = featureRows(report);
  const cells = (tag: "th" | "td", texts: readonly string[]) =>
    texts.map((text) => `<${tag}>${escaped(text)}</${tag}>`).join("");
  const body = rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("");
  return `<section><h2>Customers, by their features</h2>
<p>Asked at ${new Date(1000 * report.now).toISOString()}. The middle, and in brackets where most customers are.</p>
<table><thead><tr>${cells("th", head)}</tr></thead><tbody>${body}</tbody></table></section>`;
}
