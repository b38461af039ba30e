/** What `plan new --target-epsilon` adds: the frontier of ε, expected utility, hours and bytes, and why one of its plans was chosen. */
import { fail } from "@tributary/errors";
import type { Catalogue } from "@tributary/events";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import {
  type Candidate,
  type Evidence,
  measureEvidence,
  type PlannedNumbers,
  type PlanSearch,
  searchPlans,
  storedEvidence,
} from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import type { Command } from "commander";
import { writeOutput } from "../../files.ts";
import { modelWishes } from "../../model-options.ts";
import { integerOption, numberOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { progressBar } from "../../progress.ts";
import { frontierPage } from "../../report/frontier-page.ts";
import type { NewOptions } from "./new.ts";

export interface SearchOptions {
  readonly targetEpsilon?: number;
  readonly budgetHours?: number;
  readonly items?: number;
  readonly simulate?: boolean;
  readonly seed: number;
  readonly html?: string;
}

/** Larger markets take more than minutes; noise is brought to the federation's size in any case. */
const [mostCustomers, mostItems] = [10_000, 6000];
const repeat = 3;

export function addSearchOptions(command: Command): Command {
  return command
    .addOption(
      numberOption(
        "--target-epsilon <ε>",
        "search all plans for this ε instead of taking the usual one, and show what each buys",
        (value) => value > 0,
        "a number above 0 (1 protects strongly, 8 is usual)",
      ),
    )
    .addOption(
      numberOption(
        "--budget-hours <h>",
        "with --target-epsilon: most hours for all rounds",
        (value) => value > 0,
        "a number above 0",
      ),
    )
    .addOption(integerOption("--items <n>", "with --target-epsilon: items in the catalogue, where there is no file yet", 1))
    .option("--simulate", "with --target-epsilon: simulate a market of this size now, instead of what the repository holds")
    .addOption(integerOption("--seed <n>", "of --simulate", 0, 1))
    .option("--html <file>", "with --target-epsilon: write table and plots as one page");
}

/**
 * @param write puts the chosen plan where it belongs, if it is to be written
 * @throws TRB_CLI_BAD_OPTION and the codes of `searchPlans`
 */
export async function search(
  options: NewOptions,
  epsilon: number,
  catalogue: Catalogue | undefined,
  write: (numbers: PlannedNumbers) => Promise<{ readonly plan: string | null; readonly planHash: string | null }>,
): Promise<void> {
  const catalogueItems = catalogue?.items.length ?? options.items;
  if (catalogueItems === undefined) {
    const expected = "given, unless --catalogue is: the plan depends on how many items there are";
    throw fail("TRB_CLI_BAD_OPTION", { option: "--items", value: "left out", expected });
  }
  const {
    customers,
    merchants,
    merchantsPerCustomer,
    delta,
    minCohort,
    maxCorrupt,
    sampler,
    accountant,
    retries = 1,
  } = options;
  const share = shareOf(options);
  const evidence = options.simulate === true ? await simulated(options, catalogueItems, epsilon) : storedEvidence;
  const found = searchPlans({
    ...{ catalogueItems, customers, merchants, merchantsPerCustomer, epsilon, delta, sampler, accountant, retries, evidence },
    ...(catalogue === undefined ? {} : modelWishes(options, catalogue)),
    ...(options.budgetHours === undefined ? {} : { hours: options.budgetHours }),
    ...(minCohort === undefined ? {} : { minCohort }),
    ...(maxCorrupt === undefined ? {} : { maxCorrupt }),
    ...(share === undefined ? {} : { trainingShare: share }),
  });
  const file = await write(found.chosen.choice.plan);
  if (options.html !== undefined) writeOutput(options.html, frontierPage(found));
  print(options.json, documentOf(found, file), () => linesOf(found, file.plan, options.html));
}

function shareOf({ statistics, trainingShare, rounds }: NewOptions): number | undefined {
  if (rounds !== undefined) {
    throw fail("TRB_CLI_BAD_OPTION", {
      option: "--rounds",
      value: "given",
      expected: "absent with --target-epsilon, which searches them",
    });
  }
  if (statistics !== false) return trainingShare ?? (statistics === true ? 0 : undefined);
  if (trainingShare === undefined) return 1;
  throw fail("TRB_CLI_BAD_OPTION", { option: "--training-share", value: "given", expected: "absent with --no-statistics" });
}

/** Simulations of the federation's own size, as far as that takes minutes. */
async function simulated({ customers, seed }: NewOptions, items: number, epsilon: number): Promise<Evidence> {
  const progress = progressBar();
  const cells = {
    ...{ customers: Math.min(customers, mostCustomers), items: Math.min(items, mostItems) },
    statistics: [epsilon / 4, epsilon / 2, epsilon, 2 * epsilon],
    training: [epsilon, 4 * epsilon].map((at) => ({ rounds: 30, width: 32, clipNorm: 1, epsilon: at })),
    mixtures: [epsilon, 4 * epsilon].map((at) => ({
      ...{ rounds: 30, width: 32, clipNorm: 1, trained: ["norms"] as const, epsilon: at, trainingShare: 0.25 },
    })),
  };
  const market = await measureEvidence(cells, {
    ...{ seed, repeat, crypto: nodeCrypto(), executor: onnxruntimeExecutor() },
    onCell: (done, of) => progress.show("simulations", done, of),
  });
  progress.end();
  return { command: `tributary plan new --target-epsilon ${epsilon} --simulate --seed ${seed}`, seed, markets: [market] };
}

const rowOf = ({ choice: _, ...row }: Candidate) => row;

function documentOf({ chosen, frontier, byEpsilon, ...rest }: PlanSearch, file: object) {
  return { ...file, chosen: rowOf(chosen), frontier: frontier.map(rowOf), byEpsilon: byEpsilon.map(rowOf), ...rest };
}

function linesOf(
  { chosen, frontier, byEpsilon, why, warnings, tried }: PlanSearch,
  plan: string | null,
  html: string | undefined,
) {
  return [
    `What ε = ${chosen.epsilon} buys (the best of ${tried} plans by utility, hours or bytes):`,
    ...frontierTable(frontier, chosen),
    "",
    "What other ε would buy:",
    ...frontierTable(byEpsilon, chosen),
    "",
    ...why.map((reason) => `• ${reason}`),
    ...warnings.map((warning) => `⚠ ${warning}`),
    ...(html === undefined ? [] : [`plots in ${html}`]),
    plan === null ? "no plan was written: that takes --home and --catalogue" : `written to ${plan}`,
  ];
}

function frontierTable(rows: readonly Candidate[], chosen: Candidate): string[] {
  return table([
    ["", "ε", "expected NDCG@10", "hours", "MB a merchant", "rounds", "at least", "training"],
    ...rows.map((row) => [
      row === chosen ? "→" : "",
      String(Number(row.epsilon.toPrecision(4))),
      row.expected.toFixed(4),
      row.hours.toFixed(3),
      (row.bytes / 1e6).toFixed(1),
      String(row.rounds),
      `${row.minCohort} merchants`,
      trainingWords(row),
    ]),
  ]);
}

function trainingWords({ training, trainingShare }: Candidate): string {
  if (training === undefined) return "none";
  const { rounds, width, clipNorm, samplingRate } = training;
  return `${Math.round(100 * trainingShare)} %: ${rounds} rounds, width ${width}, clip ${clipNorm}, rate ${samplingRate}`;
}
