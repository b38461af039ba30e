/** What the page asks the coordinator, in the forms of `@tributary/protocol`: types alone, since both come from one build. */

import type { AnswerOfRoute, operatorRoutes } from "@tributary/protocol";
import { useEffect, useMemo } from "preact/hooks";
import { type Live, live } from "../shared/live.ts";
import { asOperator } from "./session.ts";

type Answer<Name extends keyof typeof operatorRoutes> = AnswerOfRoute<(typeof operatorRoutes)[Name]>;

export type Status = Answer<"status">;
export type UnderWay = Answer<"underWay">;
export type RoundNow = NonNullable<UnderWay["round"]>;
export type Members = Answer<"members">;
export type Member = Members["members"][number];
export type InviteRow = Answer<"invites">[number];
export type NewInvite = Answer<"invite">;
export type Finding = Answer<"findings">[number];
export type AuditRow = Answer<"audit">[number];
export type TokenRow = Answer<"tokens">[number];
export type NewToken = Answer<"createToken">;
export type AccountRow = Answer<"accounts">[number];
export type Door = Answer<"door">;

/** Asked again and again for as long as the component is shown. @param path below `/v1/operators/` */
export function useOperator<Value>(path: string, every: number): Live<Value> {
  const source = useMemo(() => live((signal) => asOperator<Value>(path, { signal }), { every }), [path, every]);
  useEffect(() => () => source.stop(), [source]);
  return source;
}
