/** `tributary audit`: does what runs leak more than its plan claims? */
import { randomBytes } from "node:crypto";
import { fail } from "@tributary/errors";
import { parsePlan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import {
  type AuditReport,
  attackMembership,
  attackSecrets,
  auditRun,
  type ExtractionReport,
  type MembershipReport,
} from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { Command, Option } from "commander";
import { readJsonOnce, writeOutput } from "../files.ts";
import {
  deltaOption,
  epsilonOption,
  integerOption,
  jsonOption,
  listOf,
  merchantsOption,
  merchantsPerCustomerOption,
  numberOption,
} from "../options.ts";
import { print, table } from "../output.ts";
import { progressBar } from "../progress.ts";
import { auditPage } from "../report/audit-page.ts";

interface RunOptions {
  readonly plan?: string;
  readonly customers: number;
  readonly items: number;
  readonly merchants?: number;
  readonly merchantsPerCustomer: number;
  readonly canaries?: number;
  readonly epsilon: number;
  readonly delta: number;
  readonly rounds: number;
  readonly width: number;
  readonly samplingRate: number;
  readonly sampleLists?: boolean;
  readonly attacks?: readonly string[];
  readonly models: number;
  readonly secrets: number;
  readonly unprotectedRounds: number;
  readonly seed?: number;
  readonly commit?: string;
  readonly html?: string;
  readonly json?: boolean;
}

/** What `audit run` found. */
export interface AuditDocument extends AuditReport {
  readonly membership?: readonly MembershipReport[];
  readonly extraction?: readonly ExtractionReport[];
  /** Where the guesses contradict the plan: the coded error that ends the command. */
  readonly contradiction?: Readonly<Record<string, unknown>>;
}

export function auditCommand(): Command {
  return new Command("audit").description("evidence against what a plan claims").addCommand(runCommand());
}

function runCommand(): Command {
  return new Command("run")
    .description("plant disclosed canaries in a simulated federation, attack it, and hold the guesses against the plan's ε")
    .addOption(new Option("--market <kind>", "whose customers").choices(["synthetic"]).default("synthetic"))
    .addOption(
      new Option(
        "--plan <file>",
        "audit this plan's mechanism, on a market of as many items (default: a plan made for the market)",
      ).conflicts(planned),
    )
    .addOption(integerOption("--customers <n>", "customers of the market", 12, 2000))
    .addOption(integerOption("--items <n>", "items of the market", 12, 200))
    .addOption(merchantsOption("how many merchants (default: 4, or as few as the plan's rounds take)"))
    .addOption(merchantsPerCustomerOption())
    .addOption(
      integerOption(
        "--canaries <m>",
        "made-up customers, each in or out by a secret coin; with fewer, faults are overlooked more often (default: 1500, or as many as customers)",
        20,
      ),
    )
    .addOption(epsilonOption(4))
    .addOption(deltaOption(1e-6))
    .addOption(integerOption("--rounds <n>", "rounds of training", 1, 30))
    .addOption(integerOption("--width <n>", "the model's width", 4, 16))
    .addOption(
      numberOption(
        "--sampling-rate <q>",
        "chance that a customer is in a round",
        (value) => value > 0 && value <= 1,
        "a number above 0, at most 1",
        1,
      ),
    )
    .option("--sample-lists", "the attacker is given who was sampled: what is claimed of secret sampling must then fail")
    .addOption(
      new Option("--attacks <list>", "attack final models as well, with DP and without: membership, extraction").argParser(
        listOf("--attacks", ["membership", "extraction"]),
      ),
    )
    .addOption(integerOption("--models <n>", "membership: models trained, a target and its shadows in turn", 3, 8))
    .addOption(integerOption("--secrets <n>", "extraction: secrets in each group", 1, 12))
    .addOption(
      integerOption(
        "--unprotected-rounds <n>",
        "attacks: rounds of the model without noise, which learns its customers by heart",
        1,
        100,
      ),
    )
    .addOption(
      integerOption(
        "--seed <n>",
        "makes all of it again, coins included (default: fresh from the system)",
        0,
        undefined,
        2 ** 32 - 1,
      ),
    )
    .option("--commit <file>", "write the commitment to the coins there before the first round (it is always said on stderr)")
    .option("--html <file>", "write a page with plots")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary audit run --market synthetic --customers 2000 --canaries 500 --epsilon 4 --json\n  tributary audit run --customers 1000 --attacks membership,extraction --html audit.html\n  tributary audit run --plan plan.json --customers 2000",
    )
    .action(async (options: RunOptions) => {
      const document = await audited(options);
      if (options.html !== undefined) writeOutput(options.html, auditPage(document));
      if (!document.consistent) process.exitCode = 4;
      print(options.json, document, () => lines(document, options.html));
    });
}

/** With as many, half the noise is overlooked in about one of seven hundred audits, with 500 in one of nine (docs/privacy/auditing.md). */
const usualCanaries = 1500;

