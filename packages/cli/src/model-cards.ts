/**
 * What a ledger knows about a model: from which round it came, and what had been spent by then. Cards are made from it and held to it.
 */
import { fail } from "@tributary/errors";
import { type Entry, type Judgement, judgementOf, parseLine, readEntries, summarizeLedger } from "@tributary/ledger";
import {
  federatedProvenance,
  intendedUse,
  knownLimits,
  type ModelCard,
  parameterCount,
  type ResultBlock,
  writeCheckpoint,
} from "@tributary/model";
import { type Plan, planHash, type Release } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";

/** A model as its ledger has it. */
export interface LedgerModel {
  readonly plan: Plan;
  readonly planHash: string;
  readonly hash: string;
  /** 0: the initial model. */
  readonly round: number;
  /** Spent when this model was released, a decimal string. */
  readonly epsilon: string;
  /** Hashes of all entries, in order: a card names one of those from the model's own on. */
  readonly heads: readonly string[];
  /** Place of the entry that released the model. */
  readonly entry: number;
  /** Whether metrics have kept it; null where the plan keeps every model. */
  readonly judgement: Judgement | null;
  /** What was released in its round; undefined for the initial model. */
  readonly kind?: Release["kind"] | undefined;
}

/**
 * A checkpoint's files. An ONNX file holds weights alone, so there is none of a model that serves by released statistics: its hash would be
 * no model's of the ledger.
 * @throws what `writeCheckpoint` throws
 */
export function filesOf(checkpoint: Parameters<typeof writeCheckpoint>[0]): Readonly<Record<string, Uint8Array | string>> {
  const { "model.onnx": onnx, ...files } = writeCheckpoint(checkpoint);
  return checkpoint.statistics === undefined ? { ...files, "model.onnx": onnx } : { ...files };
}

const membersDecide =
  "The weights belong to the federation's members, who decide under which licence they are passed on. The code that reads them is Apache-2.0.";

/** Every model that a ledger names, in order. @throws TRB_LEDGER_EMPTY, TRB_LEDGER_LINE_INVALID, … */
export function ledgerModels(ledger: Uint8Array): readonly LedgerModel[] {
  const heads = summarizeLedger(ledger, nodeCrypto()).map((row) => row.hash);
  const entries: readonly Entry[] = Buffer.from(ledger).toString("utf8").split("\n").slice(0, -1).map(parseLine);
  const naming = namedModels();
  for (const [place, entry] of entries.entries()) naming.take(entry, String(heads[place]));
  return naming.models();
}

/** The same of a file that needn't fit into memory. @throws TRB_LEDGER_EMPTY, TRB_LEDGER_LINE_INVALID, … */
export async function streamedModels(ledger: AsyncIterable<Uint8Array>): Promise<readonly LedgerModel[]> {
  const naming = namedModels();
  for await (const { entry, hash } of readEntries(ledger, nodeCrypto())) naming.take(entry, hash);
  return naming.models();
}

/** What is kept of each entry: its hash, of a round the model that it released, and of metrics all, which judge models. */
function namedModels() {
  const heads: string[] = [];
  const released: Pick<LedgerModel, "hash" | "round" | "epsilon" | "entry" | "kind">[] = [];
  const judging: Entry[] = [];
  let plan: Plan | undefined;
  return {
    take(entry: Entry, hash: string): void {
      if (plan === undefined && entry.kind !== "genesis")
        throw fail("TRB_LEDGER_LINE_INVALID", { path: "kind", reason: "the first entry is no genesis" });
      if (entry.kind === "genesis") plan ??= entry.plan;
      const place = heads.push(hash) - 1;
      if (entry.kind !== "round") return;
      const kind = plan?.releases[entry.release]?.kind;
      if (kind === "metrics") judging.push(entry);
      // sums that stand in the ledger made no model
      if (entry.sum === undefined)
        released.push({ hash: entry.nextModelHash, round: entry.round, epsilon: entry.spent.epsilon, entry: place, kind });
    },
    models(): readonly LedgerModel[] {
      if (plan === undefined) throw fail("TRB_LEDGER_EMPTY");
      const common = { plan, planHash: planHash(nodeCrypto(), plan), heads };
      const judged = <Model extends { readonly hash: string }>(of: Plan, model: Model) => ({
        ...{ ...common, ...model },
        judgement: judgementOf(of, judging, model.hash),
      });
      const initial = judged(plan, { hash: plan.initialModelHash, round: 0, epsilon: "0", entry: 0 });
      return [initial, ...released.map((model) => judged(common.plan, model))];
    },
  };
}

