/** Tables of what an ε buys, as far as they are made: the whole command with its defaults, and merchants without a common item. */
import type { Derived, Tables } from "./marked.ts";
import { decimals, type Figure, fraction, listed, table } from "./numbers.ts";
import { type Measurements, type Row, rowsAt } from "./record.ts";

const budgets = [1, 2, 4, 8] as const;
const cohorts = ["all-honest", "third-corrupt", "other-market"] as const;

/** The row of a log, a cohort and an ε that was asked for. @throws Error where there is none */
function cellOf(rows: readonly Row[], dataset: string, cohort: string, epsilon: number): Row {
  const found = rows.find(
    ({ number, text }) => text("dataset") === dataset && text("row") === cohort && number("target") === epsilon,
  );
  if (found === undefined) throw new Error(`utility.json has no row of ${dataset}, ${cohort}, ε ${epsilon}`);
  return found;
}

/** `0.0470 / 0.0254`, and 0 where nobody was found. */
const pair = ({ number }: Row, block: string): string =>
  ["hr10", "ndcg10"].map((key) => (number(`${block}.${key}`) === 0 ? "0" : decimals(number(`${block}.${key}`), 4))).join(" / ");

function defaults(measurements: Measurements): string {
  const rows = rowsAt(measurements, "utility.rows");
  const line = (said: string, dataset: string, cohort: string, of: (cell: Row) => string) => [
    said,
    ...budgets.map((epsilon) => of(cellOf(rows, dataset, cohort, epsilon))),
  ];
  return table(
    ["`bench utility --json`", ...budgets.map((epsilon) => `ε ${epsilon}`)],
    [
      ...cohorts.map((cohort) => line(`Beauty, ${cohort}`, "beauty", cohort, (cell) => pair(cell, "federated"))),
      ...cohorts.map((cohort) =>
        line(`RetailRocket, new items, ${cohort}`, "retailrocket", cohort, (cell) => pair(cell, "federated.newItems")),
      ),
      line("RetailRocket, `joined` (own history too), all-honest, NDCG@10", "retailrocket", "all-honest", ({ number }) =>
        fraction(number("joined.ndcg10")),
      ),
    ],
  );
}

/** What the bench calls a sharing, and what the page does. */
const shared: Readonly<Record<string, string>> = { attributes: "categories", nothing: "nothing" };
const verdicts: Readonly<Record<string, string>> = { pays: "pays", doesNotPay: "doesn't pay", cannotTell: "can't tell" };

const percent = (value: Figure): string => {
  const [one = Number.NaN] = typeof value === "number" ? [value] : value;
  return `${one < 0 ? "" : "+"}${decimals(100 * one, 1)}`;
};

/** Both small shops together: a gain that an interval keeps above or below nothing stands bold where it pays. */
function disjoint(measurements: Measurements): string {
  const rows = rowsAt(measurements, "disjoint.rows").map(({ number, text }) => {
    const verdict = text("overall.verdict.verdict");
    const interval = number("overall.verdict.gain.relativeInterval");
    const [low, high] = typeof interval === "number" ? [interval, interval] : interval;
    if (low === undefined || high === undefined) throw new Error("an interval has two ends");
    const mark = verdict === "pays" ? "**" : "";
    return [
      ...[shared[text("sharing")] ?? text("sharing"), decimals(number("seed"))],
      ...[fraction(number("overall.alone.ndcg10"), 4), fraction(number("overall.joined.ndcg10"), 4)],
      `${mark}${percent(number("overall.verdict.gain.relative"))} %${mark} (${percent(low)} to ${percent(high)})`,
      verdicts[verdict] ?? verdict,
    ];
  });
  return table(["shared", "seed", "alone", "joined", "joining brings", "verdict"], rows);
}

export const utilityTables: Tables = {
  utility: { from: ["utility"], make: defaults },
  disjoint: { from: ["disjoint"], make: disjoint },
};

export const utilityDerived: Derived = {
  "retailrocket-spent": (measurements) => {
    const rows = rowsAt(measurements, "utility.rows");
    return listed([1, 2].map((epsilon) => decimals(cellOf(rows, "retailrocket", "all-honest", epsilon).number("epsilon"), 2)));
  },
};
