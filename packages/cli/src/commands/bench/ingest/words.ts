/** What `bench ingest` and its measuring processes say to one another. */

/** `duckdb`: DuckDB alone reads and sorts the log; `store`: `node import`, as it is, into a home that has joined. */
export type MeasureOrder =
  | { readonly kind: "duckdb"; readonly log: string }
  | { readonly kind: "store"; readonly log: string; readonly home: string };

export interface Measured {
  readonly seconds: number;
  /** Of all cores, user and system. */
  readonly cpuSeconds: number;
  /** The process's resident memory at its most, 10⁶ bytes, Node itself included. */
  readonly peakMb: number;
  readonly rows: number;
  /** Of `store`: events that were kept, and rows that were dropped. */
  readonly kept: number;
  readonly dropped: number;
}

export type MeasureAnswer = { readonly measured: Measured } | { readonly failed: string };
