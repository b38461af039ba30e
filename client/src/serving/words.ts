/** The words of the serving API: what may be asked, and what is answered. OpenAPI is made from these schemas (`openapi.ts`), and nothing else is accepted. */
import { z } from "zod";

const identifier = z.string().min(1).max(256);
const item = identifier.describe(
  "an item's id in the federation's catalogue, or the merchant's own SKU where an import was told of SKUs",
);
const sku = identifier.optional().describe("the merchant's own name of the item, where an import was told of SKUs");
const keywords = z
  .string()
  .max(400)
  .describe(
    "of an event without an item: what was searched for, or the page's name. A topic of the catalogue is kept of it, nothing else",
  );
const seconds = z.number().min(0).max(253_402_300_799);
const probability = z.number().min(0).max(1);

const mostEvents = 2_000;
const mostItems = 200;

const historyEvent = z.strictObject({
  item: item.optional(),
  action: z.string().min(1).max(64).default("view").describe("view, cart, favourite, buy, search, …"),
  keywords: keywords.optional(),
  time: seconds.optional().describe("Unix seconds; left out: one after the other, ending with the node's latest event"),
});
export type HistoryEvent = z.infer<typeof historyEvent>;

/** Whom a question is about. */
const who = {
  customer: identifier.optional().describe("as in the log that was imported; never leaves the node"),
  history: z.array(historyEvent).max(mostEvents).optional().describe("oldest first, in place of a customer"),
};
const oneOfBoth = (asked: { readonly customer?: unknown; readonly history?: unknown }) =>
  (asked.customer === undefined) !== (asked.history === undefined);
const oneOfBothRule = { message: "either customer or history", path: ["customer"] };

const filters = z.strictObject({
  category: z.array(z.string().max(256)).min(1).max(100).optional().describe("any of these"),
  brand: z.array(z.string().max(256)).min(1).max(100).optional().describe("any of these"),
  attributes: z.array(z.string().max(256)).min(1).max(100).optional().describe("all of these"),
  price: z.strictObject({ from: z.number().min(0).optional(), to: z.number().min(0).optional() }).optional(),
});
export type Filters = z.infer<typeof filters>;

export const recommendBody = z
  .strictObject({
    ...who,
    k: z.int().min(1).max(mostItems).default(20),
    filters: filters.optional(),
    exclude: z.array(item).max(1_000).default([]),
    diversity: probability.default(0).describe("λ of maximal marginal relevance over public content; 0 keeps the order"),
    bought: z.enum(["keep", "exclude"]).default("keep").describe("items that this customer bought already"),
  })
  .refine(oneOfBoth, oneOfBothRule);

const model = z.strictObject({
  source: z.enum(["released", "artefact", "none"]).describe("what the federation released, an exported artefact, or neither"),
  hash: z.string().nullable(),
  round: z.int().nullable(),
  parts: z.array(z.enum(["releasedStatistics", "attention", "ownCounts", "content", "popularity"])),
  fallback: z.boolean().describe("true: no model could be opened yet, popularity answers alone"),
  personal: z
    .enum(["serves", "stale", "unreadable"])
    .optional()
    .describe("a model that was personalised in-house; stale: it was made from an older federated model, which serves instead"),
});
const basis = z
  .enum(["history", "popularity", "catalogue"])
  .describe("history: this customer's own; popularity: nothing is known of the customer; catalogue: nothing is known at all");

export const recommendAnswer = z.strictObject({
  items: z.array(z.strictObject({ item, sku, score: z.number(), title: z.string().optional() })),
  basis,
  model,
});

export const nextActionBody = z.strictObject(who).refine(oneOfBoth, oneOfBothRule);
export const nextActionAnswer = z.strictObject({
  actions: z.array(z.strictObject({ action: z.string(), probability })).describe("likeliest first; they add up to 1"),
  basis: z.enum(["history", "everybody"]),
  by: z
    .enum(["federatedHead", "ownChain", "ownChainWithFederatedHead"])
    .describe("what own customers bore out by log-loss; the head alone as it is where the own log may not serve"),
  validation: z
    .strictObject({
      cases: z.int(),
      heldOut: z.boolean().describe("judged on customers whom no round has learnt from"),
      logLoss: z.number(),
      chainLogLoss: z.number(),
      headLogLoss: z.number(),
    })
    .nullable()
    .describe("nats an event, on own customers; null where there was no choice, or nobody to judge it by"),
  purchase: z
    .strictObject({
      probability: probability.describe("of a purchase after the latest event, before half an hour without one"),
      by: z.enum(["ownModel", "federatedHead"]),
      calibrated: z.boolean().describe("on customers of this merchant who were not learnt from"),
      validation: z
        .strictObject({
          cases: z.int(),
          auc: z.number().optional(),
          recencyFrequencyAuc: z.number().optional(),
          calibrationError: z.number(),
        })
        .nullable(),
    })
    .nullable()
    .describe("null where nothing is known of the customer, or nothing was learnt of purchases"),
  model,
});

