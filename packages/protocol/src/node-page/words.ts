/**
 * What a node's page (`packages/dashboard/src/node`) and the node's shell (`client/src/page`) say to each other, on loopback. The shell holds bodies to these schemas; the
 * page imports types alone, so that it carries no parser (docs/decisions/0050). Answers are objects of the same build on the same machine, and tests hold them to the schemas.
 *
 * Everything here is the merchant's own: histories of single customers are among it. None of it crosses the wire to a coordinator.
 */
import { z } from "zod";
import { problemSchema } from "../coordinator-api/problem.ts";
import { releaseSchema } from "../plan/schema.ts";

const count = z.int().min(0);
const probability = z.number();
const instant = z.string();
const kind = releaseSchema.shape.kind;
const interval = z.tuple([z.number(), z.number()]);
/** Why something can't be said; null where it can. */
const problem = problemSchema.nullable();

// ── who may look ────────────────────────────────────────────────────────────────────────────────────────────────

export const pageSessionBody = z.strictObject({ token: z.string().max(200) });

// ── overview ────────────────────────────────────────────────────────────────────────────────────────────────────

export const pageOverview = z.strictObject({
  home: z.string(),
  /** When this process began: another one means that the page's server was started anew. */
  began: instant,
  /** Null: this home has joined no federation, or can't be read (`problem`). */
  member: z
    .strictObject({
      ...{ federation: z.string(), node: z.string(), coordinator: z.string() },
      ...{ fingerprint: z.string(), coordinatorFingerprint: z.string(), planHash: z.string() },
      unit: z.enum(["customer", "node"]),
    })
    .nullable(),
  problem,
  /** Whether `node start` runs on this home, and the round that it is in. */
  running: z.boolean(),
  round: z.strictObject({ number: count, phase: z.string(), kind: kind.nullable(), offeredAt: instant }).nullable(),
  /** `asking`: not known yet. */
  coordinator: z.strictObject({
    state: z.enum(["reachable", "unreachable", "asking"]),
    askedAt: instant.nullable(),
    /** Entries of its ledger that this node's copy lacks. */
    behind: count.nullable(),
    problem,
  }),
  ledger: z.strictObject({ entries: count, rounds: count, closed: z.boolean() }),
  store: z.strictObject({ state: z.enum(["none", "some", "unreadable"]), problem }),
  /** What was released last and serves. */
  model: z.strictObject({ hash: z.string(), round: count }).nullable(),
  /** Changes when what was spent, or the policy, does. */
  spendingStamp: z.string(),
  /** Changes when histories do. */
  storeStamp: z.string().nullable(),
});
export type PageOverview = z.infer<typeof pageOverview>;

// ── data quality ────────────────────────────────────────────────────────────────────────────────────────────────

const summary = z.object({ customers: count, mean: z.number(), from: z.number(), to: z.number() }).nullable();

export const pageQuality = z.strictObject({
  quality: z.object({
    ...{ events: count, customers: count, items: count },
    byDay: z.array(z.tuple([z.string(), count])),
    silence: z.array(z.object({ from: z.string(), to: z.string(), days: count })),
    funnel: z.array(z.object({ action: z.string(), events: count, customers: count })),
    lengths: z.array(z.object({ least: count, customers: count })),
    lengthQuantiles: z.object({ p10: count, p50: count, p90: count, p99: count, most: count }),
    concentration: z.object({ top1Percent: z.number(), top10Percent: z.number(), gini: z.number() }),
    gaps: z.array(z.object({ name: z.string(), pairs: count })),
    remarks: z.array(z.string()),
  }),
  features: z.object({
    now: z.number(),
    round: count.nullable(),
    features: z.array(z.object({ name: z.string(), own: summary, federation: summary })),
  }),
});
export type PageQuality = z.infer<typeof pageQuality>;

// ── budget ──────────────────────────────────────────────────────────────────────────────────────────────────────

const sharedHome = z.object({
  ...{ federation: z.string(), node: z.string(), own: z.boolean() },
  ...{ spent: z.number(), lifetime: z.number(), rounds: count, reserved: count },
});

