/** The page of `plan new --target-epsilon --html`: what each ε buys, as plots and tables, in one file that needs nothing else. */
import type { Candidate, PlanSearch } from "@tributary/simulate";
import { escaped, lineChart, type Series } from "./charts.ts";
import { style } from "./page.ts";

/** The page's text. Everything in it follows from public numbers and simulations of a made-up market. */
export function frontierPage({ chosen, frontier, byEpsilon, market, tried, why, warnings }: PlanSearch): string {
  const levels = [
    { name: "content, ε = 0", className: "series-2", value: market.floor },
    { name: "popularity", className: "series-3", value: market.popularity },
  ];
  const series = (rows: readonly Candidate[], x: (row: Candidate) => number): Series => ({
    name: "expected",
    className: "series-1",
    points: rows.map((row) => [x(row), row.expected] as const).sort(([a], [b]) => a - b),
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tributary: what an ε buys</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>What an ε buys</h1>
<p class="source"><strong class="tag">simulated</strong> NDCG@10 on a made-up market of ${market.items} items and ${market.customers} customers; ${tried} plans at ε = ${chosen.epsilon}</p>
</header>
${warnings.map((warning) => `<p class="verdict">${escaped(warning)}</p>`).join("\n")}
<section class="charts">
${lineChart("Expected NDCG@10 by ε", "ε", [series(byEpsilon, ({ epsilon }) => epsilon)], levels)}
${lineChart(`At ε = ${chosen.epsilon}, by minutes for all rounds`, "minutes", [series(frontier, ({ hours }) => 60 * hours)], levels)}
${lineChart(`At ε = ${chosen.epsilon}, by MB that a merchant uploads`, "MB", [series(frontier, ({ bytes }) => bytes / 1e6)], levels)}
</section>
<section>
<h2>At ε = ${chosen.epsilon}</h2>
${tableOf(frontier, chosen)}
<h2>At other ε</h2>
${tableOf(byEpsilon, chosen)}
</section>
<section>
<h2>Why the marked one</h2>
<ul>
${why.map((reason) => `<li>${escaped(reason)}</li>`).join("\n")}
</ul>
</section>
</main>
</body>
</html>
`;
}

function tableOf(rows: readonly Candidate[], chosen: Candidate): string {
  const cells = (row: Candidate) => [
    row.expected.toFixed(4),
    row.hours.toFixed(3),
    (row.bytes / 1e6).toFixed(1),
    String(row.rounds),
    String(row.minCohort),
    `${Math.round(100 * row.trainingShare)} %`,
  ];
  return `<table>
<thead><tr><th>ε</th><th>expected NDCG@10</th><th>hours</th><th>MB a merchant</th><th>rounds</th><th>merchants at least</th><th>for training</th></tr></thead>
<tbody>
${rows
  .map(
    (row) =>
      `<tr><th scope="row">${row === chosen ? "→ " : ""}${Number(row.epsilon.toPrecision(4))}</th>${cells(row)
        .map((cell) => `<td>${cell}</td>`)
        .join("")}</tr>`,
  )
  .join("\n")}
</tbody>
</table>`;
}
