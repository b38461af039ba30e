/** `tributary simulate scale`: a federation of thousands of nodes in one process, in a folder of its own that a killed run goes on from. */
import { availableParallelism } from "node:os";
import { openSharing, type Sharing } from "@tributary/coordinator";
import { fail } from "@tributary/errors";
import type { Catalogue } from "@tributary/events";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { adversaryKinds, type FinishedRun, openShareWorker, runScale, type ScaleRunSettings } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { Command, Option } from "commander";
import { type LogOptions, readLog } from "../../demo/market.ts";
import { addDeviceOptions, type DeviceOptions, deviceWishes } from "../../device-options.ts";
import { readInput } from "../../files.ts";
import { addLogOptions, deltaOption, epsilonOption, integerOption, jsonOption, numberOption } from "../../options.ts";
import { print } from "../../output.ts";
import { progressBar } from "../../progress.ts";
import { scalePage } from "../../report/scale-page.ts";
import { updateNormOption } from "../../update-norm-option.ts";
import { logHash } from "./log-hash.ts";
import { runsOption } from "./runs.ts";

interface ScaleOptions extends Omit<LogOptions, "seedMarket">, DeviceOptions {
  readonly nodes: number;
  readonly cohort: number;
  readonly customers: number;
  readonly items: number;
  readonly categories: number;
  readonly seed: number;
  readonly epsilon: number;
  readonly delta: number;
  readonly rounds?: number;
  readonly width?: number;
  readonly minCohort?: number;
  readonly maxCorrupt?: number;
  readonly aggregation: "secure" | "fast";
  readonly noise: "distributed" | "central";
  readonly sizeZipf: number;
  readonly skewBy?: "category" | "item";
  readonly skew: number;
  readonly disjointCatalogues?: boolean;
  readonly availability: number;
  readonly dailySwing: number;
  readonly attemptsPerDay: number;
  readonly trace?: string;
  readonly dropout: number;
  readonly slowness: number;
  readonly patience: number;
  readonly adversaries: number;
  readonly adversary: (typeof adversaryKinds)[number];
  readonly updateNorm?: number;
  readonly groups?: number;
  readonly robust: "median" | "trimmed-mean";
  readonly trim: number;
  readonly judged: number;
  readonly threads: number;
  readonly databaseUrl?: string;
  readonly blobs?: string;
  readonly checkpointSeconds: number;
  readonly runs: string;
  readonly json?: boolean;
}

const share = (flags: string, description: string, initial: number) =>
  numberOption(flags, description, (value) => value >= 0 && value <= 1, "a number from 0 to 1", initial);
const above = (flags: string, description: string, initial: number) =>
  numberOption(flags, description, (value) => value > 0, "a number above 0", initial);
const notBelow = (flags: string, description: string, initial: number) =>
  numberOption(flags, description, (value) => value >= 0, "a number from 0 on", initial);

