/**
 * How large a model private training can pay for. Every coordinate gets the same noise, so each one that is added makes the
 * update's noise longer while the customers' clipped signal stays what it is: small models win until the catalogue needs more.
 */
import { fail } from "@tributary/errors";
import { actions, dwellBuckets, priceBuckets, timeGapBuckets } from "@tributary/events";
import { type ItemSpec, type ModelSpec, modelSpec, type TrainedGroup } from "@tributary/model";

/** What a model is to be, as far as it is not the planner's to choose. */
export interface ModelWishes {
  /** Default: `sasrec`. */
  readonly family?: ModelSpec["family"];
  /** With family `extension`: whose model it is. */
  readonly extension?: string;
  /** What an item's vector is made of (`attributesOf`, `featureWidthOf` of `model`). Default: a vector of its own. */
  readonly item?: ItemSpec;
  /** Further inputs, for logs that have them. */
  readonly inputs?: readonly ("dwell" | "price" | "topic")[];
  /** With input `topic`: how many topics the catalogue has. */
  readonly topics?: number;
  /** Default: the next action. */
  readonly heads?: readonly ("nextAction" | "churn" | "purchase")[];
  /** H of the churn head; default 30. */
  readonly churnDays?: number;
  /** What training covers; everything unless given. */
  readonly trained?: readonly TrainedGroup[];
}

export interface SizeRequest extends ModelWishes {
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
/** Likewise for churn and purchase: few positions have a label, and two classes are soon learnt. */
const outlookWeight = 100;
const defaultChurnDays = 30;

/** @throws TRB_MODEL_CONTENT_ROWS when items would have to share rows although each has content of its own */
export function chooseModel(request: SizeRequest): { readonly model: ModelSpec; readonly why: readonly string[] } {
  const { catalogueItems, width: wanted, family = "sasrec", item = plainItems } = request;
  const { inputs = [], heads = ["nextAction"], churnDays = defaultChurnDays } = request;
  const width = wanted ?? (catalogueItems < smallCatalogue ? 16 : 32);
  const rows = Math.floor(tableBudget / width);
  const content = item.attributes.length > 0 || item.features > 0;
  const items = item.ids === "none" ? catalogueItems : Math.min(catalogueItems, rows);
  if (content && items < catalogueItems) throw fail("TRB_MODEL_CONTENT_ROWS", { rows: items, items: catalogueItems });
  const negatives = items <= fullSoftmaxRows ? 0 : sharedNegatives;
  const weightOf = (head: "nextAction" | "churn" | "purchase", weight: number) => (heads.includes(head) ? weight : 0);
  const model: ModelSpec = modelSpec({
    family,
    ...(request.extension === undefined ? {} : { extension: request.extension }),
    items,
    length,
    width,
    blocks: 1,
    heads: 1,
    feedForward: 1,
    activation: "relu",
    positions: "learned",
    item,
    actions: actions.length,
    timeGaps: timeGapBuckets,
    dwells: inputs.includes("dwell") ? dwellBuckets : 0,
    prices: inputs.includes("price") ? priceBuckets : 0,
    ...(inputs.includes("topic") && request.topics !== undefined ? { topics: request.topics } : {}),
    // not gBCE: in its first hundreds of steps negatives push all scores down, and clipping leaves nothing of the positive
    nextItem: { loss: "softmax", negatives, calibration: 0 },
    weights: {
      nextItem: 1000,
      nextAction: weightOf("nextAction", nextActionWeight),
      churn: weightOf("churn", outlookWeight),
      purchase: weightOf("purchase", outlookWeight),
    },
    churnDays: heads.includes("churn") ? churnDays : 0,
  });
  const why = [
    widthReason(catalogueItems, width),
    item.ids === "none"
      ? "Items have no rows of their own: what they share is learnt once, and items never seen have a score."
      : rowsReason(catalogueItems, items, width),
    ...(content ? [contentReason(item, width)] : []),
    lossReason(negatives),
  ];
  return { model, why };
}

const plainItems: ItemSpec = { ids: "own", attributes: [], features: 0 };

function contentReason({ attributes, features }: ItemSpec, width: number): string {
  const parts = attributes.map(({ name, values }) => `${values} values of ${name}`);
  if (features > 0) parts.push(`a projection of ${features} public features`);
  const numbers = width * attributes.reduce((sum, { values }) => sum + values, features);
  return `An item's vector is made of public content as well: ${parts.join(", ")}; together ${count(numbers)} numbers.`;
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
