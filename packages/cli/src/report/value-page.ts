/**
 * Whether joining pays a merchant, in words and as a page. Both are for that merchant alone: figures are exact, and the page shows single customers' histories,
 * which are numbered and never named.
 */
import type { Timeline, TimelineEvent, ValueBlock, ValueReport, ValueReportWithTimelines } from "@tributary/client";
import { table } from "../output.ts";
import { barChart, escaped } from "./charts.ts";
import { figure, style } from "./page.ts";
import { budget } from "./words.ts";

const order = ["floor", "popularity", "localStatistics", "local", "federated", "joined", "personalised"] as const;
type BlockName = (typeof order)[number];

const names: Readonly<Record<BlockName, string>> = {
  floor: "public content (ε = 0)",
  popularity: "popularity",
  localStatistics: "alone, without attention",
  local: "alone, tuned",
  federated: "federated",
  joined: "federated + in-house",
  personalised: "personalised",
};

/** Beneath bars. */
const short: Readonly<Record<BlockName, string>> = {
  ...{ floor: "floor", popularity: "popular", localStatistics: "tables", local: "alone" },
  ...{ federated: "federated", joined: "joined", personalised: "personal" },
};

function blocksOf(report: ValueReport): readonly (readonly [BlockName, ValueBlock])[] {
  return order.flatMap((name) => {
    const block = report[name];
    return block === undefined ? [] : [[name, block] as const];
  });
}

const four = (value: number) => value.toFixed(4);
const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
const within = ([low, high]: readonly [number, number], show: (value: number) => string) => `[${show(low)}, ${show(high)}]`;

function cost({ epsilon }: ValueReport): string {
  return epsilon.spent === 0
    ? "It has cost this node's customers nothing so far."
    : `It has cost this node's customers ε = ${budget(epsilon.spent)} at δ = ${epsilon.delta}, of at most ${budget(epsilon.limit)} that this node permits.`;
}

function aloneIs({ localAttention }: ValueReport): string {
  const begin = "Alone: exact own counts, public content and each customer's history, tuned on own validation, without privacy";
  if (localAttention === undefined) return `${begin}.`;
  const { epochs, weight, stopped } = localAttention;
  const late = stopped === "deadline" ? "; its time was up, so more might be had (`--seconds`)" : "";
  return `${begin}, and attention of the federation's shape that learnt from the own log alone (${epochs} epochs, weight ${weight}${late}). \`node serve\` trains none by itself: without a federation it serves what stands as without attention.`;
}

export function valueLines(report: ValueReport): string[] {
  const { verdict, heldOut, timelines } = report;
  return [
    verdict.sentence,
    verdict.advice,
    cost(report),
    "",
    ...table([
      ["", "HR@10", "NDCG@10", "95 % interval", "MRR", "new items NDCG@10", "against alone", "95 % interval"],
      ...blocksOf(report).map(([name, block]) => [
        names[name],
        ...[
          four(block.hr10),
          four(block.ndcg10),
          within(block.intervals.ndcg10, four),
          four(block.mrr),
          four(block.newItems.ndcg10),
        ],
        ...(block.againstLocal === undefined
          ? []
          : [signed(block.againstLocal.difference), within(block.againstLocal.interval, signed)]),
      ]),
    ]),
    "",
    `${heldOut.evaluated} of ${heldOut.customers} held-out customers, among all ${report.items} items, repeats ${report.repeats === "keep" ? "kept" : "masked"}; intervals are bootstraps over customers`,
    heldOut.sentence,
    aloneIs(report),
    report.personalisation.sentence,
    `${timelines.customers} customers event by event: of ${timelines.events} items ${timelines.hits} were among the ten shown, of the actions ${timelines.actionsRight} as expected`,
    "for this merchant's eyes alone: these figures are exact, and no noise protects anybody in them",
  ];
}

