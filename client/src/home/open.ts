/** Opens a home folder that has joined a federation: what every command but `join` begins with. */
import { existsSync } from "node:fs";
import { fail } from "@tributary/errors";
import type { Crypto, Plan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { type NodeDatabase, openDatabase } from "./database.ts";
import { type Identity, openIdentity } from "./keys.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { type Membership, readMembership, readPlan } from "./membership.ts";

export interface Home {
  readonly layout: Layout;
  readonly crypto: Crypto;
  readonly database: NodeDatabase;
  readonly identity: Identity;
  readonly membership: Membership;
  readonly plan: Plan;
}

/**
 * The caller closes `database`.
 * @throws TRB_NODE_NOT_JOINED, TRB_NODE_HOME_UNREADABLE
 */
export function openHome(home: string): Home {
  const layout = layoutOf(home);
  if (!existsSync(layout.database)) throw fail("TRB_NODE_NOT_JOINED", { home });
  const crypto = nodeCrypto();
  const database = openDatabase(layout);
  try {
    const membership = readMembership(database);
    if (membership === undefined) throw fail("TRB_NODE_NOT_JOINED", { home });
    const plan = readPlan(layout, membership, crypto);
    return { layout, crypto, database, identity: openIdentity(layout, crypto), membership, plan };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Opens a home for one piece of work, and closes it whatever happens. */
export async function withHome<T>(home: string, work: (opened: Home) => T | Promise<T>): Promise<T> {
  const opened = openHome(home);
  try {
    return await work(opened);
  } finally {
    opened.database.close();
  }
}