export const pageBudget = z.strictObject({
  /** As `node budget` says it. */
  ...{ limit: z.number(), spent: z.number(), delta: z.number(), left: z.number(), roundsLeft: count },
  reserved: z.object({ rounds: count, epsilon: z.number() }),
  period: z
    .object({ days: count, spent: z.number(), rounds: count, left: z.number(), nextLeaves: instant.nullable() })
    .nullable(),
  byKind: z.array(z.object({ kind, charged: count, open: count, refunded: count, left: count, epsilon: z.number() })),
  selections: z.array(z.object({ epsilon: z.number(), delta: z.number(), chargedAt: instant, inPlan: z.boolean() })),
  shared: z
    .object({
      ...{ file: z.string(), limit: z.number(), owner: z.string(), delta: z.number(), periodDays: count.nullable() },
      ...{ spent: z.number(), lifetime: z.number(), left: z.number() },
      reserved: z.object({ rounds: count, epsilon: z.number() }),
      homes: z.array(sharedHome),
    })
    .nullable(),
  sharedProblem: z.object({ file: z.string(), code: z.string(), message: z.string(), advice: z.string() }).nullable(),
  /** ε of everything charged up to and with a round, at the plan's δ; of many rounds, some. Null time: of a home of an old version. */
  course: z.array(z.object({ round: count, at: instant.nullable(), kind: kind.nullable(), epsilon: z.number() })),
  /** What the plan's rounds cost altogether. */
  plan: z.object({ epsilon: z.number(), delta: z.number(), rounds: count }),
});
export type PageBudget = z.infer<typeof pageBudget>;

// ── what leaves this machine ────────────────────────────────────────────────────────────────────────────────────

export const pageLeaving = z.strictObject({
  /** For this node's customers, of the joined plan. */
  paragraph: z.strictObject({ en: z.string(), zh: z.string() }),
  /** The plan in words, sentence by sentence. */
  plan: z.strictObject({ en: z.array(z.string()), zh: z.array(z.string()) }),
  /** One upload of each release, and how many there are. */
  uploads: z.array(
    z.strictObject({
      ...{ kind, rounds: count, coordinates: count, bits: count, bytes: count },
      noise: z.strictObject({ mode: z.string(), multiplier: z.string() }),
      samplingRate: z.string(),
    }),
  ),
  /** The latest first, as the running node noted them. */
  messages: z.array(
    z.strictObject({ at: instant, kind: z.string(), round: count.nullable(), bytes: count, sha256: z.string() }),
  ),
  /** Of all that are noted, which is the last few hundred. */
  totals: z.array(z.strictObject({ kind: z.string(), messages: count, bytes: count })),
});
export type PageLeaving = z.infer<typeof pageLeaving>;

// ── policy ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Fields of policy.json. The file's own schema is the client's (`home/policy.ts`), and says of every value whether it will do. */
const policyFields = z.record(z.string().max(64), z.unknown());

export const pagePolicyBody = z.strictObject({ policy: policyFields });
export const pagePolicySaveBody = z.strictObject({ policy: policyFields, stamp: z.string().max(64) });

export const pagePolicy = z.strictObject({
  /** Null where the file is no policy (`problem`). */
  policy: z
    .object({
      ...{ maxEpsilon: z.number(), delta: z.number(), minCohort: count },
      permittedReleases: z.array(z.string()),
      permittedFamilies: z.array(z.string()).nullable(),
      ...{ extensions: z.array(z.string()), trustedPeers: z.array(z.string()), acceptLogCatalogue: z.boolean() },
      retentionDays: count.nullable(),
      serve: z.object({ mode: z.string(), minSupport: count }),
      trainingHours: z.object({ from: z.string(), to: z.string(), timeZone: z.string() }).nullable(),
      paused: z.object({ reason: z.string().nullable(), until: z.string().nullable() }).nullable(),
      budget: z.object({ periodDays: count.nullable(), file: z.string().nullable() }),
    })
    .nullable(),
  problem,
  /** Of the file as it is: who saves says which one was changed. */
  stamp: z.string(),
  kinds: z.array(z.string()),
  families: z.array(z.string()),
  timeZone: z.string(),
  plan: z.object({ epsilon: z.number(), delta: z.number(), minCohort: count, kinds: z.array(z.string()), family: z.string() }),
});
export type PagePolicy = z.infer<typeof pagePolicy>;

