/**
 * The runs that make docs/measurements, by the name of the file each of them writes. `default` is what takes some three minutes together on
 * a quiet machine; the other sets are asked for by name.
 */
export interface Bench {
  readonly what: string;
  /** After `tributary`; `--json` is added. */
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly set: "default" | "rounds" | "coordinator" | "logs" | "quality" | "utility";
}

const beauty = ["bench", "quality", "--data", "../shared/data/beauty/Beauty.txt", "--model"];
const aboutCoordinator = ["bench", "coordinator", "--nodes", "1000", "--cohort", "200", "--parameters", "250000"];
const hundredNodes = ["bench", "round", "--nodes", "100", "--parameters", "1000000", "--simulated"];
const tenNodes = ["bench", "round", "--nodes", "10", "--parameters", "1000000"];

export const benches: Readonly<Record<string, Bench>> = {
  step: { what: "a training step with per-customer clipping beside the plain one", command: ["bench", "step"], set: "default" },
  predict: { what: "one customer's twenty best items", command: ["bench", "predict"], set: "default" },
  sampler: {
    what: "exact discrete noise, the fast samplers beside their readable twins",
    ...{ command: ["bench", "sampler"], set: "default" },
  },
  dp: { what: "how long accounting takes", command: ["bench", "dp"], set: "default" },
  simulate: {
    what: "rounds at scale, every case in a process of its own",
    ...{ command: ["bench", "simulate"], set: "default" },
  },
  round: {
    what: "a round of secure aggregation in real processes, phase by phase, beside the same round plain",
    ...{ command: [...tenNodes, "--rounds", "9"], set: "default" },
  },
  packing: {
    what: "sums in words of fewer bits, by the accountant",
    command: "account packing --nodes 100 --dimension 1048576 --noise 8 --steps 100 --delta 1e-6".split(" "),
    set: "default",
  },
  "served-quality": {
    what: "churn, purchase, clicks and the next action as they are served",
    ...{ command: ["bench", "served-quality"], set: "default" },
  },
  "served-quality-30-days": {
    what: "the same, churn within 30 days",
    ...{ command: ["bench", "served-quality", "--churn-days", "30"], set: "default" },
  },
  "round-100": {
    what: "a simulated round of 100 nodes beside the bare cipher",
    ...{ command: [...hundredNodes, "--rounds", "3"], set: "rounds" },
  },
  "round-100-dropouts": {
    what: "the same where 10 of the 100 fall silent before they upload",
    ...{ command: [...hundredNodes, "--rounds", "2", "--dropouts", "0.1"], set: "rounds" },
  },
  "round-growth": {
    what: "how a simulated round grows",
    ...{ command: ["bench", "round", "--growth", "docs/images"], set: "rounds" },
  },
  "round-32-bits": {
    what: "a round of 10 nodes in words of 32 bits",
    ...{ command: [...tenNodes, "--rounds", "3"], set: "rounds" },
  },
  "round-16-bits": {
    what: "a round of 10 nodes in words of 16 bits",
    ...{ command: [...tenNodes, "--rounds", "3", "--bits", "16"], set: "rounds" },
  },
  coordinator: { what: "a coordinator with a thousand nodes", command: aboutCoordinator, set: "coordinator" },
  "coordinator-arenas": {
    what: "the same with two arenas of glibc",
    ...{ command: aboutCoordinator, environment: { MALLOC_ARENA_MAX: "2" }, set: "coordinator" },
  },
  "coordinator-replicas": {
    what: "the same, three replicas on one PostgreSQL",
    ...{ command: [...aboutCoordinator, "--replicas", "3"], set: "coordinator" },
  },
  ingest: {
    what: "an import beside DuckDB alone",
    ...{ command: ["bench", "ingest", "--events", "5000000"], set: "logs" },
  },
  ledger: { what: "verifying a long ledger", command: ["bench", "ledger", "--entries", "100000"], set: "logs" },
  "quality-sasrec": { what: "sasrec on Amazon Beauty, centrally", command: [...beauty, "sasrec"], set: "quality" },
  "quality-sasrec-seed-2": {
    what: "sasrec on Amazon Beauty, another seed and half the epochs",
    ...{ command: [...beauty, "sasrec", "--seed", "2", "--epochs", "30"], set: "quality" },
  },
  "quality-seq2seq": { what: "seq2seq on Amazon Beauty, centrally", command: [...beauty, "seq2seq"], set: "quality" },
  "quality-lstm": { what: "lstm on Amazon Beauty, centrally", command: [...beauty, "lstm"], set: "quality" },
  "quality-bert4rec": { what: "bert4rec on Amazon Beauty, centrally", command: [...beauty, "bert4rec"], set: "quality" },
  "quality-gru": {
    what: "gru on Amazon Beauty, centrally",
    ...{ command: [...beauty, "gru", "--epochs", "40"], set: "quality" },
  },
  utility: { what: "what released statistics bring by ε, on public logs", command: ["bench", "utility"], set: "utility" },
  disjoint: {
    what: "merchants without a common item, where they share what is said of items and where nothing",
    ...{ command: ["bench", "disjoint", "--repeat", "3"], set: "utility" },
  },
};

const sets = [...new Set(Object.values(benches).map(({ set }) => set))];

/** What is meant by names of benches and sets; nothing: the default set. @throws Error that lists what there is */
export function chosen(names: readonly string[]): readonly string[] {
  const wanted = names.length === 0 ? ["default"] : names;
  const found = wanted.flatMap((name) => {
    const inSet = Object.entries(benches).filter(([, { set }]) => set === name);
    if (inSet.length > 0) return inSet.map(([bench]) => bench);
    if (Object.hasOwn(benches, name)) return [name];
    throw new Error(`there is no bench ${name}: ${Object.keys(benches).join(", ")}; or a set: ${sets.join(", ")}`);
  });
  return [...new Set(found)];
}
