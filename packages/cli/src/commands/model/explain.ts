/**
 * `tributary model explain`: which of a customer's past events moved a prediction. A merchant's own processing of its own log: what it
 * prints is about one customer, and goes nowhere but to this command's output.
 */
import { fail } from "@tributary/errors";
import { actions, catalogueBytes, type Histories } from "@tributary/events";
import {
  type DeletionTest,
  deletionTest,
  type Explanation,
  explanationStrip,
  inWords,
  itemContent,
  type ModelSpec,
  openExplainer,
  readCheckpoint,
  readsContent,
  type StripEvent,
} from "@tributary/model";
import { type Plan, parsePlan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import type { Command } from "commander";
import type { Log, LogOptions } from "../../demo/market.ts";
import { readInput, readJson, writeOutput } from "../../files.ts";
import { addLogOptions, integerOption, jsonOption } from "../../options.ts";
import { print } from "../../output.ts";

interface ExplainOptions extends LogOptions {
  readonly model: string;
  readonly plan?: string;
  readonly customer: string;
  readonly item?: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** Enough for a mean, few enough for a command that answers at once. */
const randomOrders = 20;

export function addExplain(model: Command): void {
  addLogOptions(
    model
      .command("explain")
      .description("which of a customer's past events moved a prediction; for the merchant's own eyes")
      .requiredOption("--model <file>", "model.safetensors or model.onnx")
      .option("--plan <file>", "plan.json: needed for a file without a model card")
      .option("--events <file>", "the merchant's log (default: the synthetic market of the demo)")
      .option("--catalogue <file>", "catalogue JSONL (default: the log's own items)")
      .option("--attributes <file>", "public item attributes, JSON or JSONL"),
  )
    .requiredOption("--customer <id>", "the customer, as the log names it")
    .option("--item <id>", "the item whose score is explained (default: the one that scores highest)")
    .addOption(integerOption("--seed-market <n>", "seed of the synthetic market", 0, 1))
    .option("--out <file>", "write the explanation as an SVG strip")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary model explain --model tributary-demo/model.safetensors --plan tributary-demo/plan.json --customer c0000017 --out strip.svg",
    )
    .action(async (options: ExplainOptions) => {
      const plan = options.plan === undefined ? undefined : parsePlan(readJson(options.plan));
      const { spec, parameters, content } = readCheckpoint(readInput(options.model), plan?.model);
      const { readLog } = await import("../../demo/market.ts");
      const log = await readLog(options);
      requireCatalogue(plan, log, options.catalogue ?? options.events ?? "the synthetic market");
      const stretch = stretchOf(log.histories, options.customer);
      const item = options.item === undefined ? undefined : itemNumber(log, options.item);
      const explainer = await openExplainer(spec, parameters, onnxruntimeExecutor(), content ?? contentFrom(spec, log));
      try {
        const explanation = await explainer.explain(log.histories, stretch, item);
        const test = await deletionTest(explainer, log.histories, explanation, {
          ...{ by: "contribution", orders: randomOrders, seed: 1 },
        });
        report(options, explanation, { log, test, spec });
      } finally {
        await explainer.close();
      }
    });
}

function report(
  options: ExplainOptions,
  explanation: Explanation,
  { log, test, spec }: { readonly log: Log; readonly test: DeletionTest; readonly spec: ModelSpec },
): void {
  const { histories, catalogue } = log;
  const nameOf = (item: number) => {
    const known = catalogue.items[item - 1];
    return known?.title ?? known?.id ?? `item ${item}`;
  };
  const labels = explanation.events.map(({ event }): StripEvent => {
    const item = histories.items[event] ?? 0;
    const action = actions[histories.actions[event] ?? 0] ?? "event";
    return { label: item === 0 ? action : nameOf(item), action };
  });
  const item = nameOf(explanation.item);
  const title = `Why ${item}? rank ${explanation.rank} of ${spec.items}`;
  if (options.out !== undefined) writeOutput(options.out, explanationStrip(labels, explanation.events, { title }));
  const { highestFirst, lowestFirst, randomDrop } = test;
  const deletion = { highestFirst: highestFirst.drop, random: randomDrop, lowestFirst: lowestFirst.drop };
  const document = {
    item,
    score: explanation.score,
    margin: explanation.margin,
    rank: explanation.rank,
    events: explanation.events.map(({ contribution, share, gradient, rollout }, place) => ({
      ...{ item: labels[place]?.label, action: labels[place]?.action, contribution, share, gradient },
      rollout: rollout ?? null,
    })),
    deletion,
    strip: options.out ?? null,
  };
  print(options.json, document, () => [
    title,
    inWords(labels, explanation.events),
    `taking out the events that add most lowers the margin by ${deletion.highestFirst.toPrecision(3)} on average, random ones by ${deletion.random.toPrecision(3)}, those that add least by ${deletion.lowestFirst.toPrecision(3)}`,
    ...(deletion.highestFirst > deletion.random ? [] : ["  so these numbers say little about this prediction"]),
    ...(options.out === undefined ? [] : [`strip written to ${options.out}`]),
  ]);
}

/** @throws TRB_MODEL_CATALOGUE_OTHER */
function requireCatalogue(plan: Plan | undefined, { catalogue }: Log, source: string): void {
  if (plan === undefined) return;
  const found = Buffer.from(nodeCrypto().sha256(catalogueBytes(catalogue))).toString("hex");
  if (found !== plan.catalogueHash) throw fail("TRB_MODEL_CATALOGUE_OTHER", { source, found, expected: plan.catalogueHash });
}

/** Errors name no customer. @throws TRB_MODEL_EXPLANATION_INVALID */
function stretchOf({ customers, offsets }: Histories, customer: string): { readonly begin: number; readonly end: number } {
  const place = customers.indexOf(customer);
  if (place < 0) throw fail("TRB_MODEL_EXPLANATION_INVALID", { reason: "the log has no customer of that name" });
  return { begin: offsets[place] ?? 0, end: offsets[place + 1] ?? 0 };
}

/** Counted from 1. @throws TRB_MODEL_EXPLANATION_INVALID */
function itemNumber({ catalogue }: Log, item: string): number {
  const number = catalogue.numbers.get(item);
  if (number === undefined) throw fail("TRB_MODEL_EXPLANATION_INVALID", { reason: "the catalogue has no item of that name" });
  return number;
}

function contentFrom(spec: ModelSpec, { catalogue }: Log) {
  return readsContent(spec) ? itemContent(spec, catalogue.items) : undefined;
}
