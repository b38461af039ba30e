/** The live round as a flow: how many nodes are at each step, counted from what the coordinator says of each. */
import type { RoundNow } from "./api.ts";

export type NodeNow = RoundNow["nodes"][number];
export type StepName = NodeNow["done"] | "apply";

export interface FlowStep {
  readonly step: StepName;
  /** `past` and `ahead` of the phase, or it. */
  readonly place: "past" | "now" | "ahead";
  /** Who has done it. */
  readonly done: number;
  /** Whom it waits for; only now. */
  readonly waitedFor: readonly string[];
  /** Whom the round went on without: they had come as far as the step before and didn't do this one. */
  readonly lost: readonly string[];
}

const order: readonly NodeNow["done"][] = ["offer", "keys", "reveal", "shares", "masked", "consistency", "unmask"];

/** Steps 0–6 of a round; `reveal` only where the round has it. */
export function flowOf({ phase, nodes }: Pick<RoundNow, "phase" | "nodes">): FlowStep[] {
  const hasReveal = phase === "reveal" || nodes.some(({ done }) => done === "reveal");
  const steps = order.filter((step) => step !== "reveal" || hasReveal);
  const rank = new Map(steps.map((step, place) => [step, place]));
  const reached = ({ done }: NodeNow) => rank.get(done) ?? 0;
  const isWork = phase === "summing" || phase === "applying";
  const now = isWork ? steps.length : (rank.get(phase) ?? 0);
  const place = (at: number): FlowStep["place"] => (at < now ? "past" : at === now ? "now" : "ahead");
  return [
    ...steps.map((step, at) => ({
      step,
      place: place(at),
      done: nodes.filter((node) => reached(node) >= at).length,
      waitedFor: at === now ? nodes.filter(({ state }) => state === "waited-for").map(({ node }) => node) : [],
      lost: nodes.filter((node) => node.state === "out" && reached(node) === at - 1).map(({ node }) => node),
    })),
    { step: "apply", place: place(steps.length), done: 0, waitedFor: [], lost: [] },
  ];
}
