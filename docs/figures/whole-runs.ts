/** Tables of whole commands: a million customers, an import, the demo, a long ledger. */
import type { Derived, Tables } from "./marked.ts";
import { decimals, fraction, scaled, significant, table } from "./numbers.ts";
import { type Measurements, rowAt, rowsAt } from "./record.ts";

function million(measurements: Measurements): string {
  const rows = rowsAt(measurements, "market-million.stages").map(({ number, text }) => [
    ...[text("stage"), decimals(number("cpuSeconds")), decimals(number("seconds"))],
  ]);
  return table(["stage", "processor s", "s, busy"], rows);
}

function ingest(measurements: Measurements): string {
  const line = (said: string, key: string) => {
    const { number } = rowAt(measurements, `ingest.${key}`);
    return [
      ...[said, decimals(Math.round(Number(number("eventsPerSecond")) / 1000) * 1000), decimals(number("seconds"), 2)],
      ...[decimals(number("cpuSeconds"), 1), decimals(number("peakMb"), 0)],
    ];
  };
  const head = ["", "events/s", "seconds", "processor s", "peak MB"];
  return table(head, [line("CSV → encrypted store", "store"), line("DuckDB alone", "duckdb")]);
}

function demo(measurements: Measurements): string {
  const rows = rowsAt(measurements, "demo.runs").map(({ number, maybe, text }) => {
    const quiet = maybe("quietSeconds");
    return [
      ...[text("log"), decimals(number("items")), decimals(number("rounds")), decimals(number("secondsPerRound"), 2)],
      significant(number("mbPerRoundAndNode"), 3),
      decimals(number("seconds")) + (quiet === undefined ? "" : ` (${decimals(quiet)} on a quiet machine)`),
    ];
  });
  return table(["log", "items", "rounds", "s a round", "MB a round and node", "all, s"], rows);
}

const ranking =
  (path: string, head: readonly string[], keys: readonly string[]) =>
  (measurements: Measurements): string =>
    table(
      ["log", ...head],
      rowsAt(measurements, path).map(({ number, text }) => [text("log"), ...keys.map((key) => fraction(number(key)))]),
    );

function demoAttention(measurements: Measurements): string {
  const rows = rowsAt(measurements, "demo-attention.runs").map(({ number, text }) => [
    ...[text("log"), decimals(number("items")), decimals(number("parameters")), decimals(number("rounds"))],
    ...[decimals(number("secondsPerRound"), 2), decimals(number("mbPerRoundAndNode"), 2), decimals(number("seconds"))],
    ...[decimals(number("nodeMb")), decimals(number("coordinatorMb"))],
  ]);
  return table(
    [
      ...["log", "items", "parameters", "rounds", "s a round", "MB a round and node", "all, s"],
      ...["a node, MB RSS", "coordinator, MB RSS"],
    ],
    rows,
  );
}

function ledger(measurements: Measurements): string {
  const line = (said: string, key: string) => {
    const { number } = rowAt(measurements, `ledger.${key}`);
    return [said, decimals(number("seconds"), 1), decimals(number("cpuSeconds"), 1), decimals(number("peakMb"), 0)];
  };
  const { number } = rowAt(measurements, "ledger");
  return table(
    [`${decimals(number("entries"))} entries, ${decimals(number("ledgerMb"), 0)} MB`, "s", "processor s", "peak MB"],
    [
      line("the coordinator's signatures", "coordinator"),
      line(`and the ${decimals(number("nodeSignatures"))} of nodes`, "all"),
    ],
  );
}

export const wholeRunTables: Tables = {
  million: { from: ["market-million"], make: million },
  ingest: { from: ["ingest"], make: ingest },
  demo: { from: ["demo"], make: demo },
  "demo-ranking": {
    from: ["demo-ranking"],
    make: ranking(
      "demo-ranking.rows",
      [...["content (ε = 0)", "popularity", "average merchant alone, tuned, no privacy"], ...["released, ε 8", "and in-house"]],
      ["floor", "popularity", "local", "federated", "joined"],
    ),
  },
  "demo-attention": { from: ["demo-attention"], make: demoAttention },
  "demo-attention-ranking": {
    from: ["demo-attention"],
    make: ranking(
      "demo-attention.rows",
      ["before round 1 (ε = 0)", "popularity", "average merchant alone, no privacy", "federated, ε 8"],
      ["floor", "popularity", "local", "federated"],
    ),
  },
  ledger: { from: ["ledger"], make: ledger },
};

export const wholeRunDerived: Derived = {
  "ledger-signatures-per-second": (measurements) => {
    const rate = rowAt(measurements, "ledger").number("nodeSignaturesPerSecond");
    return decimals(Math.round(Number(scaled(rate, 1e-3))) * 1000);
  },
};