export const pagePreview = z.strictObject({
  /** The field that is none, `serve.minSupport`, and why; null where it is a policy. */
  fault: z.strictObject({ path: z.string(), problem: problemSchema }).nullable(),
  /** Why a node with this policy takes part in no round of the plan, one by one. */
  refusals: z.array(problemSchema),
  /** Why offers would be declined at this hour. */
  declined: problem,
  /** What would become of the next offer of each kind. */
  kinds: z.array(
    z.strictObject({
      kind,
      accepted: z.boolean(),
      refusal: problem,
      /** Rounds that the plan has left, and of them how many fit under this policy if no others come before. */
      ...{ planned: count, affordable: count },
      /** ε of all that counts, once one more is charged; null where the plan has none left. */
      epsilonAfter: z.number().nullable(),
    }),
  ),
  ...{ spent: z.number(), limit: z.number(), left: z.number() },
  /** ε once every round that the plan has left is charged, and whether that fits. */
  planned: z.strictObject({ epsilon: z.number(), fits: z.boolean() }),
  trust: z.strictObject({ trusted: count, least: count }),
});
export type PagePreview = z.infer<typeof pagePreview>;

// ── value ───────────────────────────────────────────────────────────────────────────────────────────────────────

const block = z.object({
  ...{ hr10: z.number(), ndcg10: z.number(), mrr: z.number(), customers: count },
  newItems: z.object({ hr10: z.number(), ndcg10: z.number(), customers: count }),
  intervals: z.object({
    ...{ hr10: interval, ndcg10: interval, mrr: interval },
    newItems: z.object({ hr10: interval, ndcg10: interval }),
  }),
  againstLocal: z.object({ difference: z.number(), interval }).exactOptional(),
});

/** The figures of a value report (docs/value.md); no customer is in them. */
export const keptValue = z.object({
  version: z.literal(1),
  madeAt: instant,
  federation: z.string(),
  model: z.object({ hash: z.string(), round: count }),
  heldOut: z.object({ customers: count, evaluated: count, by: z.array(z.string()), clean: z.boolean(), sentence: z.string() }),
  repeats: z.enum(["keep", "mask"]),
  items: count,
  blocks: z.array(z.object({ name: z.string(), block })),
  personalisation: z.object({ state: z.string(), sentence: z.string() }),
  epsilon: z.object({ spent: z.number(), limit: z.number(), delta: z.number() }),
  verdict: z.object({
    ...{ verdict: z.enum(["pays", "doesNotPay", "cannotTell"]), by: z.string(), of: z.string() },
    ...{ customers: count, confidence: z.number(), sentence: z.string(), advice: z.string() },
    gain: z.object({ difference: z.number(), interval }),
  }),
});
export type KeptValue = z.infer<typeof keptValue>;

export const pageValue = z.strictObject({
  state: z.enum(["none", "making", "made", "failed"]),
  /** The last one that was made, also while another is. */
  report: keptValue.nullable(),
  /** Whether the federation has released another model since. */
  stale: z.boolean(),
  /** Why the last attempt failed. */
  problem,
  beganAt: instant.nullable(),
});
export type PageValue = z.infer<typeof pageValue>;

// ── predictions ─────────────────────────────────────────────────────────────────────────────────────────────────

const origin = z.object({
  source: z.enum(["released", "artefact", "none"]),
  hash: z.string().nullable(),
  round: count.nullable(),
  parts: z.array(z.string()),
  fallback: z.boolean(),
  personal: z.string().optional(),
});

