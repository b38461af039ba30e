/** What a trainer's main thread and its workers say to each other; every word gets one answer, in order. */
import type { Histories } from "@tributary/events/histories";
import type { AdamWStep } from "../central/adamw.ts";
import type { GradientOrder, Member, RankOrder } from "../central/member.ts";
import type { ModelSpec } from "../spec.ts";
import type { PartialRequest, PartialSum } from "../training/partial-sum.ts";
import type { TrainerOptions } from "../training/trainer.ts";

export type MemberWord =
  /** Answered when the sessions are loaded. */
  | { readonly type: "ready" }
  | { readonly type: "gradient"; readonly order: GradientOrder }
  | { readonly type: "move"; readonly step: AdamWStep }
  | { readonly type: "ranks"; readonly order: RankOrder }
  | { readonly type: "close" };

export type MemberResult = Awaited<ReturnType<Member[keyof Member]>>;

/** What a worker of private training is started with. */
export interface ShareSetup {
  readonly spec: ModelSpec;
  readonly options: TrainerOptions;
}

export type ShareWord =
  | { readonly type: "ready" }
  /** What the sums to come are over. */
  | { readonly type: "histories"; readonly histories: Histories }
  | {
      readonly type: "sum";
      readonly request: Omit<PartialRequest, "histories" | "deadline">;
      /** [1] other than 0 when time is up. */
      readonly late: Int32Array<SharedArrayBuffer>;
    }
  | { readonly type: "close" };

export type ShareResult = PartialSum | undefined;
