/**
 * How large a model private training can pay for. Every coordinate gets the same noise, so each one that is added makes the
 * update's noise longer while the customers' clipped signal stays what it is: small models win until the catalogue needs more.
 */
import { actions, timeGapBuckets } from "@tributary/events";
import { type ModelSpec, modelSpec } from "@tributary/model";

export interface SizeRequest {
  readonly catalogueItems: number;
  /** Overrides the planner's choice. */
  readonly width?: number;
}

/** Below so many items 16 coordinates are enough to tell them apart. */
const smallCatalogue = 200;
/** Up to here the softmax runs over all rows; above, over a sample that everyone in a round shares. */
const fullSoftmaxRows = 2000;
const sharedNegatives = 512;
/** Numbers in the item table at most: 6 MB an upload, and about 1 s of a core for the exact noise. */
const tableBudget = 1_500_000;
/** Latest events that the model reads: on shopping logs hardly anything older helps, and each position is a row to learn. */
const length = 32;
/** In thousandths of the next-item loss: enough to learn the next action, measured to cost the next item about 2 %. */
const nextActionWeight = 100;

export function chooseModel({ catalogueItems, width: wanted }: SizeRequest): {
  readonly model: ModelSpec;
  readonly why: readonly string[];
} {
  const width = wanted ?? (catalogueItems < smallCatalogue ? 16 : 32);
  const items = Math.min(catalogueItems, Math.floor(tableBudget / width));
  const negatives = items <= fullSoftmaxRows ? 0 : sharedNegatives;
  const model: ModelSpec = modelSpec({
    items,
    length,
    width,
    blocks: 1,
    heads: 1,
    feedForward: 1,
    activation: "relu",
    positions: "learned",
    actions: actions.length,
    timeGaps: timeGapBuckets,
    nextItem: { loss: "softmax", negatives, calibration: 0 },
    weights: { nextItem: 1000, nextAction: nextActionWeight, churn: 0, purchase: 0 },
  });
  return { model, why: [widthReason(catalogueItems, width), rowsReason(catalogueItems, items, width), lossReason(negatives)] };
}

function widthReason(catalogueItems: number, width: number): string {
  const reason =
    width <= 16
      ? "few items need few coordinates, and every coordinate takes its share of noise"
      : "with fewer, items of a catalogue of this size can't be told apart; with more, noise grows and nothing is gained";
  return `Width ${width}, one block, one head, for ${count(catalogueItems)} items: ${reason}.`;
}

function rowsReason(catalogueItems: number, rows: number, width: number): string {
  if (rows === catalogueItems) return `Every item has its own row: ${count(rows * width)} numbers in the item table.`;
  return `The ${count(catalogueItems)} items share ${count(rows)} rows by a public hash, so that an upload stays below ${count(tableBudget)} numbers.`;
}

function lossReason(negatives: number): string {
  if (negatives === 0) return "The softmax runs over all items: at this size that costs no more than sampling.";
  return `The softmax runs over ${negatives} sampled items that everyone in a round shares: all items would cost many times the computation.`;
}

const count = (value: number) => value.toLocaleString("en-US");
