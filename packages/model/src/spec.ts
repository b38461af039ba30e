import { fail } from "@tributary/errors";

/**
 * What fixes a model: everything that its graph depends on, and nothing local. `plan.model` is exactly this. Signed documents
 * hold integers and strings only, so shares and weights are in thousandths.
 */
export interface ModelSpec {
  /**
   * `sasrec`: causal self-attention (what GPT is for language). `bert4rec`: bidirectional, trained on masked events.
   * `seq2seq`: encoder and decoder, the next `steps` events. `lstm`, `gru`: recurrent, one layer.
   */
  readonly family: "sasrec" | "bert4rec" | "seq2seq" | "lstm" | "gru" | "extension";
  /** Of family `extension`, and there only: the extension's name, whose model stands between event vectors and heads. */
  readonly extension?: string;
  /** Items that are scored: rows of the item table, without padding row 0. Items share rows by `itemRow` when the catalogue is larger. */
  readonly items: number;
  /** Longest history that the model reads, in input positions. */
  readonly length: number;
  /** Width of the hidden states. */
  readonly width: number;
  /** Transformer blocks, in encoder and decoder each; 1 in recurrent families. */
  readonly blocks: number;
  readonly heads: number;
  /** Width of the feed-forward layer, in multiples of `width`. */
  readonly feedForward: number;
  readonly activation: "relu" | "gelu";
  /** Recurrent families have none of either kind. */
  readonly positions: "learned" | "sinusoidal";
  /** Events that `seq2seq` predicts; 0 in other families. */
  readonly steps: number;
  /** Share of events that `bert4rec` masks in training, in thousandths; 0 in other families. */
  readonly masked: number;
  /** Chance that a hidden number is dropped in training, in thousandths. */
  readonly dropout: number;
  /** `tied`: items are scored with the vectors that the input reads. `separate`: with a table of their own. */
  readonly output: "tied" | "separate";
  /** What an item's vector is the sum of. */
  readonly item: ItemSpec;
  /** How many actions the action embedding and head know (the length of `plan.actions`); 0: no action input and no action head. */
  readonly actions: number;
  /** How many time-gap buckets there are; 0: no time-gap input. */
  readonly timeGaps: number;
  /** How many dwell-time buckets there are; 0: no such input. */
  readonly dwells: number;
  /** How many price buckets there are; 0: no such input. */
  readonly prices: number;
  /**
   * How many topics the catalogue has (`topicsOf`), where an event without an item reads the vectors of what it is about, the same as items have for
   * their attributes; absent: such an event is its action alone.
   */
  readonly topics?: number;
  readonly nextItem: {
    readonly loss: "softmax" | "gbce";
    /** How many negatives, shared by everyone in a round, the loss is taken over; 0: all items. `gbce` needs some. */
    readonly negatives: number;
    /** gSASRec's t in thousandths: 0 is plain binary cross-entropy, 1000 fully calibrated. Only `gbce` has one. */
    readonly calibration: number;
  };
  /** Weight of each head's loss, in thousandths; 0: no such head. */
  readonly weights: {
    readonly nextItem: number;
    readonly nextAction: number;
    /** No event in the `churnDays` after the cut. */
    readonly churn: number;
    /** A purchase later in the session. */
    readonly purchase: number;
  };
  /** The churn head's horizon, in days; 0 without that head. */
  readonly churnDays: number;
}

export interface ItemSpec {
  /** `own`: each row has a vector of its own. `none`: attributes and features alone make the vector. */
  readonly ids: "own" | "none";
  /** Public attributes with one value an item (category, brand), each with its number of values. */
  readonly attributes: readonly { readonly name: string; readonly values: number }[];
  /** Width of the frozen public vectors (text, images) that are projected; 0: none. */
  readonly features: number;
}

/** A spec in which everything that is not given has its plainest value. */
export function modelSpec(given: Pick<ModelSpec, "items" | "length" | "width"> & Partial<ModelSpec>): ModelSpec {
  return {
    family: "sasrec",
    blocks: 1,
    heads: 1,
    feedForward: 1,
    activation: "relu",
    positions: "learned",
    steps: given.family === "seq2seq" ? 3 : 0,
    masked: given.family === "bert4rec" ? 200 : 0,
    dropout: 0,
    output: "tied",
    item: { ids: "own", attributes: [], features: 0 },
    actions: 0,
    timeGaps: 0,
    dwells: 0,
    prices: 0,
    nextItem: { loss: "softmax", negatives: 0, calibration: 0 },
    weights: { nextItem: 1000, nextAction: 0, churn: 0, purchase: 0 },
    churnDays: 0,
    ...given,
  };
}

export function isRecurrent({ family }: Pick<ModelSpec, "family">): boolean {
  return family === "lstm" || family === "gru";
}

/**
 * Refuses a model that can't be built or trained privately, before anything is computed.
 * @throws TRB_TRAINING_SPEC_INVALID
 */