export function scaleCommand(): Command {
  const command = new Command("scale")
    .description("a federation of thousands of nodes in one process; a run that was killed goes on when it is asked for again")
    .option("--events <file>", "a log (default: a synthetic market)")
    .option("--catalogue <file>", "catalogue JSONL (default: the log's own items)")
    .option("--attributes <file>", "public item attributes, JSON or JSONL");
  addDeviceOptions(addLogOptions(command))
    .addOption(integerOption("--nodes <n>", "nodes of the federation", 3, 100))
    .addOption(integerOption("--cohort <n>", "nodes invited to a round", 3, 20))
    .addOption(integerOption("--customers <n>", "customers of the synthetic market", 1, 10_000))
    .addOption(integerOption("--items <n>", "items of the synthetic market", 12, 600))
    .addOption(integerOption("--categories <n>", "categories of the synthetic market", 1, 12))
    .addOption(integerOption("--seed <n>", "of market, split, world and noise", 0, 1, 2 ** 32 - 1))
    .addOption(epsilonOption(8))
    .addOption(deltaOption(1e-7))
    .addOption(integerOption("--rounds <n>", "rounds that may be charged (default: chosen)", 1))
    .addOption(integerOption("--width <n>", "the model's width (default: chosen)", 4))
    .addOption(integerOption("--min-cohort <n>", "fewest nodes in a round (default: chosen)", 3))
    .addOption(integerOption("--max-corrupt <n>", "nodes that may work with the coordinator (default: a quarter)", 0))
    .addOption(
      new Option(
        "--aggregation <how>",
        "secure: the state machines, masks, signatures, ledger; fast: the same model without them",
      )
        .choices(["secure", "fast"])
        .default("fast"),
    )
    .addOption(
      new Option("--noise <where>", "distributed: every node's share; central: one draw for the sum, only in a simulation")
        .choices(["distributed", "central"])
        .default("distributed"),
    )
    .addOption(notBelow("--size-zipf <s>", "the r-th largest node has customers by r^-s", 0))
    .addOption(new Option("--skew-by <what>", "nodes' customers resemble each other in").choices(["category", "item"]))
    .addOption(above("--skew <α>", "Dirichlet concentration of that: the smaller, the more unlike nodes are", 1))
    .option("--disjoint-catalogues", "every item belongs to one node, and events go to their items' nodes")
    .addOption(share("--availability <p>", "chance that a node is online", 1))
    .addOption(share("--daily-swing <x>", "how far availability swings over a day, each node at its own hour", 0))
    .addOption(integerOption("--attempts-per-day <n>", "offers of a round in a day", 1, 24))
    .option("--trace <file>", "when nodes were online: node,first attempt,last attempt a line")
    .addOption(share("--dropout <p>", "chance that a node falls silent in a round, at any step", 0))
    .addOption(notBelow("--slowness <σ>", "spread of nodes' speed; those too slow miss the upload", 0))
    .addOption(above("--patience <x>", "the upload's deadline, in medians of nodes' times", 4))
    .addOption(share("--adversaries <x>", "share of nodes that cheat", 0))
    .addOption(new Option("--adversary <kind>", "how they cheat").choices([...adversaryKinds]).default("flip"))
    .addOption(updateNormOption())
    .addOption(integerOption("--groups <n>", "unit node: the cohort in so many groups, each a sum with noise of its own", 2))
    .addOption(
      new Option("--robust <rule>", "what is made of groups' sums").choices(["median", "trimmed-mean"]).default("median"),
    )
    .addOption(integerOption("--trim <n>", "trimmed-mean: groups left out at either end of each coordinate", 0, 1))
    .addOption(integerOption("--judged <n>", "customers that the model is judged by", 0, 2000))
    .addOption(integerOption("--threads <n>", "threads that work at a time", 1, Math.min(8, availableParallelism())))
    .option("--database-url <url>", "share rounds with `tributary worker` on other machines, by this PostgreSQL; with --blobs")
    .option("--blobs <place>", "what those workers see as well: a shared folder, or s3://bucket/prefix")
    .addOption(notBelow("--checkpoint-seconds <s>", "between two checkpoints", 10))
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary simulate scale --nodes 1000 --cohort 50 --customers 50000 --skew-by category --skew 0.3 --dropout 0.05",
    )
    .action(async (options: ScaleOptions) => {
      const progress = progressBar();
      const sharing = await sharingOf(options);
      const finished = await runScale({
        ...{ settings: settingsOf(options), home: options.runs, threads: options.threads },
        ...{ checkpointSeconds: options.checkpointSeconds, crypto: nodeCrypto(), executor: onnxruntimeExecutor() },
        ...(sharing === undefined ? {} : { elsewhere: sharing }),
        log: () => wholeLog(options),
        onProgress: progress.show,
      }).finally(() => sharing?.close());
      progress.end();
      const { folder, result, records, ran } = finished;
      folder.write("report.html", scalePage(result, records));
      print(options.json, { ...result, folder: folder.path, ran }, () => lines(finished));
    });
  return command;
}

/** With whom rounds are shared: other machines' workers, and this process's threads. */
async function sharingOf({ databaseUrl, blobs, threads }: ScaleOptions): Promise<Sharing | undefined> {
  if (databaseUrl === undefined && blobs === undefined) return undefined;
  if (databaseUrl === undefined || blobs === undefined) {
    const [given, missing] = databaseUrl === undefined ? ["--blobs", "--database-url"] : ["--database-url", "--blobs"];
    throw fail("TRB_CLI_BAD_OPTION", { option: given, value: "alone", expected: `${missing} beside it` });
  }
  return await openSharing({ places: { objects: blobs, extensions: blobs }, databaseUrl, threads, shareHand: openShareWorker });
}