/** What a plan that is given says itself; attacks train models by plans of their own. */
const planned = [...["items", "merchantsPerCustomer", "epsilon", "delta", "rounds", "width", "samplingRate", "attacks"]];

/** @throws TRB_CLI_FILE_NOT_FOUND, TRB_CLI_FILE_UNREADABLE, TRB_CLI_NOT_JSON, TRB_PLAN_…, TRB_AUDIT_… */
async function audited(options: RunOptions): Promise<AuditDocument> {
  const plan = options.plan === undefined ? undefined : parsePlan(readJsonOnce(options.plan));
  const {
    customers,
    items,
    merchants = plan?.minCohort ?? 4,
    merchantsPerCustomer,
    epsilon,
    delta,
    rounds,
    width,
    samplingRate,
  } = options;
  const market = { customers, items, merchants, merchantsPerCustomer, epsilon, delta, rounds, width, samplingRate };
  const progress = progressBar();
  const common = { seed: seedOf(options.seed), crypto: nodeCrypto(), executor: onnxruntimeExecutor() };
  const report = await auditRun({
    ...{ ...common, market, canaries: options.canaries ?? Math.min(usualCanaries, customers), onRound: progress.show },
    ...(plan === undefined ? {} : { plan }),
    ...(options.sampleLists === true ? { sampleLists: true } : {}),
    onCommitment(sha256) {
      process.stderr.write(`commitment to the coins: sha256 ${sha256}\n`);
      if (options.commit !== undefined) writeOutput(options.commit, `${sha256}\n`);
    },
  });
  const attacked = {
    ...common,
    market: { ...market, unprotectedRounds: options.unprotectedRounds },
    onProgress: progress.show,
  };
  const wanted = (attack: string) => options.attacks?.includes(attack) === true;
  const membership = wanted("membership") ? await attackMembership(attacked, options.models) : undefined;
  const extraction = wanted("extraction") ? await attackSecrets(attacked, options.secrets) : undefined;
  progress.end();
  return {
    ...report,
    ...(membership === undefined ? {} : { membership }),
    ...(extraction === undefined ? {} : { extraction }),
    ...contradictionOf(report),
  };
}

function contradictionOf({ empirical, theoretical }: AuditReport): Pick<AuditDocument, "contradiction"> {
  const refuting = empirical.attacks.find(({ refuted }) => refuted);
  if (refuting === undefined) return {};
  const { threatModel, correct, guesses } = refuting;
  const { epsilon } = theoretical;
  return { contradiction: { ...fail("TRB_AUDIT_CONTRADICTION", { threatModel, correct, guesses, epsilon }).toJSON() } };
}

/** 32 bytes: of a number, whose coins whoever knows it can foretell, or from the system. */
function seedOf(number: number | undefined): Uint8Array {
  if (number === undefined) return new Uint8Array(randomBytes(32));
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number, true);
  return bytes;
}

function lines(document: AuditDocument, html: string | undefined): string[] {
  const {
    theoretical,
    empirical,
    federation,
    confidence,
    consistent,
    contradiction,
    membership = [],
    extraction = [],
  } = document;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return [
    ...(federation.plan === "given" ? [`the plan ${federation.planHash}`] : []),
    `${federation.customers} customers of a made-up market, ${federation.canaries} canaries (${federation.included} in), ${federation.merchants} merchants, ${federation.rounds} rounds`,
    `claimed    ε ≤ ${theoretical.epsilon.toFixed(3)} at δ = ${theoretical.delta} for a customer`,
    `refuted    ε < ${empirical.epsilonLowerBound.toFixed(3)} with confidence ${percent(confidence)}`,
    ...table([
      ["attacker sees", "canaries", "right", "refutes ε below", "if Gaussian"],
      ...empirical.attacks.map(
        ({ threatModel, canaries, correct, guesses, epsilonLowerBound, epsilonLowerBoundIfGaussian }) => [
          ...[threatModel, canaries, `${correct} of ${guesses}`],
          ...[epsilonLowerBound.toFixed(3), epsilonLowerBoundIfGaussian.toFixed(3)],
        ],
      ),
    ]),
    consistent
      ? "consistent: nothing contradicts the plan. That proves nothing about what was not attacked."
      : `NOT consistent: ${String(contradiction?.["message"])}`,
    ...membership.map(
      ({ protection, roc }) =>
        `membership ${protection}: AUC ${roc.auc.toFixed(3)}; ${roc.at.map((point) => `${percent(point.truePositiveRate)} found at ${percent(point.falsePositiveRate)} false alarms`).join(", ")}`,
    ),
    ...extraction.map(
      ({ protection, mostBits, groups }) =>
        `extraction ${protection}: ${groups.map(({ customers, mean, extracted }) => `${customers} customers ${mean.toFixed(1)} bits (${extracted} extracted)`).join(", ")} of ${mostBits.toFixed(1)}`,
    ),
    ...(html === undefined ? [] : [`page       ${html}`]),
  ];
}
