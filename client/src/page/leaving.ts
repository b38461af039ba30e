/** What leaves this machine: the plan in words, what one upload of it is, and what has left indeed. */
import { customerParagraph, explainPlan, type PageLeaving, wireFormOf } from "@tributary/protocol";
import type { Home } from "../home/open.ts";
import { readOutgoing } from "../home/outgoing.ts";

/** Messages that are listed. */
const mostListed = 200;

/** @throws TRB_NODE_HOME_UNREADABLE */
export function leavingOf({ layout, plan }: Pick<Home, "layout" | "plan">): PageLeaving {
  const notes = readOutgoing(layout);
  const totals = new Map<string, { readonly kind: string; messages: number; bytes: number }>();
  for (const { kind, bytes } of notes) {
    const { messages, bytes: sum } = totals.get(kind) ?? { messages: 0, bytes: 0 };
    totals.set(kind, { kind, messages: messages + 1, bytes: sum + bytes });
  }
  return {
    paragraph: { en: customerParagraph(plan, "en"), zh: customerParagraph(plan, "zh") },
    plan: { en: explainPlan(plan), zh: explainPlan(plan, "zh") },
    uploads: plan.releases.map(({ kind, rounds, samplingRate, noiseMultiplier }, place) => {
      const { coordinates, bits, words } = wireFormOf(plan, place);
      return {
        ...{ kind, rounds, coordinates, bits, bytes: 4 * words, samplingRate },
        noise: { mode: plan.noiseMode, multiplier: noiseMultiplier },
      };
    }),
    messages: notes.slice(-mostListed).reverse(),
    totals: [...totals.values()],
  };
}
