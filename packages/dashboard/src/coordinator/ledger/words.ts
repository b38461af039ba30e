/** What the page and its ledger worker say to each other. Bytes stay in the worker; the page gets rows, and the text of one entry at a time. */
import type { LedgerVerdict, ReleasedMetrics } from "@tributary/ledger";
import type { Release } from "@tributary/protocol";
import type { Language } from "../../shared/language.ts";

/** What a node was in one round. */
export const part = { none: 0, summed: 1, lostAtShares: 2, lostAtMasked: 3, aborted: 4, barred: 5 } as const;

export interface LedgerRow {
  readonly index: number;
  /** "unreadable" for a line that is no entry. */
  readonly kind: string;
  readonly at: string;
  readonly bytes: number;
  readonly round?: number;
  /** Place in `plan.releases`, and what is summed there. */
  readonly release?: number;
  readonly what?: string;
  readonly cohort?: number;
  readonly survivors?: number;
  readonly charged?: boolean;
  /** Spent so far, as claimed. */
  readonly epsilon?: number;
  /** In the ledger's own words: a reason, a code, a name. */
  readonly words?: string;
  readonly metrics?: ReleasedMetrics;
  /** `[nodes]` of `part`, by place in the list of nodes; of rounds. */
  readonly parts?: Uint8Array;
}

export interface PlanWords {
  readonly federation: string;
  readonly epsilon: number;
  readonly delta: number;
  readonly unit: string;
  readonly maxMerchants: number;
  readonly noiseMode: string;
  readonly minCohort: number;
  readonly maxCorrupt: number;
  readonly minCustomers: number;
  readonly accountant: string;
  readonly provenance: string;
  readonly releases: readonly (Pick<
    Release,
    "kind" | "samplingRate" | "noiseMultiplier" | "clipNorm" | "rounds" | "dimension"
  > & {
    readonly retries: number;
  })[];
  /** What a customer is told, in each language. */
  readonly customers: Readonly<Record<Language, string>>;
  /** The whole explanation, in each language; what it can't be said for is the reason instead. */
  readonly sentences: Readonly<Record<Language, readonly string[]>>;
}

/** ε once so many rounds are charged, of all releases in the plan's order. */
export interface ProjectedCost {
  readonly rounds: number;
  readonly epsilon: number;
}

export type ToWorker =
  /** Reads what the server has beyond what is here. */
  | { readonly type: "load" }
  | { readonly type: "verify"; readonly key?: string; readonly head?: string }
  /** Ends the verification without a verdict. */
  | { readonly type: "stop" }
  | { readonly type: "entry"; readonly index: number }
  | { readonly type: "project"; readonly charged: readonly number[] };

export type FromWorker =
  | { readonly type: "rows"; readonly rows: readonly LedgerRow[]; readonly nodes: readonly string[]; readonly bytes: number }
  /** As much as the server had is here. */
  | { readonly type: "loaded"; readonly entries: number }
  /** The ledger begins anew: the server has another one than before. */
  | { readonly type: "anew" }
  | { readonly type: "unreachable" }
  | { readonly type: "plan"; readonly plan: PlanWords }
  /** Everything is known of the first `entries` of them. `failed`: which of all don't hold, as far as that was not told before; an entry may come twice. */
  | { readonly type: "verifying"; readonly entries: number; readonly of: number; readonly failed: readonly number[] }
  | { readonly type: "verdict"; readonly verdict: LedgerVerdict; readonly seconds: number }
  | { readonly type: "entry"; readonly index: number; readonly text: string; readonly hash: string }
  | { readonly type: "projection"; readonly points: readonly ProjectedCost[] };
