/**
 * What survives a node's process: `rounds/` (the state and the vectors), and what a backup has as well: node.sqlite, which settles a charge
 * once and remembers one vote a round, and the node's own copy of the ledger.
 */
import type { Charge } from "@tributary/federation";
import type { MessageOf, NodeId } from "@tributary/protocol";
import { finding } from "./honest-speech.ts";

export interface Disk {
  readonly id: NodeId;
  state: string | undefined;
  readonly vectors: Map<number, Uint32Array>;
  charges: Map<number, Charge>;
  votes: Map<number, string>;
  lastRound: number;
  ledger: string[];
}

export type Backup = Pick<Disk, "charges" | "votes" | "lastRound" | "ledger">;

export function emptyDisk(id: NodeId): Disk {
  return { id, state: undefined, vectors: new Map(), charges: new Map(), votes: new Map(), lastRound: 0, ledger: [] };
}

export function backupOf({ charges, votes, lastRound, ledger }: Disk): Backup {
  return { charges: new Map(charges), votes: new Map(votes), lastRound, ledger: [...ledger] };
}

/** `rounds/` is no part of a backup; everything else is as it was when it was made. */
export function restoreFrom(disk: Disk, backup: Backup): void {
  disk.state = undefined;
  disk.vectors.clear();
  Object.assign(disk, backupOf({ ...disk, ...backup }));
}

export function recordCharge({ charges }: Disk, one: Charge): void {
  if (!charges.has(one.round)) charges.set(one.round, one);
}

export function settleCharge({ id, charges }: Disk, round: number, as: "final" | "refunded"): void {
  const before = charges.get(round);
  if (before === undefined) return;
  if (before.standing !== "open" && before.standing !== as) throw finding("a charge was settled twice", `${id}/${round}`);
  charges.set(round, { ...before, standing: as });
}

/** @param honest a corrupt node may vote as often as it likes */
export function rememberVote({ id, votes }: Disk, { round, signature }: MessageOf<"vote">, honest: boolean): void {
  const before = votes.get(round);
  if (honest && before !== undefined && before !== signature) throw finding("a node voted twice", `${id}/${round}`);
  votes.set(round, signature);
}

export function appendLine({ id, ledger }: Disk, index: number, line: string): void {
  if (index < ledger.length && ledger[index] === line) return;
  if (index !== ledger.length) throw finding("a node was told two ledgers and took both", `${id}, entry ${index}`);
  ledger.push(line);
}