function settingsOf(options: ScaleOptions): ScaleRunSettings {
  const optional = <Value>(name: string, value: Value | undefined) => (value === undefined ? {} : { [name]: value });
  const text = (path: string) => Buffer.from(readInput(path)).toString("utf8");
  return {
    version: 1,
    seed: options.seed,
    source:
      options.events === undefined
        ? { kind: "synthetic", customers: options.customers, items: options.items, categories: options.categories }
        : { kind: "log", sha256: logHash(options) },
    split: {
      ...{ nodes: options.nodes, sizeZipf: options.sizeZipf, disjointCatalogues: options.disjointCatalogues === true },
      ...(options.skewBy === undefined ? {} : { skew: { by: options.skewBy, concentration: options.skew } }),
    },
    plan: {
      ...deviceWishes(options),
      ...{ epsilon: options.epsilon, delta: options.delta },
      ...{ ...optional("rounds", options.rounds), ...optional("width", options.width) },
      ...{ ...optional("minCohort", options.minCohort), ...optional("maxCorrupt", options.maxCorrupt) },
      ...optional("updateNorm", options.updateNorm),
    },
    conditions: {
      ...{ cohort: options.cohort, availability: options.availability, dailySwing: options.dailySwing },
      ...{ attemptsPerDay: options.attemptsPerDay, dropout: options.dropout, slowness: options.slowness },
      ...{ patience: options.patience, adversaries: options.adversaries, adversary: options.adversary },
      ...(options.trace === undefined ? {} : { trace: text(options.trace) }),
    },
    ...{ aggregation: options.aggregation, noise: options.noise, judged: options.judged },
    ...(options.groups === undefined ? {} : { robust: robustOf(options, options.groups) }),
  };
}

function robustOf({ robust, trim }: ScaleOptions, groups: number): NonNullable<ScaleRunSettings["robust"]> {
  return robust === "median" ? { groups, rule: robust } : { groups, rule: robust, trim };
}

async function wholeLog(options: ScaleOptions) {
  const { histories, catalogue, catalogueProvenance } = await readLog({ ...options, seedMarket: options.seed });
  const items = catalogue.items.length;
  return { columns: histories, items, categoryOf: categoriesOf(catalogue), catalogue, provenance: catalogueProvenance };
}

/** `[items + 1]`: a number for each item's category, 0 where it has none. */
function categoriesOf({ items }: Catalogue): Uint32Array {
  const numbers = new Map<string, number>();
  const categoryOf = new Uint32Array(items.length + 1);
  items.forEach(({ category }, place) => {
    if (category === undefined) return;
    const number = numbers.get(category) ?? numbers.size + 1;
    numbers.set(category, number);
    categoryOf[place + 1] = number;
  });
  return categoryOf;
}

function lines({ result, folder, ran }: FinishedRun): string[] {
  const { population, privacy, federated, popularity, floor } = result;
  const data = result.synthetic ? "synthetic data" : "a log";
  return [
    `${ran ? "Run" : "Done before: run"} ${result.run} in ${folder.path} (report.html, attempts.parquet, result.json)`,
    `${population.customers} customers at ${population.nodes} nodes (${population.smallestNode} to ${population.largestNode} each), ${data}`,
    `${result.releasedRounds} rounds released, ${result.abandonedRounds} given up, ${result.attempts} attempts`,
    `ε = ${privacy.epsilon.toFixed(3)} at δ = ${privacy.delta} for a ${privacy.unit}; noise ${privacy.noiseMode}`,
    ...(privacy.conditional === undefined ? [] : [`conditional: ${privacy.conditional}`]),
    `NDCG@10 ${federated.ndcg10.toFixed(4)}; popularity ${popularity.ndcg10.toFixed(4)}, before the first round ${floor.ndcg10.toFixed(4)}`,
  ];
}
