/** Tables of how well models rank, and of what is served beside items. */
import type { Derived, Tables } from "./marked.ts";
import { decimals, type Figure, table } from "./numbers.ts";
import { at, type Measurements, rowAt, rowsAt } from "./record.ts";

/** Records of trained families, the best first, and how each is called. */
const families = [
  ["quality-sasrec", "`sasrec`"],
  ["quality-sasrec-seed-2", "`sasrec`, `--seed 2 --epochs 30`"],
  ["quality-seq2seq", "`seq2seq`, 3 steps"],
  ["quality-lstm", "`lstm`"],
  ["quality-bert4rec", "`bert4rec`"],
  ["quality-gru", "`gru`, 40 epochs"],
] as const;

const four = (value: Figure): string => decimals(value, 4);
const three = (value: Figure): string => decimals(value, 3);

function reached(measurements: Measurements): string {
  const counted = [
    ["popularity", "popularity"],
    ["item-knn", "item-kNN, 100 neighbours, cosine"],
  ].map(([name, said = ""]) => {
    const { number } = rowAt(measurements, `quality-sasrec.models.name=${name}`);
    return [said, four(number("ndcg10")), four(number("hr10")), four(number("mrr")), "–", "–", "< 1"];
  });
  const best = Math.max(...families.map(([record]) => Number(trained(measurements, record).number("ndcg10"))));
  const rows = families.map(([record, said]) => {
    const { number } = trained(measurements, record);
    const mark = number("ndcg10") === best ? "**" : "";
    return [
      said,
      ...[`${mark}${four(number("ndcg10"))}${mark}`, `${mark}${four(number("hr10"))}${mark}`, four(number("mrr"))],
      ...[decimals(number("training.parameters")), `${number("training.epochs")} (${number("training.bestEpoch")})`],
      decimals(Math.max(1, Math.round(Number(number("seconds")) / 60))),
    ];
  });
  return table(["model", "NDCG@10", "HR@10", "MRR", "parameters", "epochs (best)", "minutes"], [...counted, ...rows]);
}

/** The model of a record that was trained: the last. */
function trained(measurements: Measurements, record: string) {
  const row = rowsAt(measurements, `${record}.models`).at(-1);
  if (row === undefined) throw new Error(`${record}.json has no models`);
  return row;
}

function published(measurements: Measurements): string {
  const rows = rowsAt(measurements, "quality-published.models").map(({ number, text }) => [
    ...[text("model"), four(number("ndcg10")), four(number("hr10"))],
  ]);
  return table(["model", "NDCG@10", "HR@10"], rows);
}

function tried(measurements: Measurements): string {
  const rows = rowsAt(measurements, "quality-tried.rows").map(({ number, text }) => [
    text("change"),
    four(number("validation")),
  ]);
  return table(["change", "validation"], rows);
}

function served(measurements: Measurements): string {
  const rows = rowsAt(measurements, "served-quality.propensities").flatMap(({ number, text }) => {
    const line = (said: string, by: string, key: string, whose: string | undefined, mark = "") => [
      ...[said, by, `${mark}${three(number(`${key}.auc`))}${mark}`],
      ...["f1", "recall"].map((one) => (whose === undefined ? "" : three(number(`${key}.${one}`)))),
      ...[three(number(`${key}.brier`)), three(number(`${key}.calibrationError`))],
      whose === undefined ? "" : three(number(`fromTruth.${whose}`)),
    ];
    const cases = `${decimals(number("model.cases"))} cases, ${decimals(100 * Number(number("model.rate")), 0)} %`;
    return [
      line(`${text("what")} (${cases})`, "served", "model", "model", "**"),
      line("", "recency, frequency", "baseline", "baseline"),
      line("", "the market itself", "ceiling", undefined),
    ];
  });
  return table(["", "by", "AUC", "F1", "recall", "Brier", "ECE", "from truth"], rows);
}

function nextAction(measurements: Measurements): string {
  const rows = [
    ["market", "synthetic market"],
    ["retailrocket", "RetailRocket"],
  ].map(([key, said = ""]) => {
    const { number } = rowAt(measurements, `served-quality.nextAction.${key}`);
    return [
      ...[said, decimals(number("events")), `**${three(number("accuracy"))}**`, three(number("markovAccuracy"))],
      `${three(number("difference.difference"))} ${interval(number("difference.interval"))}`,
      ...[three(number("logLoss")), three(number("markovLogLoss"))],
    ];
  });
  return table(["next action", "events", "accuracy", "first-order Markov", "gained", "nats", "Markov's"], rows);
}

function interval(range: Figure): string {
  const [low, high] = typeof range === "number" ? [range, range] : range;
  if (low === undefined || high === undefined) throw new Error("an interval has two ends");
  return `(${three(low)} to ${three(high)})`;
}

/** `0.089 (0.060 to 0.118)` */
const gain =
  (record: string, what: string) =>
  (measurements: Measurements): string => {
    const { number } = rowAt(measurements, `${record}.propensities.what=${what}.difference`);
    return `${three(number("difference"))} ${interval(number("interval"))}`;
  };

export const qualityTables: Tables = {
  reached: { from: families.map(([record]) => record), make: reached },
  published: { from: ["quality-published"], make: published },
  tried: { from: ["quality-tried"], make: tried },
  served: { from: ["served-quality"], make: served },
  "next-action": { from: ["served-quality"], make: nextAction },
};

export const qualityDerived: Derived = {
  "sasrec-epoch-seconds": (measurements) => {
    const { number } = trained(measurements, "quality-sasrec");
    return decimals(Number(number("seconds")) / Number(number("training.epochs")), 0);
  },
  "churn-gain": gain("served-quality", "churn"),
  "purchase-gain": gain("served-quality", "purchase"),
  "click-gain": gain("served-quality", "click"),
  "churn-30-gain": gain("served-quality-30-days", "churn"),
  "served-lower-recall": (measurements) => {
    const lower = rowsAt(measurements, "served-quality.propensities").filter(
      ({ number }) => number("model.recall") < number("baseline.recall"),
    );
    return lower.length === 0 ? "nothing" : lower.map(({ text }) => text("what")).join(" and ");
  },
  "log-customers": (measurements) => decimals(Number(at(measurements, "quality-sasrec.data.customers"))),
};
