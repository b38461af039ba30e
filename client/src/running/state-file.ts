/**
 * The node's state of the round on disk, and how it comes back after the process ended, however it ended.
 *
 * A masked vector and its charge are persisted in three steps, each synced before the next: the vector's file, the state that
 * names it, the charge in node.sqlite; the upload comes after all of them. So after a crash:
 *   – a vector's file without a state that names it was never promised to anybody: it goes, and the node is out of that round;
 *   – a state with a charge that node.sqlite lacks: the charge is entered now, before anything is sent.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeNodeState, encodeNodeState, type NodePolicy, type NodeState } from "@tributary/federation";
import { removeFile, replaceFile } from "../home/durable.ts";
import type { Layout } from "../home/layout.ts";
import type { Home } from "../home/open.ts";
import { awaitedUpload, beginState, resumedState } from "./begin-state.ts";

/** Writes and syncs the state; what the reducer calls unpersisted stays in memory. */
export async function saveState(layout: Layout, state: NodeState): Promise<void> {
  await replaceFile(layout.state, encodeNodeState(state));
}

/**
 * The state as it was, under today's policy, with state and node.sqlite agreeing on every charge. Undefined before the ledger has begun.
 * @param lines the node's own copy of the ledger, from which a lost `rounds/` is begun again
 * @throws TRB_FEDERATION_STATE_UNREADABLE, TRB_NODE_PLAN_CHANGED, TRB_NODE_KEY_NOT_IN_ROSTER, TRB_NODE_LEDGER_INVALID
 */
export async function loadState(home: Home, policy: NodePolicy, lines: readonly string[]): Promise<NodeState | undefined> {
  const { layout, database } = home;
  const kept = existsSync(layout.state) ? decodeNodeState(readFileSync(layout.state, "utf8")) : beginAgain(home, policy, lines);
  if (kept === undefined) return undefined;
  const state = resumedState(home, kept, { policy, charges: database.charges(), lastRound: database.lastRound() });
  for (const charge of state.charges) {
    database.charge(charge);
    if (charge.standing !== "open") database.settle(charge.round, charge.standing, charge.settledAt);
  }
  removeUnnamedVectors(layout, state);
  await saveState(layout, state); // secrets of a round that can't go on are gone from disk as well
  return state;
}

/**
 * After `rounds/` was lost (it is no part of a backup): from the first entry on. The lines after it are stepped through by the caller.
 */
function beginAgain(home: Home, policy: NodePolicy, lines: readonly string[]): NodeState | undefined {
  const [first] = lines;
  return first === undefined ? undefined : beginState(home, policy, first);
}

function removeUnnamedVectors(layout: Layout, state: NodeState): void {
  const awaited = awaitedUpload(state);
  const named = awaited === undefined ? "" : layout.vector(awaited);
  for (const name of readdirSync(layout.rounds)) {
    const path = join(layout.rounds, name);
    if (name.endsWith(".vector") && path !== named) removeFile(path);
  }
}
