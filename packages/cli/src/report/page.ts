/** report.html: one file that needs nothing else, with everything that a run found. */
import type { FederationReport } from "@tributary/simulate";
import { barChart, escaped, lineChart, type Series } from "./charts.ts";
import { budget, slowness } from "./words.ts";
import { writtenLines } from "./written.ts";

type Score = "hr10" | "ndcg10";

/** The page's text. Holds aggregate figures only. */
export function reportPage(report: FederationReport): string {
  const { privacy } = report;
  const synthetic = report.source.kind === "synthetic";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tributary: what the federation learnt, and what it cost</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>What the federation learnt, and what it cost</h1>
<p class="source">${synthetic ? '<strong class="tag">synthetic data</strong> ' : ""}${escaped(report.source.description)}</p>
</header>
<section class="figures">
${figure("ε spent", budget(privacy.epsilon), `limit ${budget(privacy.limit)}, δ ${privacy.delta}; ${privacy.tier}`)}
${figure("NDCG@10", report.federated.ndcg10.toFixed(4), `federated; popularity ${report.popularity.ndcg10.toFixed(4)}, alone ${report.local.ndcg10.toFixed(4)}`)}
${figure("HR@10", report.federated.hr10.toFixed(4), `federated; popularity ${report.popularity.hr10.toFixed(4)}, alone ${report.local.hr10.toFixed(4)}`)}
${figure("ledger", report.ledger.fullyVerified ? "verified" : report.ledger.verified ? "self-consistent" : "NOT verified", `${report.ledger.entries} entries, ${report.rounds} rounds`)}
</section>
<p class="verdict">${[...slowness(report), report.joining].map(escaped).join(" ")}</p>
<section class="charts">
${accuracyChart(report, "ndcg10", "NDCG@10 by round")}
${accuracyChart(report, "hr10", "HR@10 by round")}
${lineChart(
  "ε spent by round",
  "round",
  [{ name: "spent", className: "series-1", points: report.byRound.map((round) => [round.round, round.epsilon] as const) }],
  [{ name: `limit ${budget(privacy.limit)}`, className: "series-3", value: privacy.limit }],
)}
${barChart(
  "NDCG@10 by merchant",
  report.byMerchant.map((merchant) => ({
    name: merchant.node,
    values: [
      { series: "federated", className: "series-1", value: merchant.federated.ndcg10 },
      { series: "alone", className: "series-2", value: merchant.local.ndcg10 },
    ],
  })),
)}
</section>
${writtenSection(report)}<section>
<h2>Figures</h2>
<table>
<thead><tr><th></th><th>HR@10</th><th>NDCG@10</th><th>MRR</th><th>new items: HR@10</th><th>NDCG@10</th></tr></thead>
<tbody>
${(
  [
    ["before the first round (ε = 0)", report.floor],
    ["popularity", report.popularity],
    ["average merchant alone, no privacy", report.local],
    ["federated", report.federated],
    ...(report.joined === undefined ? [] : [["federated + in-house", report.joined] as const]),
  ] as const
)
  .map(
    ([name, block]) =>
      `<tr><th scope="row">${name}</th>${[block.hr10, block.ndcg10, block.mrr, block.newItems.hr10, block.newItems.ndcg10].map((value) => `<td>${value.toFixed(4)}</td>`).join("")}</tr>`,
  )
  .join("\n")}
</tbody>
</table>
<p class="small">${escaped(report.evaluation)} Items seen before are ${report.repeats === "keep" ? "kept" : "masked"}; ${report.evaluated} of ${report.customers} customers were evaluated, among all ${report.items} items.</p>
</section>
<section>
<h2>What is guaranteed, and to whom</h2>
<ul>
<li>Unit: ${escaped(privacy.unit)}. ε = ${budget(privacy.epsilon)} at δ = ${privacy.delta}, of at most ${budget(privacy.limit)} (${escaped(privacy.tier)}).</li>
<li>${escaped(privacy.noise)}</li>
${privacy.conditional ? `<li><strong>Conditional: ${escaped(privacy.conditional)}.</strong></li>` : ""}
<li>A file can't show that noise was added, customers clipped, sampling kept secret and counts honest: signatures attest to claims.</li>
</ul>
<p>Check it without us: <code>tributary ledger verify ledger.jsonl --key ${report.ledger.key} --head ${report.ledger.head}</code></p>
</section>
<section>
<h2>How it ran</h2>
<ul>
<li>${report.merchants} merchants, ${report.customers} customers, ${report.rounds} rounds of ${report.secondsPerRound.toFixed(2)} s; ${(report.bytesPerRoundPerNode / 1e6).toFixed(3)} MB per round and merchant.</li>
${report.why.map((reason) => `<li>${escaped(reason)}</li>`).join("\n")}
</ul>
</section>
</main>
</body>
</html>
`;
}

function writtenSection(report: FederationReport): string {
  const [heading, ...lines] = writtenLines(report);
  if (heading === undefined) return "";
  return `<section>\n<h2>Released metrics</h2>\n<p>${escaped(heading)}</p>\n<pre>${lines.map((line) => escaped(line)).join("\n")}</pre>\n</section>\n`;
}

export function figure(name: string, value: string, remark: string): string {
  return `<div class="figure"><span class="name">${escaped(name)}</span><span class="value">${escaped(value)}</span><span class="remark">${escaped(remark)}</span></div>`;
}

function accuracyChart(report: FederationReport, score: Score, title: string): string {
  const points = report.byRound.flatMap((round) => (round.accuracy ? [[round.round, round.accuracy[score]] as const] : []));
  const federated: Series = { name: "federated", className: "series-1", points: [[0, report.floor[score]], ...points] };
  return lineChart(
    title,
    "round",
    [federated],
    [
      { name: "a merchant alone", className: "series-2", value: report.local[score] },
      { name: "popularity", className: "series-3", value: report.popularity[score] },
    ],
  );
}

export const style = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --ground: #fbfbf9; --card: #fff; --rule: #e2e4e0; --one: #1f6f8b; --two: #c8772d; --three: #7a7f87; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a3adba; --ground: #14181d; --card: #1b2027; --rule: #2e353e; --one: #5cb8d6; --two: #e59b57; --three: #99a1ab; } }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
.source, .small, .remark { color: var(--soft); } .small { font-size: .88rem; }
.tag { background: var(--two); color: #fff; border-radius: 4px; padding: .05rem .45rem; font-size: .85rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: .8rem; margin: 1.4rem 0 1rem; }
.figure { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .8rem 1rem; display: flex; flex-direction: column; }
.figure .name { color: var(--soft); font-size: .85rem; } .figure .value { font-size: 1.6rem; font-weight: 650; } .figure .remark { font-size: .82rem; }
.verdict { font-size: 1.05rem; border-left: 4px solid var(--one); padding-left: .8rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 1rem; }
figure { margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .7rem; } figcaption { font-weight: 600; font-size: .92rem; }
svg { width: 100%; height: auto; } .grid { stroke: var(--rule); } .tick { fill: var(--soft); font-size: 11px; } .label { font-size: 12px; font-weight: 600; }
.whisker { stroke: var(--ink); stroke-width: 1.5; } .hit { font-weight: 650; color: var(--one); } .timeline td, .timeline th { text-align: left; font-size: .85rem; vertical-align: top; }
.line { fill: none; stroke-width: 2; } .level { stroke-dasharray: 5 4; stroke-width: 1.5; }
.series-1 { --c: var(--one); } .series-2 { --c: var(--two); } .series-3 { --c: var(--three); }
.line.series-1, .line.series-2, .line.series-3, .level { stroke: var(--c); } .dot, .bar, .label.series-1, .label.series-2, .label.series-3 { fill: var(--c); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; } th, td { text-align: right; padding: .35rem .6rem; border-bottom: 1px solid var(--rule); } th:first-child { text-align: left; font-weight: 500; }
code { background: var(--card); border: 1px solid var(--rule); border-radius: 4px; padding: .1rem .3rem; overflow-wrap: anywhere; font-size: .85rem; }
`;