export const pageExplorer = z.strictObject({
  state: z.enum(["none", "preparing", "ready", "failed"]),
  /** Why nothing can be said, or, where something can, what is missing in it: a model that can't be fetched, say. */
  problem,
  model: origin.nullable(),
  customers: count,
});
export type PageExplorer = z.infer<typeof pageExplorer>;

const customerName = z.string().min(1).max(256);

/** @remarks bodies, since ids must not stand in addresses */
export const pageCustomersBody = z.strictObject({
  /** The beginning of a pseudonym, or a whole id of the shop. */
  search: z.string().max(256).default(""),
  order: z.enum(["events", "latest", "name"]).default("latest"),
  from: count.default(0),
  limit: z.int().min(1).max(500).default(100),
});
const customerRow = z.strictObject({ customer: z.string(), events: count, first: z.number(), last: z.number() });
export const pageCustomers = z.strictObject({
  /** How many fit. */
  found: count,
  customers: z.array(customerRow),
  /** The search was a shop's own id: this is how it is called in the store. */
  byShopId: z.boolean(),
});
export type PageCustomers = z.infer<typeof pageCustomers>;

const item = z.strictObject({ item: z.string(), title: z.string().nullable(), sku: z.string().nullable() });
export type PageItem = z.infer<typeof item>;
const scored = z.strictObject({ ...item.shape, score: z.number() });

export const pageCustomerBody = z.strictObject({ customer: customerName, events: z.int().min(1).max(60).default(16) });
export const pageCustomer = z.strictObject({
  ...customerRow.shape,
  /** The latest events, the oldest of them first; before each with an item, what would have been said. */
  timeline: z.array(
    z.strictObject({
      ...{ time: z.number(), action: z.string(), item: item.nullable() },
      /** Null for events without an item, and for the first of all. */
      before: z
        .strictObject({
          /** Of the item that came among all, ties counting half; it is new where the customer hadn't had it. */
          ...{ rank: z.number(), isNew: z.boolean() },
          shown: z.array(item),
          expected: z.strictObject({ action: z.string(), probability }).nullable(),
        })
        .nullable(),
    }),
  ),
  /** What comes next. */
  next: z.strictObject({
    items: z.array(scored),
    basis: z.string(),
    actions: z.array(z.strictObject({ action: z.string(), probability })),
    actionsBy: z.string().nullable(),
    actionsProblem: problem,
    purchase: z.object({ probability, by: z.string(), calibrated: z.boolean() }).nullable(),
    churn: z
      .object({
        ...{ probability, horizonDays: z.number(), asOf: z.number(), by: z.string(), calibrated: z.boolean() },
        drivers: z.array(z.object({ feature: z.string(), value: z.number(), logOdds: z.number() })),
        validation: z
          .object({ customers: count, rate: z.number(), auc: z.number().optional(), calibrationError: z.number() })
          .nullable(),
      })
      .nullable(),
    churnProblem: problem,
  }),
  model: origin,
});
export type PageCustomer = z.infer<typeof pageCustomer>;

export const pageExplainBody = z.strictObject({ customer: customerName, item: z.string().min(1).max(256) });
export const pageExplanation = z.strictObject({
  ...item.shape,
  ...{ rank: count, score: z.number(), basis: z.string() },
  /** What speaks for the item, each part times its weight. */
  parts: z.record(z.string(), z.number()),
  /** In order of time: share of the next item that is lost when the event is taken away. */
  events: z.array(
    z.strictObject({ ...{ time: z.number(), action: z.string(), contribution: z.number() }, item: item.nullable() }),
  ),
});
export type PageExplanation = z.infer<typeof pageExplanation>;

export const pageAdvertsBody = z.strictObject({
  customer: customerName,
  candidates: z
    .array(z.strictObject({ item: z.string().min(1).max(256), bid: z.number().min(0).max(1e9) }))
    .min(1)
    .max(50),
});
export const pageAdverts = z.strictObject({
  ranked: z.array(z.strictObject({ ...item.shape, bid: z.number(), probability, expectedValue: z.number() })),
  by: z.string(),
  calibrated: z.boolean(),
});
export type PageAdverts = z.infer<typeof pageAdverts>;
