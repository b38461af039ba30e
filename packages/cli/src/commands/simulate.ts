/** `tributary simulate`: the same federation in one process, on the same state machines. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@tributary/errors";
import { writeCatalogue, writeCsv } from "@tributary/events";
import { broughtModel, initialFederationModel } from "@tributary/federation";
import { itemContent, type Repeats, readsContent } from "@tributary/model";
import { fingerprintOf, type IdentityKey, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { beginFederationRun, planDocument, type SimulatedRound, simulateFederation } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { Command, Option } from "commander";
import { type AccountantOptions, accountantOption } from "../accountant-option.ts";
import { type AttentionOptions, attentionOf, attentionOption } from "../attention-option.ts";
import { divide, type LogOptions, readLog } from "../demo/market.ts";
import { reportOf } from "../demo/report.ts";
import { requireDelta } from "../demo/run.ts";
import { chooseWithExtensions, extendedModel, extendedTraining, extendOption } from "../extension-options.ts";
import { readInput, systemCode } from "../files.ts";
import { beginningAt, broughtParameters, type InitialModelOptions, initialModelOption } from "../initial-model-option.ts";
import {
  acceptEveryOption,
  acceptToleranceOption,
  featureMeansOption,
  heldOutOption,
  type MetricsOptions,
  metricsShareOption,
  metricsWishes,
  secondsOf,
} from "../metrics-options.ts";
import { addModelOptions, featuredCatalogue, type ModelOptions, modelWishes } from "../model-options.ts";
import { openExtensions } from "../open-extensions.ts";
import {
  addLogOptions,
  deltaOption,
  epsilonOption,
  integerOption,
  jsonOption,
  maxCorruptOption,
  merchantsOption,
  minCohortOption,
  numberOption,
  repeatsOf,
  repeatsOption,
} from "../options.ts";
import { print } from "../output.ts";
import { progressBar } from "../progress.ts";
import { osRandomSource } from "../random.ts";
import { reportLines } from "../report/lines.ts";
import { reportPage } from "../report/page.ts";
import { requireSampler, type SamplerOptions, samplerOption } from "../sampler-option.ts";
import { addStatisticsOptions, type StatisticsOptions, statisticsWishes } from "../statistics-options.ts";
import { tunedOption, tunedWishes } from "../tuned-option.ts";
import { updateNormOption, withUpdateNorm } from "../update-norm-option.ts";
import { logHash } from "./simulate/log-hash.ts";
import { compareCommand, listCommand, runsOption } from "./simulate/runs.ts";
import { scaleCommand } from "./simulate/scale.ts";
import { tuneCommand } from "./simulate/tune.ts";

interface SimulateOptions
  extends LogOptions,
    ModelOptions,
    SamplerOptions,
    AccountantOptions,
    AttentionOptions,
    InitialModelOptions,
    StatisticsOptions,
    MetricsOptions {
  readonly merchants: number;
  readonly epsilon: number;
  readonly delta: number;
  readonly rounds?: number;
  readonly minCohort?: number;
  readonly maxCorrupt?: number;
  readonly repeats?: Repeats;
  readonly watchedUntil?: number;
  readonly extend?: readonly string[];
  readonly updateNorm?: number;
  readonly tuned?: string;
  readonly marketOut?: string;
  readonly runs: string;
  readonly json?: boolean;
}

export function simulateCommand(): Command {
  const simulate = new Command("simulate")
    .description("run a federation in one process, on the same state machines, with secure aggregation and noise")
    .option("--events <file>", "a log (default: a synthetic market)")
    .option("--catalogue <file>", "catalogue JSONL (default: the log's own items)")
    .option("--attributes <file>", "public item attributes, JSON or JSONL")
    .addOption(new Option("--market <kind>", "the market when no log is given").choices(["synthetic"]).default("synthetic"));
  return addStatisticsOptions(addModelOptions(addLogOptions(simulate)))
    .addOption(merchantsOption("how many merchants", 6))
    .addOption(epsilonOption(8))
    .addOption(deltaOption(1e-6))
    .addOption(samplerOption())
    .addOption(accountantOption())
    .addOption(integerOption("--rounds <n>", "rounds (default: chosen)", 1))
    .addOption(integerOption("--seed-market <n>", "seed of the synthetic market", 0, 1))
    .addOption(
      numberOption(
        "--market-searches <part>",
        "of the synthetic market: the chance that a customer searches for a category by its name before it looks there",
        (value) => value >= 0 && value <= 1,
        "a number from 0 to 1",
      ),
    )
    .option("--market-out <folder>", "write the synthetic market's log and catalogue there, and simulate nothing")
    .addOption(minCohortOption())
    .addOption(maxCorruptOption())
    .addOption(repeatsOption())
    .addOption(attentionOption())
    .addOption(initialModelOption())
    .addOption(extendOption())
    .addOption(tunedOption())
    .addOption(heldOutOption())
    .addOption(metricsShareOption())
    .addOption(featureMeansOption())
    .addOption(acceptEveryOption())
    .addOption(acceptToleranceOption())
    .addOption(updateNormOption())
    .addOption(
      new Option(
        "--watched-until <date>",
        "day until which the log was watched, for the churn head (default: the synthetic market's last)",
      ).argParser((text: string) => secondsOf("--watched-until", text)),
    )
    .addOption(runsOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary simulate --market synthetic --merchants 6 --epsilon 8 --json")
    .enablePositionalOptions() // what follows `scale` is its own
    .addCommand(scaleCommand())
    .addCommand(listCommand())
    .addCommand(compareCommand())
    .addCommand(tuneCommand())
    .action(async (options: SimulateOptions) => {
      if (options.marketOut !== undefined) return writeMarket(options, options.marketOut);
      const started = performance.now();
      await requireSampler(options);
      const crypto = nodeCrypto();
      const executor = onnxruntimeExecutor();
      const progress = progressBar();
      const read = await readLog(options);
      const log = { ...read, catalogue: await featuredCatalogue(read.catalogue, options) };
      requireDelta(options.delta, log);
      const parts = divide(log, options.merchants);
      const extensions = await openExtensions(options.extend);
      const coordinatorSecret = new Uint8Array(32);
      osRandomSource().fill(coordinatorSecret);
      const request = {
        ...{ merchants: options.merchants, epsilon: options.epsilon, delta: options.delta },
        customers: log.histories.customers.length,
        catalogueItems: log.catalogue.items.length,
        ...modelWishes(options, log.catalogue),
        ...extendedModel(extensions),
        sampler: options.sampler,
        accountant: options.accountant,
        ...(options.rounds === undefined ? {} : { rounds: options.rounds }),
        ...(options.minCohort === undefined ? {} : { minCohort: options.minCohort }),
        ...(options.maxCorrupt === undefined ? {} : { maxCorrupt: options.maxCorrupt }),
        // nobody goes missing in one process, so no retry is needed
        ...beginningAt(
          options,
          tunedWishes(
            options.tuned,
            statisticsWishes({ ...options, ...extendedTraining(options, extensions) }, { retries: 0 }),
          ),
        ),
      };
      const choice = withUpdateNorm(chooseWithExtensions(request, extensions, metricsWishes(options)), options.updateNorm);
      const { catalogue, catalogueProvenance } = log;
      const coordinatorKey = identityKeyOf(coordinatorSecret);
      const brought = broughtParameters(options, choice.plan.model);
      const plan = planDocument(crypto, choice.plan, {
        federation: "simulation",
        coordinatorKey,
        catalogue,
        catalogueProvenance,
        ...brought,
      });
      const content = readsContent(plan.model) ? itemContent(plan.model, catalogue.items) : undefined;
      const now = options.watchedUntil ?? log.watchedUntil;
      const kept = beginFederationRun(options.runs, settingsOf(options));
      const rounds: SimulatedRound[] = [];
      const planned = plan.releases.reduce((sum, release) => sum + release.rounds, 0);
      const initial =
        brought.initialParameters === undefined
          ? initialFederationModel(crypto, plan)
          : broughtModel(plan, brought.initialParameters);
      const result = await simulateFederation({
        ...{ plan, crypto, executor, coordinatorSecret, content, now },
        ...{ initialParameters: initial.parameters, items: catalogue.items },
        nodes: parts.map((part) => ({ node: part.node, histories: part.train })),
        random: () => osRandomSource(),
        onRound: (round) => {
          rounds.push(round);
          progress.show("rounds", rounds.length, planned);
        },
      });
      const judged = await reportOf(
        {
          ...{ plan, rounds, why: choice.why, bytesPerRoundPerNode: result.bytesPerRoundPerNode, slowNodes: 0 },
          ledger: new TextEncoder().encode(result.ledger),
          key: fingerprintOf(crypto, coordinatorKey),
          initial,
          final: { parameters: result.parameters, statistics: result.statistics },
          modelAfter: (number) => rounds.find((round) => round.round === number),
        },
        {
          ...{ log, parts, started, attention: attentionOf(options) },
          judging: { model: plan.model, items: catalogue.items.length, executor, repeats: repeatsOf(options), content, now },
          secondsPerMerchant: 10,
          onProgress: (what, done, of) => progress.show(what, done, of),
        },
      );
      progress.end();
      // rounds as they are seen from outside: a simulated one has its model with it, which is megabytes
      const byRound = judged.byRound.map(({ round, epsilon, seconds, accuracy }) => ({
        ...{ round, epsilon, seconds },
        ...(accuracy === undefined ? {} : { accuracy }),
      }));
      const report = { ...judged, byRound };
      kept.finish({ plan, report, ledger: result.ledger, modelHash: result.modelHash });
      kept.folder.write("report.html", reportPage(report));
      print(
        options.json,
        {
          ...{ run: kept.folder.id, folder: kept.folder.path },
          ...report,
        },
        () => [
          ...reportLines(report),
          `run       ${kept.folder.id} in ${kept.folder.path} (report.html, result.json, ledger.jsonl)`,
        ],
      );
    });

  /** An ordinary log, for whatever takes one. @throws TRB_CLI_BAD_OPTION beside a log of one's own */
  async function writeMarket(options: SimulateOptions, folder: string): Promise<void> {
    if (options.events !== undefined) {
      throw fail("TRB_CLI_BAD_OPTION", { option: "--market-out", value: folder, expected: "absent with --events" });
    }
    const { histories, catalogue, source } = await readLog(options);
    const [events, items] = [join(folder, "events.csv"), join(folder, "catalogue.jsonl")];
    try {
      mkdirSync(folder, { recursive: true });
    } catch (cause) {
      throw fail("TRB_CLI_FILE_NOT_WRITABLE", { path: folder, reason: systemCode(cause) }, cause);
    }
    await writeCsv(events, histories, catalogue);
    await writeCatalogue(items, catalogue);
    const facts = { customers: histories.customers.length, events: histories.items.length, items: catalogue.items.length };
    print(options.json, { log: events, catalogue: items, ...facts }, () => [
      source.description,
      `written: ${events} (${facts.events} events), ${items}`,
      `tributary simulate --events ${events} --catalogue ${items} --columns customer=customer,item=item,action=action,time=time`,
    ]);
  }

  /** What was asked for, as `simulate compare` shows it. */
  function settingsOf({ runs: _runs, json: _json, ...asked }: SimulateOptions): Readonly<Record<string, unknown>> {
    const { events, initialModel } = asked;
    return {
      ...{ command: "simulate", ...asked },
      ...(events === undefined ? {} : { log: logHash(asked) }),
      ...(initialModel === undefined ? {} : { initialModel: toHex(nodeCrypto().sha256(readInput(initialModel))) }),
    };
  }

  function identityKeyOf(secret: Uint8Array): IdentityKey {
    return toHex(nodeCrypto().signingPublicKey(secret)) as IdentityKey;
  }
}