/** The last model, or where metrics decide which are kept, the last of those; the initial one before anything was judged. */
export function publishedModel(models: readonly LedgerModel[]): LedgerModel | undefined {
  return models.findLast(({ judgement }) => judgement === null || judgement === "kept") ?? models[0];
}

/** @throws TRB_MODEL_NOT_KEPT where metrics decide which models are kept, and this isn't one */
export function requireKept({ round, judgement }: LedgerModel): void {
  if (judgement === null || judgement === "kept" || round === 0) return;
  throw fail("TRB_MODEL_NOT_KEPT", { round, judgement });
}

/** A result block as the metrics of a card. */
export function cardMetrics(
  source: string,
  { hr10, ndcg10, mrr }: Pick<ResultBlock, "hr10" | "ndcg10" | "mrr">,
): ModelCard["metrics"] {
  return { source, values: { hr10, ndcg10, mrr } };
}

/** The card of a model of a ledger. */
export function cardOf(
  model: LedgerModel,
  told: { readonly metrics: ModelCard["metrics"]; readonly licence?: string },
): ModelCard {
  const { plan } = model;
  return {
    format: "tributary-model-card",
    version: 1,
    federation: plan.federation,
    planHash: model.planHash,
    ledgerHead: model.heads.at(-1) ?? "",
    round: model.round,
    modelHash: model.hash,
    graphVersion: plan.graphVersion,
    graphHash: plan.graphHash,
    parameters: parameterCount(plan.model),
    model: plan.model,
    privacy: {
      unit: plan.unit,
      epsilon: model.epsilon,
      delta: plan.delta,
      limit: plan.epsilon,
      conditional: plan.catalogueProvenance === "log" ? "catalogue treated as public" : null,
    },
    metrics: told.metrics,
    licence: told.licence ?? membersDecide,
    provenance:
      model.round === 0 ? "The initial model, which follows from the plan alone: no data has touched it." : federatedProvenance,
    intendedUse,
    limits: knownLimits,
  };
}

/**
 * Holds a card to the ledger; metrics, licence and other words are not in a ledger and stay claims.
 * @throws TRB_MODEL_CARD_CONTRADICTED
 */
export function requireCardOfLedger(card: ModelCard, model: LedgerModel): void {
  const due = cardOf(model, { metrics: card.metrics, licence: card.licence });
  const contradicted = (field: string, found: unknown, expected: unknown) => {
    if (JSON.stringify(found) === JSON.stringify(expected)) return;
    const shown = (value: unknown) => JSON.stringify(value).slice(0, 80);
    throw fail("TRB_MODEL_CARD_CONTRADICTED", {
      ...{ field, found: shown(found), expected: shown(expected) },
      source: "the ledger",
    });
  };
  for (const field of ["federation", "planHash", "round", "modelHash", "graphVersion", "graphHash", "parameters"] as const) {
    contradicted(field, card[field], due[field]);
  }
  for (const field of ["unit", "epsilon", "delta", "limit", "conditional"] as const) {
    contradicted(`privacy.${field}`, card.privacy[field], due.privacy[field]);
  }
  if (!model.heads.slice(model.entry).includes(card.ledgerHead)) {
    contradicted("ledgerHead", card.ledgerHead, "no such entry from the model's on");
  }
}