export function valuePage({ report, timelines }: ValueReportWithTimelines): string {
  const { verdict, heldOut } = report;
  const blocks = blocksOf(report);
  const best = report.personalised ?? report.joined;
  const bars = (title: string, of: (block: ValueBlock) => readonly [number, readonly [number, number]]) =>
    barChart(
      title,
      blocks.map(([name, block]) => {
        const [value, interval] = of(block);
        return {
          name: short[name],
          values: [{ series: "", className: name === "local" ? "series-2" : "series-1", value, interval }],
        };
      }),
    );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tributary: what joining is worth to this merchant</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>What joining is worth to this merchant</h1>
<p class="source">${escaped(report.federation)}, model of round ${report.model.round}. <strong>Private:</strong> exact figures, and single customers' histories below. No noise protects anybody here; keep this file on this machine (it was written for its owner alone, mode 600), and don't send it to the platform or to anybody else.</p>
<p class="verdict">${escaped(verdict.sentence)}<br>${escaped(verdict.advice)}</p>
</header>
<section class="figures">
${figure("alone, NDCG@10", four(report.local.ndcg10), within(report.local.intervals.ndcg10, four))}
${figure(verdict.of === "joined" ? "joined, NDCG@10" : "joined and personalised, NDCG@10", four(best.ndcg10), within(best.intervals.ndcg10, four))}
${figure("difference", signed(verdict.gain.difference), `${Number((100 * verdict.confidence).toPrecision(3))} % interval ${within(verdict.gain.interval, signed)}`)}
${figure("ε that it cost", budget(report.epsilon.spent), `at δ = ${report.epsilon.delta}; permitted ${budget(report.epsilon.limit)}`)}
</section>
<section class="charts">
${bars("NDCG@10, with 95 % intervals", (block) => [block.ndcg10, block.intervals.ndcg10])}
${bars("New items alone: NDCG@10, with 95 % intervals", (block) => [block.newItems.ndcg10, block.intervals.newItems.ndcg10])}
</section>
<section>
<h2>Figures</h2>
<table><tr><th>ranked by</th><th>HR@10</th><th>NDCG@10</th><th>MRR</th><th>new items HR@10</th><th>new items NDCG@10</th><th>NDCG@10 against alone</th></tr>
${blocks.map(([name, block]) => rowOf(names[name], block)).join("\n")}
</table>
<p class="small">${heldOut.evaluated} of ${heldOut.customers} held-out customers were evaluated: each one's last item event among all ${report.items} items, repeats ${report.repeats === "keep" ? "kept" : "masked"}. ${escaped(heldOut.sentence)} Intervals are percentile bootstraps over customers, differences paired; they say nothing of other noise or other months.</p>
<p class="small">${escaped(aloneIs(report))} ${escaped(report.personalisation.sentence)} ${escaped(cost(report))}</p>
</section>
<section>
<h2>Predicted and actual, for ${timelines.length} customers</h2>
<p class="small">Held-out customers, numbered and not named; nothing that ranks here has counted them. Before each event: where the item that came stood among all, and what would have been shown first. An item among the first ten is marked, and so is an action that came as expected.</p>
${timelines.map(timelineTable).join("\n")}
</section>
</main>
</body>
</html>
`;
}

function rowOf(name: string, block: ValueBlock): string {
  const { intervals, newItems, againstLocal } = block;
  const cell = (value: number, interval: readonly [number, number]) =>
    `<td>${four(value)} <span class="small">${within(interval, four)}</span></td>`;
  const against =
    againstLocal === undefined
      ? "<td></td>"
      : `<td>${signed(againstLocal.difference)} <span class="small">${within(againstLocal.interval, signed)}</span></td>`;
  return `<tr><th>${escaped(name)}</th>${cell(block.hr10, intervals.hr10)}${cell(block.ndcg10, intervals.ndcg10)}${cell(block.mrr, intervals.mrr)}${cell(newItems.hr10, intervals.newItems.hr10)}${cell(newItems.ndcg10, intervals.newItems.ndcg10)}${against}</tr>`;
}

function timelineTable({ customer, before, events }: Timeline): string {
  return `<h3>Customer ${customer}</h3>
<table class="timeline"><tr><th>when (UTC)</th><th>what came</th><th>rank before</th><th>shown first</th><th>action</th><th>expected</th></tr>
${events.map(eventRow).join("\n")}
</table>
<p class="small">${before} events before.</p>`;
}

function eventRow({ time, action, item, rank, isNew, shown, expected }: TimelineEvent): string {
  const hit = (is: boolean, text: string) => (is ? `<span class="hit">${text}</span>` : text);
  const when = new Date(1e3 * time).toISOString().slice(0, 16).replace("T", " ");
  const list = shown.map((name) => hit(name === item, escaped(name))).join(", ");
  const expectation =
    expected === undefined
      ? ""
      : hit(expected.action === action, `${escaped(expected.action)} (${(100 * expected.probability).toFixed(0)} %)`);
  return `<tr><td>${when}</td><td>${hit(rank <= 10, escaped(item))}${isNew ? " (new)" : ""}</td><td>${Number(rank.toFixed(1))}</td><td>${list}</td><td>${escaped(action)}</td><td>${expectation}</td></tr>`;
}
