/**
 * The market on which joining without a common item is measured: two large shops and two small ones, short histories, many categories, and a category's partner
 * comes next more often than not. What there is to learn of others is which category goes with which; small shops see too little of it by themselves.
 */
import type { DisjointMarketOptions } from "./disjoint-market.ts";
import type { DisjointOptions } from "./joining-disjoint.ts";

export const usualDisjointMarket = {
  merchants: [
    { customers: 1200, judged: 0 },
    { customers: 1200, judged: 0 },
    { customers: 120, judged: 500 },
    { customers: 120, judged: 500 },
  ],
  publicCustomers: 600,
  settings: {
    ...{ items: 120, categories: 40, sessionScale: 0.6, furtherLooks: 3 },
    ...{ companionSameCategory: 0.1, followCompanion: 0.7, stayInCategory: 0.3, revisit: 0.05, viewTwice: 0 },
    ...{ itemZipf: 0.5, categoryZipf: 0.2, categorySizeZipf: 0.1 },
  },
} as const satisfies Omit<DisjointMarketOptions, "seed" | "sharing">;

export const usualDisjointTraining = {
  delta: 1e-6,
  attributes: ["category"],
  planning: { rounds: 12, width: 16 },
  training: { learningRates: [0.01, 0.03], mostEpochs: 30, batch: 16, patience: 4 },
} as const satisfies Omit<DisjointOptions, "epsilon" | "seed" | "crypto" | "executor">;
