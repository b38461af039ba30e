/** What the measured server's thread and the thread that puts load on it say to each other. */

export interface LoadSetup {
  readonly url: string;
  readonly token: string;
  readonly customers: readonly string[];
  /** Items that may be bought, by id. */
  readonly items: readonly string[];
  readonly k: number;
}

export interface LoadOrder {
  /**
   * `steady`: requests begin at fixed moments, whether or not those before are answered, and count from those moments, so that a stall is paid for by all
   * who would have asked in it. `most`: as many as four connections can ask. `health`: steady, but nothing is computed. `fresh`: an event, then a
   * recommendation, one after the other, until it shows.
   */
  readonly kind: "steady" | "most" | "health" | "fresh";
  /** Requests a second, where they are steady. */
  readonly rate: number;
  readonly seconds: number;
}

export interface LoadFigures {
  readonly kind: LoadOrder["kind"];
  readonly requests: number;
  /** Answers that were none, or another status than 200. */
  readonly failed: number;
  readonly seconds: number;
  /** What this thread itself took of the processor, milliseconds. */
  readonly processorMs: number;
  /** Of each request, in order. */
  readonly milliseconds: readonly number[];
}
