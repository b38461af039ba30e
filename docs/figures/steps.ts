/** Tables of what is computed on one core: training steps, predictions, noise, accounting. */
import type { Derived, Tables } from "./marked.ts";
import { decimals, listed, scaled, significant, table } from "./numbers.ts";
import { at, isFigure, type Measurements, rowsAt } from "./record.ts";

/** Milliseconds as they matter: two significant digits. */
const ms = (value: number | readonly number[]): string => significant(value, 2);

const softmaxOver = (negatives: number | readonly number[]): string =>
  negatives === 0 ? "all" : `${decimals(negatives)} shared`;

const shapeHead = ["items", "softmax over", "customers", "plain, ms", "private, ms", "private / plain"];

function step(measurements: Measurements): string {
  const rows = rowsAt(measurements, "step.configs").map(({ number }) => [
    ...[decimals(number("items")), softmaxOver(number("negatives")), decimals(number("customers"))],
    ...[ms(number("plainMs")), ms(number("privateMs")), decimals(number("ratio"), 2), decimals(number("gemmShare"), 2)],
    ...[decimals(number("peakMb"), 0), decimals(number("plainPeakMb"), 0)],
  ]);
  return table([...shapeHead, "products / private", "private, MB", "plain, MB"], rows);
}

function shortHistories(measurements: Measurements): string {
  const rows = rowsAt(measurements, "step.shortHistories").map(({ number }) => [
    ...[decimals(number("items")), softmaxOver(number("negatives")), decimals(number("customers"))],
    ...[ms(number("plainMs")), ms(number("privateMs")), decimals(number("ratio"), 2), decimals(number("paddedOverPrivate"), 1)],
  ]);
  return table([...shapeHead, "padded / private"], rows);
}

function prototype(measurements: Measurements): string {
  const list = (value: unknown, digits?: number): string =>
    Array.isArray(value) ? value.map((one) => (typeof one === "number" ? decimals(one, digits) : String(one))).join(", ") : "";
  const rows = [0, 1, 2].map((place) => {
    const of = (key: string) => at(measurements, `prototype.batches.${place}.${key}`);
    return [list(of("batch")), list(of("fastMs")), list(of("oursMs")), list(of("ratio"), 2), list(of("overPlain"), 2)];
  });
  return table(["batch", "fast, ms", "ours, ms", "ours / fast", "ours / our plain"], rows);
}

function predict(measurements: Measurements): string {
  const rows = rowsAt(measurements, "predict.models").map(({ number }) => [
    ...[decimals(number("items")), decimals(number("medianMs"), 2), decimals(number("p99Ms"), 2)],
    `${decimals(number("slowestWithCollector"))} of ${decimals(number("slowest"))}`,
  ]);
  return table(["items", "median, ms", "p99, ms", "slowest 1 % that met the garbage collector"], rows);
}

function sampler(measurements: Measurements): string {
  const rows = rowsAt(measurements, "sampler.rows");
  const of = (distribution: string) => rows.filter(({ text }) => text("distribution") === distribution);
  const cells = ({ number }: (typeof rows)[number]): readonly string[] => [
    `${decimals(scaled(number("fast"), 1e-6), 0)} million`,
    `${significant(scaled(number("twin"), 1e-6), 3)} million`,
    decimals(number("ratio"), 0),
  ];
  const laplace = new Map(of("laplace").map((row) => [String(row.number("scale")), cells(row)]));
  const lines = of("gaussian").map((row) => [
    ...[decimals(row.number("scale")), ...cells(row)],
    ...(laplace.get(String(row.number("scale"))) ?? ["", "", ""]),
  ]);
  return table(["σ or b", "Gaussian", "its twin", "fast / twin", "Laplace", "its twin", "fast / twin"], lines);
}

/** What the bench calls a question, and what the page does. */
const questions: Readonly<Record<string, string>> = {
  "ε of 10⁴ steps, rdp-integer": "ε, `rdp-integer` (certified)",
  "ε of 10⁴ steps, rdp": "ε, `rdp`, 156 orders",
  "ε of 10⁴ steps charged one by one, rdp": "ε, `rdp`, charged one by one",
  "ε of 10⁴ steps, pld": "ε, `pld`, grid 1e-4, with its lower bound",
  "noise for ε = 8, rdp-integer": "noise for ε = 8, `rdp-integer`, to a millionth",
  "noise for ε = 8, pld": "noise for ε = 8, `pld`, to a millionth",
};

function accounting(measurements: Measurements): string {
  const elsewhere = at(measurements, "accounting-elsewhere") as Readonly<Record<string, unknown>>;
  const rows = rowsAt(measurements, "dp.accounting").map(({ number, text }) => {
    const question = questions[text("what")];
    if (question === undefined) throw new Error(`nobody says how the page calls ${text("what")}`);
    const others = Object.hasOwn(elsewhere, text("what")) ? rowsAt(measurements, `accounting-elsewhere.${text("what")}`) : [];
    const said = others.map((one) => `${one.text("library")} ${decimals(one.number("ms"))}`);
    const median = number("median");
    const lowest = typeof median === "number" ? median : Math.min(...median);
    return [question, lowest < 10 ? decimals(median, 1).replace(/\.0$/, "") : decimals(median, 0), said.join(", ")];
  });
  return table(["question", "ms", "others, ms"], rows);
}

export const stepTables: Tables = {
  step: { from: ["step"], make: step },
  "short-histories": { from: ["step"], make: shortHistories },
  prototype: { from: ["prototype"], make: prototype },
  predict: { from: ["predict"], make: predict },
  sampler: { from: ["sampler"], make: sampler },
  accounting: { from: ["dp", "accounting-elsewhere"], make: accounting },
};

/** How far things lie apart, in per cent or times, as sentences say it. */
export const stepDerived: Derived = {
  "prototype-fastest": (measurements) => {
    const ranges = at(measurements, "prototype.fastestRatios");
    return listed(Array.isArray(ranges) ? ranges.map((one: unknown) => (isFigure(one) ? decimals(one, 2) : "")) : []);
  },
};
