/** What the benchmark and its processes say to each other. */

export type CoordinatorOrder =
  | {
      readonly type: "serve";
      readonly home: string;
      readonly plan: string;
      readonly catalogue: string;
      /** Begins with so many connected, and invites so many of them. */
      readonly nodes: number;
      readonly cohort: number;
      /** Of a replica. */
      readonly shared?: { readonly databaseUrl: string; readonly replica: string; readonly blobs: string };
    }
  | { readonly type: "invite"; readonly nodes: readonly string[]; readonly databaseUrl?: string }
  /** A blob of so many octets is kept, for downloads. */
  | { readonly type: "keep"; readonly octets: number }
  /** What was used so far, and how long the event loop was kept since the last time. */
  | { readonly type: "usage" }
  | { readonly type: "end" };

/** What a coordinator's process used since it began. */
export interface Usage {
  /** Processor seconds of all its threads. */
  readonly cpuSeconds: number;
  readonly peakMb: number;
  /** Slices of sums that it took; 0 where they are no jobs. */
  readonly slices: number;
  readonly loop: LoopDelay;
}

/** By how much timers of the event loop came too late since the last time that somebody asked, in milliseconds. */
export interface LoopDelay {
  readonly p99Ms: number;
  readonly maxMs: number;
  /** What the thread itself computed between two timers, in processor milliseconds: what would be left of the delay on a machine without other processes. */
  readonly busyP99Ms: number;
  readonly busyMaxMs: number;
}

/** One phase of one round at the replica that leads. */
export interface PhaseUsage {
  readonly round: number;
  readonly phase: string;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly loop: LoopDelay;
}

export type CoordinatorAnswer =
  | { readonly type: "listening"; readonly url: string }
  | { readonly type: "invited"; readonly invites: readonly string[] }
  | { readonly type: "kept"; readonly sha256: string }
  /** This replica leads, and its next round begins. */
  | { readonly type: "roundBegan"; readonly round: number }
  | { readonly type: "finished"; readonly phases: readonly PhaseUsage[]; readonly ledger: string }
  | ({ readonly type: "usage" } & Usage)
  | { readonly type: "failed"; readonly reason: string };

export type CrowdOrder =
  | { readonly type: "join"; readonly invites: readonly string[] }
  | { readonly type: "connect" }
  | {
      readonly type: "download";
      readonly urls: readonly string[];
      readonly sha256: string;
      readonly octets: number;
      readonly nodes: number;
    }
  | { readonly type: "end" };

export type CrowdAnswer =
  | { readonly type: "joined" }
  | { readonly type: "connected" }
  /** All of its nodes have the ledger to its closing entry. */
  | { readonly type: "followed"; readonly refused: readonly string[] }
  | { readonly type: "downloaded"; readonly octets: number; readonly seconds: number }
  | { readonly type: "failed"; readonly reason: string };
