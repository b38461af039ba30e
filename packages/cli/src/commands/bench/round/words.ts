/** What the benchmark and its processes say to each other. */
import type { PhaseCost } from "./phase-meter.ts";

let made: Uint32Array<ArrayBuffer> = new Uint32Array();

/** Stands in for training: the same vector at every node, whose sum is known. [dimension] */
export function givenVector(dimension: number): Uint32Array<ArrayBuffer> {
  if (made.length !== dimension) made = Uint32Array.from({ length: dimension }, (_, i) => Math.imul(i, 0x9e37_79b1) >>> 12);
  return made.slice();
}

/** Environment of a node that falls silent before it uploads. */
export const silentVariable = "TRIBUTARY_BENCH_SILENT";

export type CoordinatorOrder =
  | {
      readonly type: "serve";
      readonly home: string;
      readonly plan: string;
      readonly catalogue: string;
      readonly nodes: number;
    }
  | { readonly type: "invite"; readonly node: string }
  | { readonly type: "plain"; readonly rounds: number; readonly nodes: number }
  | { readonly type: "end" };

export type CoordinatorAnswer =
  | { readonly type: "listening"; readonly url: string }
  | { readonly type: "invited"; readonly node: string; readonly invite: string }
  | { readonly type: "served"; readonly costs: readonly PhaseCost[]; readonly idleMb: number; readonly peakMb: number }
  | { readonly type: "plainListening"; readonly url: string }
  | { readonly type: "plainServed"; readonly costs: readonly PhaseCost[] }
  | { readonly type: "failed"; readonly reason: string };

export type NodeOrder =
  | { readonly type: "join"; readonly home: string; readonly invite: string }
  | { readonly type: "start"; readonly peers: readonly string[]; readonly log: string }
  | { readonly type: "plain"; readonly url: string; readonly name: string; readonly dimension: number; readonly rounds: number }
  | { readonly type: "end" };

export type NodeAnswer =
  | { readonly type: "joined"; readonly fingerprint: string }
  | { readonly type: "started" }
  | { readonly type: "finished"; readonly costs: readonly PhaseCost[]; readonly peakMb: number }
  | { readonly type: "plainFinished"; readonly costs: readonly PhaseCost[] }
  | { readonly type: "failed"; readonly reason: string };
