/** What founding a federation adds to a chosen plan, so that tests can lint and price it: nothing of it costs privacy. */
import type { Plan } from "@tributary/protocol";
import type { choosePlan } from "./choose-plan.ts";

export const foundedNames = {
  federation: "test",
  graphHash: "00".repeat(32),
  initialModelHash: "00".repeat(32),
  catalogueHash: "00".repeat(32),
  catalogueProvenance: "public",
  coordinatorKey: "00".repeat(32),
} as unknown as Omit<Plan, keyof ReturnType<typeof choosePlan>["plan"]>;
