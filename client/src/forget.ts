/**
 * `tributary node forget`: the right to erasure. Customers' histories leave the store, whether a log or the shop's live events brought them; so do what an
 * import under way has written or fetched, and the model that was personalised with them. What was released stays, and what it cost stays spent: a sum can't be
 * taken apart again. The record of it says when and how many, not who.
 */
import { existsSync } from "node:fs";
import { renameCustomers } from "@tributary/events";
import type { Sha256 } from "@tributary/protocol";
import { costOf } from "./budget.ts";
import { withHome } from "./home/open.ts";
import { erasePages } from "./home/page-spool.ts";
import { doorOf } from "./home/store/door.ts";
import { overwritten, rewriteStore } from "./home/store/rewriting.ts";

export interface ForgetOptions {
  readonly home: string;
  /** As the shop calls them. */
  readonly customers: readonly string[];
  /** Keep their pseudonyms, so that no later import and no live event brings them back. */
  readonly suppress?: boolean;
}

export interface Forgotten {
  /** Different ones that were asked for. */
  readonly customers: number;
  /** Of those: had a history here. */
  readonly found: number;
  /** Events that were erased. */
  readonly events: number;
  readonly suppressed: boolean;
  readonly at: string;
  /** What models that were trained before this may still owe to them. */
  readonly released: {
    readonly planHash: Sha256;
    /** Rounds that may have had them in their sums: all that are charged. */
    readonly rounds: readonly number[];
    /** Of all those rounds together, for each customer; it is not given back. */
    readonly epsilon: number;
    readonly delta: number;
  };
  /** A model that was tuned on exact histories of theirs was removed. */
  readonly personalModelRemoved: boolean;
}

/** @throws TRB_NODE_NOT_JOINED, TRB_NODE_STORE_BUSY, TRB_NODE_HOME_UNWRITABLE, TRB_NODE_STORE_… */
export function forgetCustomers({ home, customers, suppress = false }: ForgetOptions): Promise<Forgotten> {
  return withHome(home, async (opened) => {
    const { layout, database, membership } = opened;
    const found = new Set<string>();
    let events = 0;
    await rewriteStore(layout, ({ manifest }) => {
      const door = doorOf(manifest.door);
      const gone = new Set(customers.map(door));
      return {
        change: (histories) => {
          const places = histories.customers.flatMap((name, place) => (gone.has(name) ? [place] : []));
          if (places.length === 0) return undefined;
          for (const place of places) {
            found.add(histories.customers[place] ?? "");
            events += (histories.offsets[place + 1] ?? 0) - (histories.offsets[place] ?? 0);
          }
          return renameCustomers(histories, histories.customers, (name) => gone.has(name));
        },
        contents: (now) => ({
          erased: suppress ? [...new Set([...now.manifest.erased, ...gone])].sort() : now.manifest.erased,
        }),
        overwrite: true,
      };
    });
    erasePages(layout);
    const personalModelRemoved = found.size > 0 && existsSync(layout.personal);
    if (personalModelRemoved) overwritten(layout.personal);
    // exact figures that they may be in
    if (found.size > 0 && existsSync(layout.value)) overwritten(layout.value);
    const at = new Date().toISOString();
    const charges = database.charges().filter(({ standing }) => standing !== "refunded");
    const rounds = charges.map(({ round }) => round);
    const { epsilon, delta } = costOf(opened);
    const count = new Set(customers).size;
    database.recordErasure({ at, customers: count, suppressed: suppress, planHash: membership.planHash, rounds });
    return {
      ...{ customers: count, found: found.size, events, suppressed: suppress, at, personalModelRemoved },
      released: { planHash: membership.planHash, rounds, epsilon, delta },
    };
  });
}