export const churnBody = z
  .strictObject({
    ...who,
    now: seconds.optional().describe("the moment that is asked about; left out: the node's latest event"),
  })
  .refine(oneOfBoth, oneOfBothRule);
export const churnAnswer = z.strictObject({
  probability: probability.describe("of no event within the horizon"),
  horizonDays: z.number(),
  asOf: seconds,
  by: z.enum(["ownModel", "ownModelWithFederatedHead", "federatedHead"]),
  calibrated: z.boolean().describe("on customers of this merchant who were not learnt from"),
  drivers: z
    .array(z.strictObject({ feature: z.string(), value: z.number(), logOdds: z.number() }))
    .describe("the strongest first; logOdds above 0 speak for leaving"),
  validation: z
    .strictObject({
      customers: z.int(),
      rate: probability,
      auc: z.number().optional(),
      recencyFrequencyAuc: z.number().optional(),
      calibrationError: z.number(),
    })
    .nullable(),
  model,
});

const candidate = z.strictObject({
  item,
  bid: z.number().min(0).max(1e9).describe("what one click (one purchase) is worth"),
  campaign: z
    .strictObject({
      budget: z.number().min(0).max(1e12),
      spent: z.number().min(0).max(1e12),
      elapsed: probability.describe("share of the campaign's time that is over"),
    })
    .optional(),
});
export type Candidate = z.infer<typeof candidate>;

export const adsBody = z
  .strictObject({
    ...who,
    candidates: z.array(candidate).min(1).max(500),
    floor: z.number().min(0).default(0).describe("least expected value that is shown"),
    k: z.int().min(1).max(mostItems).default(20),
  })
  .refine(oneOfBoth, oneOfBothRule);
export const adsAnswer = z.strictObject({
  ranked: z
    .array(z.strictObject({ item, bid: z.number(), probability, pace: probability, expectedValue: z.number() }))
    .describe("expectedValue = bid × probability × pace, highest first"),
  withheld: z.array(z.strictObject({ item, reason: z.enum(["floor", "budget", "notAmongBest"]) })),
  by: z
    .enum(["ownClicks", "nextItemShare"])
    .describe(
      "ownClicks: P(click), learnt from this merchant's impressions; nextItemShare: P(it is the next item), where it has too few of them",
    ),
  calibrated: z.boolean(),
  basis,
  model,
});

export const explainBody = z.strictObject({ ...who, item }).refine(oneOfBoth, oneOfBothRule);
export const explainAnswer = z.strictObject({
  item,
  sku,
  rank: z.int().describe("1 + how many items score higher"),
  score: z.number(),
  parts: z
    .strictObject({
      content: z.number(),
      releasedPairs: z.number(),
      ownPairs: z.number(),
      ownHistory: z.number(),
      topics: z.number().describe("by how much all of these are raised by what the latest searches were about"),
      popularity: z.number(),
      attention: z.number(),
    })
    .describe("what speaks for the item, each part times its weight"),
  events: z
    .array(z.strictObject({ item: item.nullable(), sku, action: z.string(), time: seconds, contribution: z.number() }))
    .describe("share of the next item that is lost when the event is taken away; the strongest first"),
  method: z.literal("deletion"),
  basis,
  model,
});

export const eventsBody = z.strictObject({
  events: z
    .array(
      z.strictObject({
        customer: identifier,
        item: item.optional(),
        action: z.string().min(1).max(64).default("view"),
        keywords: keywords.optional(),
        time: seconds.optional().describe("Unix seconds; left out: now"),
      }),
    )
    .min(1)
    .max(1_000),
});
export const eventsAnswer = z.strictObject({ accepted: z.int(), repeated: z.int() });

export const healthAnswer = z.strictObject({ status: z.literal("serving"), model });

export const errorAnswer = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string(), advice: z.string() }),
});
