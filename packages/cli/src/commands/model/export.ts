/** `tributary model export`: from a coordinator's folder, or from a round's file and its ledger, to files that others can use. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@tributary/errors";
import { type Catalogue, catalogueBytes, parseCatalogue } from "@tributary/events";
import { decodeFederationModel, type FederationModel, optimiserOf } from "@tributary/federation";
import {
  decodeOptimiserState,
  type ItemContent,
  itemContent,
  type ModelCard,
  type OptimiserState,
  readCheckpoint,
  readsContent,
} from "@tributary/model";
import { loadExtensions } from "@tributary/model/extension-files";
import type { Plan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import type { Command } from "commander";
import { z } from "zod";
import { readInput, readJson, systemCode, writeOutput } from "../../files.ts";
import { hybridArtefact } from "../../hybrid-artefact.ts";
import {
  cardMetrics,
  cardOf,
  filesOf,
  type LedgerModel,
  ledgerModels,
  publishedModel,
  requireKept,
} from "../../model-cards.ts";
import { extensionFilesOption, openExtensions } from "../../open-extensions.ts";
import { integerOption, jsonOption } from "../../options.ts";
import { print } from "../../output.ts";

interface ExportOptions {
  readonly home?: string;
  readonly model?: string;
  readonly ledger?: string;
  readonly catalogue?: string;
  readonly round?: number;
  readonly report?: string;
  readonly licence?: string;
  readonly hybrid?: boolean;
  readonly extension?: readonly string[];
  readonly out: string;
  readonly json?: boolean;
}

export function addExport(model: Command): void {
  model
    .command("export")
    .description("write model.onnx, model.safetensors, modelcard.md and, where it is known, optimiser.safetensors")
    .option("--home <folder>", "the coordinator's folder")
    .option("--model <file>", "a round's model file, instead of --home")
    .option("--ledger <file>", "the ledger that --model belongs to")
    .option("--catalogue <file>", "catalogue JSONL, for --model of a model that reads attributes or features")
    .addOption(integerOption("--round <n>", "the round whose model is wanted; 0 is the initial one (default: the last)", 0))
    .option("--report <file>", "report.json of a demo or simulation: its figures go into the card")
    .option(
      "--hybrid",
      "also write hybrid/: model.onnx with tables.safetensors, which serve attention, released statistics, content and own history together",
    )
    .option("--licence <text>", "licence and terms, for the card")
    .requiredOption("--out <folder>", "where to write")
    .addOption(extensionFilesOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary model export --home platform --out exported")
    .action(async (options: ExportOptions) => {
      await openExtensions(options.extension);
      const source = await findModel(options);
      requireKept(source.model);
      const { plan, round, epsilon, hash } = source.model;
      const found = sha256(source.file);
      const card = cardOf(source.model, {
        metrics: options.report === undefined ? null : metricsOfReport(options.report, source.model),
        ...(options.licence === undefined ? {} : { licence: options.licence }),
      });
      const { parameters, statistics } = decodeFederationModel(plan, source.file);
      if (found !== hash) throw fail("TRB_MODEL_HASH_MISMATCH", { found, expected: hash, source: "the ledger" });
      const files = {
        ...filesOf({
          ...{ parameters, card, statistics },
          ...contentFor(plan, source.catalogue),
          ...(source.optimiserState === undefined ? {} : { optimiserState: source.optimiserState }),
        }),
        ...(source.certificate === undefined ? {} : { "certificate.json": source.certificate }),
      };
      makeFolder(options.out);
      for (const [name, content] of Object.entries(files)) writeOutput(join(options.out, name), content);
      const hybrid = options.hybrid === true ? await hybridOf(plan, { parameters, statistics }, card, source.catalogue) : {};
      if (options.hybrid === true) makeFolder(join(options.out, "hybrid"));
      for (const [name, content] of Object.entries(hybrid)) writeOutput(join(options.out, "hybrid", name), content);
      const names = [...Object.keys(files), ...Object.keys(hybrid).map((name) => join("hybrid", name))];
      print(options.json, { out: options.out, files: names, modelHash: hash, round, epsilon, delta: plan.delta }, () => [
        `round ${round}, ε ${epsilon} at δ ${plan.delta}, model hash ${hash}`,
        ...names.map((name) => `  ${join(options.out, name)}`),
      ]);
    });
}

interface FoundModel {
  readonly model: LedgerModel;
  /** The round's safetensors file. */
  readonly file: Uint8Array;
  readonly optimiserState: OptimiserState | undefined;
  /** The public list of items, where it is at hand. */
  readonly catalogue: Uint8Array | undefined;
  /** What the coordinator has signed of this model, where it has. */
  readonly certificate: Uint8Array | undefined;
}

/** @throws TRB_MODEL_CATALOGUE_OTHER, TRB_MODEL_CONTENT_ROWS, … */
function contentFor(plan: Plan, catalogue: Uint8Array | undefined): { readonly content?: ItemContent } {
  if (!readsContent(plan.model) || catalogue === undefined) return {};
  return { content: itemContent(plan.model, plannedCatalogue(plan, catalogue).items) };
}

