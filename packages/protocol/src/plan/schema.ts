/**
 * plan.json: the document that fixes everything data-dependent that a federation may do (DESIGN §3). Unknown keys are refused.
 * The plan's hash is the SHA-256 of its canonical bytes; every message, key derivation and ledger entry is bound to it.
 */
import { z } from "zod";
import { decimal, federationName, identityKey, sha256Hex } from "../identifiers.ts";
import { acceptanceSchema } from "./acceptance.ts";
import { cataloguePartsSchema } from "./catalogue-parts.ts";
import { earlyStopSchema } from "./early-stop.ts";
import { extensionName, extensionSchema } from "./extensions.ts";
import { featuresSchema } from "./features.ts";
import { graphSchema } from "./graph.ts";
import { metricsSchema } from "./metrics.ts";
import { optimiserSchema } from "./optimiser.ts";
import { packingSchema } from "./packing.ts";
import { promotionSchema } from "./promotion.ts";
import { scheduleSchema } from "./schedule.ts";
import { selectionSchema } from "./selection.ts";
import { statisticsSchema } from "./statistics.ts";
import { warmStartSchema } from "./warm-start.ts";

const count = z.int().min(0);
const positive = z.int().min(1);

/** Structurally `ModelSpec` of `@tributary/model`; a type test in `federation` holds the two together. */
export const modelSchema = z.strictObject({
  family: z.enum(["sasrec", "bert4rec", "seq2seq", "lstm", "gru", "extension"]),
  /** There exactly when the family is `extension`. */
  extension: extensionName.exactOptional(),
  items: positive,
  length: positive,
  width: positive,
  blocks: positive,
  heads: positive,
  feedForward: positive,
  activation: z.enum(["relu", "gelu"]),
  positions: z.enum(["learned", "sinusoidal"]),
  steps: count,
  masked: count,
  dropout: count,
  output: z.enum(["tied", "separate"]),
  item: z.strictObject({
    ids: z.enum(["own", "none"]),
    attributes: z
      .array(z.strictObject({ name: z.string().min(1).max(40), values: positive }))
      .max(16)
      .readonly(),
    features: count,
  }),
  actions: count,
  timeGaps: count,
  dwells: count,
  prices: count,
  /** How many topics the catalogue has, where events without an item read what they are about; absent where they don't. */
  topics: positive.exactOptional(),
  nextItem: z.strictObject({ loss: z.enum(["softmax", "gbce"]), negatives: count, calibration: count }),
  weights: z.strictObject({ nextItem: count, nextAction: count, churn: count, purchase: count }),
  churnDays: count,
});

/** One kind of sum query, and what it costs. */
export const releaseSchema = z.strictObject({
  /**
   * What is summed. Releases run in the order of the list; statistics come before training, and popularity before pairs. Metrics, moments of
   * features and extensions' queries may stand anywhere: they leave the model as it is.
   */
  kind: z.enum(["popularity", "pairs", "training", "metrics", "features", "query"]),
  /** The extension whose query it is; there exactly when the kind is `query`. */
  query: extensionName.exactOptional(),
  arithmetic: z.enum(["exact", "bucketed"]),
  /** C: the L2 norm that a customer's vector is clipped to. */
  clipNorm: decimal,
  /** q: the chance that a customer is sampled in a round. */
  samplingRate: decimal,
  /** z: noise standard deviation over sensitivity, of the honest minimum cohort's sum. */
  noiseMultiplier: decimal,
  /** How many rounds of this kind may be charged, retries included. */
  rounds: positive,
  /** How many of those are only there to replace rounds that were charged and never released; none unless given. */
  retries: positive.exactOptional(),
  /** Coordinates of the vector. */
  dimension: positive,
  /** Most coordinates that one customer can touch; less than `dimension` only in `exact` arithmetic. */
  touched: positive,
  /** s: integer units per unit of the vector. */
  scale: decimal,
  /** f: the node adds up on the finer grid s·2^f before it rounds. */
  fractionBits: z.int().min(0).max(20),
  /** Vectors in fewer bits; without it in 32. */
  packing: packingSchema.exactOptional(),
  /** How the learning rate runs from round to round, of training; without it it stays the optimiser's. */
  schedule: scheduleSchema.exactOptional(),
});

/** Milliseconds from the step's start, except `uploadOffset`. */
export const deadlinesSchema = z.strictObject({
  keys: positive,
  shares: positive,
  /** The masked upload leaves this long after the offer, whatever training took. */
  uploadOffset: positive,
  masked: positive,
  consistency: positive,
  unmask: positive,
  /** After a round's last deadline: how long secrets are kept for a coordinator that restarts. */
  grace: positive,
});

