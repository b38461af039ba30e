/** report.html of a simulation at scale: one file that needs nothing else. */
import type { AttemptRecord, ScaleRunResult } from "@tributary/simulate";
import { barChart, escaped, lineChart, type Series } from "./charts.ts";
import { figure, style } from "./page.ts";
import { budget } from "./words.ts";

/** Points that a line is drawn with, at most: of more attempts every so many. */
const mostPoints = 400;

export function scalePage(result: ScaleRunResult, records: readonly AttemptRecord[]): string {
  const { population, privacy, settings } = result;
  const every = Math.ceil(records.length / mostPoints);
  const shown = records.filter((_, place) => place % every === 0 || place === records.length - 1);
  const line = (name: string, className: string, of: (record: AttemptRecord) => number): Series => ({
    ...{ name, className },
    points: shown.map((record) => [record.attempt, of(record)] as const),
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tributary: simulation ${result.run}</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>Simulation ${result.run}</h1>
<p class="source">${result.synthetic ? '<strong class="tag">synthetic data</strong> ' : ""}${population.customers} customers with ${population.events} events at ${population.nodes} nodes, ${settings.conditions.cohort} invited to a round; seed ${settings.seed}.</p>
</header>
<section class="figures">
${figure("ε spent", budget(privacy.epsilon), `δ ${privacy.delta}; unit: ${privacy.unit}`)}
${figure("NDCG@10", result.federated.ndcg10.toFixed(4), `popularity ${result.popularity.ndcg10.toFixed(4)}, before the first round ${result.floor.ndcg10.toFixed(4)}`)}
${figure("HR@10", result.federated.hr10.toFixed(4), `of ${result.federated.customers} customers judged`)}
${figure("rounds", String(result.releasedRounds), `released; ${result.abandonedRounds} given up, ${result.attempts} attempts`)}
</section>
<section class="charts">
${lineChart("Nodes by attempt", "attempt", [
  line("invited", "series-3", ({ invited }) => invited),
  line("answered", "series-2", ({ cohort }) => cohort),
  line("in the sum", "series-1", ({ survivors }) => survivors),
])}
${lineChart("ε spent", "attempt", [line("ε", "series-1", ({ epsilon }) => epsilon)])}
${lineChart("How far the model moved", "attempt", [line("L2", "series-1", ({ moved }) => moved)])}
${barChart(
  "NDCG@10",
  (["floor", "popularity", "federated"] as const).map((name) => ({
    name,
    values: [{ series: "NDCG@10", className: "series-1", value: result[name].ndcg10 }],
  })),
)}
</section>
<section>
<h2>What was simulated</h2>
<ul>
<li>Nodes of ${population.smallestNode} to ${population.largestNode} customers; ${population.adversaries} adversaries.</li>
<li>Aggregation: ${escaped(settings.aggregation)}; noise: ${escaped(privacy.noiseMode)}${privacy.noiseMode === "central" ? " (one draw for the whole sum: only a simulation may do so)" : ""}.</li>
${privacy.conditional === undefined ? "" : `<li><strong>Conditional: ${escaped(privacy.conditional)}.</strong></li>`}
${result.why.map((reason) => `<li>${escaped(reason)}</li>`).join("\n")}
</ul>
<pre>${escaped(JSON.stringify(settings, undefined, 2))}</pre>
</section>
</main>
</body>
</html>
`;
}
