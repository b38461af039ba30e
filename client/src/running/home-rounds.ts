/** What a node keeps of its rounds in its home folder: `rounds/`, node.sqlite, and the budget that it shares with other homes. */
import { existsSync, readFileSync } from "node:fs";
import { removeFile, replaceFile } from "../home/durable.ts";
import type { Home } from "../home/open.ts";
import type { BudgetShare } from "../shared-budget/share.ts";
import type { Kept } from "./kept.ts";
import { saveState } from "./state-file.ts";

/**
 * @param broughtUp carries out what makes a shared budget smaller, and can wait
 */
export function keptInHome(
  { layout, database }: Pick<Home, "layout" | "database">,
  share: Pick<BudgetShare, "record">,
  broughtUp: (work: () => void) => void,
): Kept {
  return {
    // three steps, each synced before the next; `state-file.ts` says what a crash between them leaves
    async save(state, paid) {
      if (paid?.octets !== undefined) await replaceFile(layout.vector(paid.charge.round), paid.octets);
      await saveState(layout, state);
      if (paid !== undefined) {
        database.charge(paid.charge);
        share.record(paid.charge);
      }
      database.reachRound(state.lastRound);
    },
    vote: (message) => database.vote(message),
    async vector(round) {
      const path = layout.vector(round);
      return existsSync(path) ? readFileSync(path) : undefined;
    },
    eraseVector: (round) => removeFile(layout.vector(round)),
    settle(round, as, charge) {
      // a round that the ledger counts against this node, although it doesn't remember paying, counts all the same
      if (charge !== undefined) database.charge({ ...charge, standing: "open" });
      database.settle(round, as, charge?.settledAt);
      if (charge !== undefined) broughtUp(() => share.record(charge));
    },
  };
}