/**
 * Local training before the update is clipped. With unit `customer` and caps.localSteps 1 a customer's vector is its gradient, and
 * nothing of this is used; with more steps learningRate and proximal are; unit `node` uses all of it.
 */
const localTrainingSchema = z.strictObject({
  /** η of local gradient descent. */
  learningRate: decimal,
  /** μ of FedProx's pull towards the round's model; 0: none. */
  proximal: decimal,
  /** Passes of a node over its customers. */
  epochs: positive,
  /** Customers of a node's local batch. */
  batchSize: positive,
});

export const planSchema = z.strictObject({
  version: z.literal(1),
  federation: federationName,
  unit: z.enum(["customer", "node"]),
  maxMerchantsPerCustomer: positive,
  model: modelSchema,
  graphVersion: positive,
  graphHash: sha256Hex,
  initialModelHash: sha256Hex,
  /**
   * `public`: the initial model doesn't follow from the spec and is declared to hold nothing of the federation's customers: learnt from a public log,
   * or begun at imported vectors. Without it every party works out the initial model for itself.
   */
  initialModel: z.enum(["public"]).exactOptional(),
  catalogueHash: sha256Hex,
  catalogueProvenance: z.enum(["public", "dp-selection", "log"]),
  /** Whose parts it is made of, each with its merchant's signed word; needed where a part was selected from behaviour. */
  catalogueParts: cataloguePartsSchema.exactOptional(),
  actions: z.array(z.string().max(64)).min(1).max(64),
  caps: z.strictObject({ maxEvents: positive, maxItems: positive, maxPairs: count, localSteps: positive }),
  local: localTrainingSchema,
  /**
   * The tensors that training releases cover, by their names, with * for any characters; everything unless given. The rest of the model stays
   * as it is. The dimension of training releases is how many numbers these have.
   */
  trained: z.array(z.string().min(1).max(80)).min(1).max(64).exactOptional(),
  releases: z.array(releaseSchema).min(1).max(64),
  /** Present exactly when a release is of popularity or pairs. */
  statistics: statisticsSchema.exactOptional(),
  /** How training begins from statistics, where both are released; without it training begins from the model of `initialModelHash`. */
  warmStart: warmStartSchema.exactOptional(),
  /** Present exactly when a release is of metrics. */
  metrics: metricsSchema.exactOptional(),
  /** Present exactly when a release is of the moments of customers' features. */
  features: featuresSchema.exactOptional(),
  /** Whether metrics decide if a trained model is kept; without it every one is. */
  acceptance: acceptanceSchema.exactOptional(),
  /** Whether metrics decide when training ends; without it all rounds run. */
  earlyStop: earlyStopSchema.exactOptional(),
  /** By which rule models are put forward for use, and that no others serve; without it the latest one serves. */
  promotion: promotionSchema.exactOptional(),
  /** Code from outside that the plan uses, each file by its hash. */
  extensions: z.array(extensionSchema).min(1).max(16).exactOptional(),
  /** How the plan's recipe was chosen by looking at customers' data, where it was. */
  selection: selectionSchema.exactOptional(),
  /** Rounds of more than 150 nodes run on a graph of neighbours; without it there are none. */
  graph: graphSchema.exactOptional(),
  noiseMode: z.enum(["distributed", "local", "central"]),
  /** Whose sampler draws a node's noise: ours, or OpenDP's, which each node then must have built. */
  sampler: z.enum(["exact", "opendp"]),
  /** What ε is added up by: Rényi divergences at integer orders, or, where nothing is sampled, the curve of Gaussian noise (`lattice.ts`). */
  accountant: z.enum(["rdp-integer", "lattice"]),
  epsilon: decimal,
  delta: decimal,
  /** N: declared lower bound on the customers of the federation; not a count. */
  minCustomers: positive,
  /** n_min */
  minCohort: z.int().min(3),
  /** n_corrupt: nodes run by, or colluding with, the coordinator. */
  maxCorrupt: count,
  /** So many rounds pass between a ledger entry that admits a node, or a node's new key, and the first round that it counts in; 1 unless given. */
  rosterNotice: z.int().min(1).max(1000).exactOptional(),
  /** t: "quorum" is ⌊(n + maxCorrupt)/2⌋ + 1 of the n nodes of a full-graph round; on a graph it is that of `graph`. */
  threshold: z.literal("quorum"),
  /** Most customers of one node that are expected in one round's sample; a power of two, from configuration, not from the log. */
  customerQuota: positive,
  deadlines: deadlinesSchema,
  optimiser: optimiserSchema,
  coordinatorKey: identityKey,
});

/** Accountants that a plan may be charged by, the default first. */
export const planAccountants = planSchema.shape.accountant.options;

export type Plan = z.infer<typeof planSchema>;
export type Release = z.infer<typeof releaseSchema>;
