/** What the loop over rounds asks of either way to aggregate. */
import type { ReleasedSum } from "@tributary/federation";
import type { Sha256 } from "@tributary/protocol";
import type { Attempt } from "./conditions.ts";
import type { ShareResult } from "./share.ts";

/** The round that an attempt serves. */
export interface RoundStart extends Pick<ReleasedSum, "release" | "model" | "optimiserState"> {
  readonly round: number;
}

/** A sum that may be released, and of whom. */
interface RoundSum {
  readonly sum: Uint32Array;
  /** How many nodes' vectors it holds. */
  readonly survivors: number;
  /** How many nodes' shares of the noise it holds: all survivors', or the honest minimum's where noise is central. */
  readonly noiseShares: number;
}

/** Takes a sum into the model. Answer: hashes of what comes out; only the state machines need them. */
export type ApplySum = (
  sum: RoundSum,
) => Promise<{ readonly modelHash: () => Sha256; readonly optimiserHash: () => Sha256 | null }>;

export interface AttemptResult {
  readonly released: boolean;
  /** Released rounds are charged, too. */
  readonly charged: boolean;
  readonly cohort: number;
  readonly survivors: number;
  readonly work: readonly ShareResult[];
}

export interface Aggregation {
  attempt(attempt: Attempt, start: RoundStart, apply: ApplySum): Promise<AttemptResult>;
  /** What a checkpoint holds beside model and counters. */
  save(): unknown;
  /** After the last round. @returns ledger.jsonl, where there is one */
  finish(): Promise<string | undefined>;
}