export function checkSpec(spec: ModelSpec): void {
  checkBuildable(spec);
  // Four floats are one vector register: sums over other widths depend on where in memory, so on whom beside, a customer lies.
  if (spec.width % (4 * spec.heads) !== 0) throw invalid("width must be a multiple of four times heads");
  if (spec.items < 2) throw invalid("items must be at least 2");
  if (spec.family === "bert4rec" && spec.length < 2) throw invalid("bert4rec hides one of at least two events: length");
  // A product with a single column takes another way through BLAS, with other rounding (docs/decisions/0008).
  if (spec.item.features === 1) throw invalid("item.features must be 0 or at least 2");
  const lonely = spec.item.attributes.find(({ values }) => values < 2);
  if (lonely) throw invalid(`attribute ${lonely.name} needs at least two values`);
  if (spec.nextItem.negatives >= spec.items) throw invalid("nextItem.negatives must be below items; 0 takes all items");
}

/**
 * Refuses a spec of which no graph can be made. Wider than `checkSpec`: it lets through models that only a comparison with other
 * implementations wants.
 * @throws TRB_TRAINING_SPEC_INVALID
 */
export function checkBuildable(spec: ModelSpec): void {
  checkNumbers(spec);
  checkFamily(spec);
  checkItems(spec);
  checkHeads(spec);
}

function invalid(reason: string) {
  return fail("TRB_TRAINING_SPEC_INVALID", { reason });
}

function whole(name: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  const above = most === Number.MAX_SAFE_INTEGER ? "" : ` and at most ${most}`;
  throw invalid(`${name} must be a whole number, ${least} or more${above}`);
}

function checkNumbers(spec: ModelSpec): void {
  for (const name of ["items", "length", "width", "blocks", "heads", "feedForward"] as const) whole(name, spec[name], 1);
  for (const name of ["actions", "timeGaps", "dwells", "prices", "steps", "churnDays"] as const) whole(name, spec[name], 0);
  whole("masked", spec.masked, 0, 999);
  whole("dropout", spec.dropout, 0, 999);
  for (const [name, weight] of Object.entries(spec.weights)) whole(`weights.${name}`, weight, 0);
  if (spec.width % spec.heads !== 0) throw invalid("width must be a multiple of heads");
}

function checkFamily(spec: ModelSpec): void {
  if (spec.family === "seq2seq" && spec.steps < 1) throw invalid("a seq2seq model predicts at least one step");
  if (spec.family !== "seq2seq" && spec.steps > 0) throw invalid("only seq2seq has steps");
  if (spec.family === "bert4rec" && spec.masked < 1) throw invalid("bert4rec must mask some events");
  if (spec.family !== "bert4rec" && spec.masked > 0) throw invalid("only bert4rec masks events");
  if ((spec.family === "extension") !== (spec.extension !== undefined))
    throw invalid("family extension goes with an extension's name");
  if (isRecurrent(spec) && spec.blocks !== 1) throw invalid("a recurrent model has one layer: blocks must be 1");
}

function checkItems({ item, output, topics }: ModelSpec): void {
  whole("item.features", item.features, 0);
  if (topics !== undefined) whole("topics", topics, 1);
  if (topics !== undefined && item.attributes.every(({ name }) => name === "price"))
    throw invalid("topics are read by the vectors of item.attributes, and there is none of names");
  const names = new Set<string>();
  for (const { name, values } of item.attributes) {
    whole(`item.attributes ${name}`, values, 1);
    if (!/^[a-z][a-z0-9_]{0,39}$/.test(name) || names.has(name)) {
      throw invalid(`attribute ${JSON.stringify(name)} needs a name of its own in lower case`);
    }
    names.add(name);
  }
  const bare = item.ids === "none" && item.attributes.length === 0 && item.features === 0;
  if (bare && output === "tied") throw invalid("an item's vector needs ids, attributes or features");
}

function checkHeads({ nextItem, weights, items, actions, churnDays, family }: ModelSpec): void {
  whole("nextItem.negatives", nextItem.negatives, 0);
  whole("nextItem.calibration", nextItem.calibration, 0, 1000);
  if (nextItem.negatives > items) throw invalid("nextItem.negatives must be below items; 0 takes all items");
  if (nextItem.loss === "gbce" && nextItem.negatives === 0) throw invalid("gbce needs negatives");
  if (nextItem.loss !== "gbce" && nextItem.calibration > 0) throw invalid("only gbce has a calibration");
  if (Object.values(weights).every((weight) => weight === 0)) throw invalid("at least one head needs a weight");
  if (actions < 2 && weights.nextAction > 0) throw invalid("a next-action loss needs at least two actions");
  if (actions < 1 && weights.purchase > 0) throw invalid("a purchase loss needs actions");
  if (weights.churn > 0 !== churnDays > 0) throw invalid("the churn head has both a weight and churnDays, or neither");
  if (family === "seq2seq" && weights.nextItem === 0) throw invalid("a seq2seq model predicts items: weights.nextItem");
}
