/** What a central team's main thread and its workers say to each other; every word gets one answer, in order. */
import type { ErrorCode, ErrorDetails } from "@tributary/errors";
import type { AdamWStep } from "../central/adamw.ts";
import type { GradientOrder, Member, RankOrder } from "../central/member.ts";

export type MemberWord =
  /** Answered when the sessions are loaded. */
  | { readonly type: "ready" }
  | { readonly type: "gradient"; readonly order: GradientOrder }
  | { readonly type: "move"; readonly step: AdamWStep }
  | { readonly type: "ranks"; readonly order: RankOrder }
  | { readonly type: "close" };

export type MemberResult = Awaited<ReturnType<Member[keyof Member]>>;

export type MemberAnswer = { readonly result: MemberResult } | { readonly code: ErrorCode; readonly details: ErrorDetails };
