/** The figures of every round, for `/v1/rounds`, `/v1/status` and reports: how long it took, what went over the wire, what it cost. */
import type { DatabaseSync } from "node:sqlite";
import type { Entry } from "@tributary/ledger";

export interface RoundFigures {
  readonly round: number;
  readonly startedAt: string;
  /** Null while the round runs. */
  readonly seconds: number | null;
  /** TCP payload of all connections while the round ran, from and to nodes. */
  readonly bytesIn: number | null;
  readonly bytesOut: number | null;
  /** Nodes that the round was offered to. */
  readonly nodes: number | null;
  readonly released: boolean | null;
  /** The model after the round. */
  readonly modelHash: string | null;
  /** Spent after the round, as the ledger claims it. */
  readonly epsilon: number | null;
  /** Why it was given up. */
  readonly code: string | null;
}

/** Means over the rounds that released something; null before the first. */
export interface FederationFigures {
  readonly bytesInPerRoundPerNode: number | null;
  readonly bytesOutPerRoundPerNode: number | null;
  readonly secondsPerRound: number | null;
}

export interface RoundTable {
  /** A round that has begun already is left as it is. */
  begin(round: number, at: string, nodes: number): Promise<void>;
  /** A round that has ended already is left as it is. */
  end(round: number, at: string, bytesIn: number, bytesOut: number): Promise<void>;
  one(round: number): Promise<RoundFigures | undefined>;
  all(): Promise<RoundFigures[]>;
  figures(): Promise<FederationFigures>;
}

export function roundTable(database: DatabaseSync): RoundTable & { settle(entry: Entry): void } {
  const begin = database.prepare(
    "INSERT INTO rounds (round, started_at, nodes) VALUES (?, ?, ?) ON CONFLICT (round) DO NOTHING",
  );
  const settle = database.prepare("UPDATE rounds SET released = ?, model_hash = ?, epsilon = ?, code = ? WHERE round = ?");
  const end = database.prepare(
    "UPDATE rounds SET seconds = ?, bytes_in = ?, bytes_out = ? WHERE round = ? AND seconds IS NULL",
  );
  const started = database.prepare("SELECT started_at FROM rounds WHERE round = ?");
  const one = database.prepare("SELECT * FROM rounds WHERE round = ?");
  const all = database.prepare("SELECT * FROM rounds ORDER BY round");
  const means = database.prepare(
    "SELECT avg(bytes_in * 1.0 / nodes) AS inward, avg(bytes_out * 1.0 / nodes) AS outward, avg(seconds) AS seconds FROM rounds WHERE released = 1 AND seconds IS NOT NULL",
  );
  return {
    begin: async (round, at, nodes) => void begin.run(round, at, nodes),
    /** What the round's ledger entry says. */
    settle(entry: Entry): void {
      if (entry.kind === "round") settle.run(1, entry.nextModelHash, entry.spent.epsilon, null, entry.round);
      if (entry.kind === "aborted") settle.run(0, entry.modelHash, entry.spent.epsilon, entry.code, entry.round);
    },
    async end(round, at, bytesIn, bytesOut) {
      const row = started.get(round);
      if (row) end.run((Date.parse(at) - Date.parse(String(row["started_at"]))) / 1000, bytesIn, bytesOut, round);
    },
    async one(round) {
      const row = one.get(round);
      return row && figuresOf(row);
    },
    all: async () => all.all().map(figuresOf),
    async figures() {
      const row = means.get();
      return {
        bytesInPerRoundPerNode: numberOrNull(row?.["inward"]),
        bytesOutPerRoundPerNode: numberOrNull(row?.["outward"]),
        secondsPerRound: numberOrNull(row?.["seconds"]),
      };
    },
  };
}

const figuresOf = (row: Record<string, unknown>): RoundFigures => ({
  round: Number(row["round"]),
  startedAt: String(row["started_at"]),
  seconds: numberOrNull(row["seconds"]),
  bytesIn: numberOrNull(row["bytes_in"]),
  bytesOut: numberOrNull(row["bytes_out"]),
  nodes: numberOrNull(row["nodes"]),
  released: row["released"] === null ? null : row["released"] === 1,
  modelHash: textOrNull(row["model_hash"]),
  epsilon: numberOrNull(row["epsilon"]),
  code: textOrNull(row["code"]),
});

const textOrNull = (value: unknown) => (typeof value === "string" ? value : null);

/** Columns hold numbers, decimal strings or NULL. */
const numberOrNull = (value: unknown) => (value === null || value === undefined ? null : Number(value));