function plannedCatalogue(plan: Plan, bytes: Uint8Array): Catalogue {
  const catalogue = parseCatalogue(bytes);
  const found = sha256(catalogueBytes(catalogue));
  const expected = plan.catalogueHash;
  if (found !== expected) throw fail("TRB_MODEL_CATALOGUE_OTHER", { source: "the model", found, expected });
  return catalogue;
}

/** @throws TRB_CLI_BAD_OPTION, TRB_MODEL_CATALOGUE_OTHER */
async function hybridOf(
  plan: Plan,
  model: FederationModel,
  card: ModelCard,
  catalogue: Uint8Array | undefined,
): Promise<Readonly<Record<string, Uint8Array | string>>> {
  if (catalogue === undefined) {
    const expected = "the catalogue that the plan is bound to, for --hybrid";
    throw fail("TRB_CLI_BAD_OPTION", { option: "--catalogue", value: "left out", expected });
  }
  const repeats = plan.warmStart?.repeats ?? "keep";
  const what = { plan, model, card, repeats, catalogue: plannedCatalogue(plan, catalogue) };
  return { ...(await hybridArtefact(what, onnxruntimeExecutor())) };
}

async function findModel(options: ExportOptions): Promise<FoundModel> {
  const { home, model: path, ledger } = options;
  if (home !== undefined && path === undefined && ledger === undefined) return findAtHome(home, options.round);
  if (home !== undefined || path === undefined || ledger === undefined) {
    throw fail("TRB_CLI_BAD_OPTION", {
      option: "--home",
      value: home ?? "absent",
      expected: "the coordinator's folder; or else both --model and --ledger",
    });
  }
  const models = ledgerModels(readInput(ledger));
  const { roundFile } = readCheckpoint(readInput(path), models[0]?.plan.model);
  const hash = sha256(roundFile);
  const model = models.find((one) => one.hash === hash && (options.round === undefined || one.round === options.round));
  if (model === undefined)
    throw fail("TRB_MODEL_HASH_MISMATCH", { found: hash, expected: "no model of that hash", source: ledger });
  const catalogue = options.catalogue === undefined ? undefined : readInput(options.catalogue);
  return { model, file: roundFile, optimiserState: undefined, catalogue, certificate: undefined };
}

/** @throws TRB_COORDINATOR_HOME_EMPTY, TRB_CLI_BAD_OPTION */
async function findAtHome(home: string, round: number | undefined): Promise<FoundModel> {
  const { certificateOf, readStatus } = await import("@tributary/coordinator");
  const status = await readStatus(home);
  const ledger = join(home, "ledger.jsonl");
  if (!existsSync(ledger)) throw fail("TRB_CLI_FILE_NOT_FOUND", { path: ledger });
  const models = ledgerModels(readInput(ledger));
  const model = round === undefined ? publishedModel(models) : models.find((one) => one.round === round);
  if (model === undefined) {
    const rounds = models.map((one) => one.round);
    throw fail("TRB_CLI_BAD_OPTION", {
      option: "--round",
      value: String(round),
      expected: `a round that was released: ${rounds.length > 12 ? `up to ${rounds.at(-1)}` : rounds.join(", ")}`,
    });
  }
  await loadExtensions(join(home, "extensions"), model.plan.extensions);
  const blob = (hash: string) => readInput(join(home, "blobs", hash));
  const last = status.modelHash === model.hash && status.optimiserHash !== null ? status.optimiserHash : undefined;
  return {
    model,
    file: blob(model.hash),
    optimiserState: last === undefined ? undefined : optimiserStateOf(model.plan, blob(last)),
    catalogue: blob(model.plan.catalogueHash),
    certificate: certificateOf(home, model.hash),
  };
}

function optimiserStateOf(plan: Plan, bytes: Uint8Array): OptimiserState {
  return decodeOptimiserState(optimiserOf(plan), bytes);
}

const reportSchema = z.object({
  evaluation: z.string(),
  federated: z.object({ hr10: z.number(), ndcg10: z.number(), mrr: z.number() }),
  ledger: z.object({ head: z.string() }),
});

/** The federated model's figures, if the report is about this model. */
function metricsOfReport(path: string, { heads }: LedgerModel): ModelCard["metrics"] {
  const parsed = reportSchema.safeParse(readJson(path));
  if (!parsed.success || !heads.includes(parsed.data.ledger.head)) {
    throw fail("TRB_CLI_BAD_OPTION", { option: "--report", value: path, expected: "report.json of this model's own run" });
  }
  return cardMetrics(parsed.data.evaluation, parsed.data.federated);
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw fail("TRB_CLI_FILE_NOT_WRITABLE", { path, reason: systemCode(cause) }, cause);
  }
}

const sha256 = (bytes: Uint8Array) => Buffer.from(nodeCrypto().sha256(bytes)).toString("hex");
