/**
 * What a node's home folder holds, and where (DESIGN §5).
 *
 *   node.sqlite    charges, votes, settings          keys/identity   Ed25519 seed, mode 600
 *   plan.json      the plan that was joined          keys/store      key of the encrypted store, mode 600
 *   catalogue.jsonl  the plan's public item list     store/          customers' histories, encrypted
 *   keys/serve-token  who may ask `node serve`, mode 600
 *   policy.json    what the merchant permits         rounds/         round secrets: never part of a backup
 *   extensions/    code from outside that the merchant has accepted, by hash
 *   models/        released models that are served, called by their hashes
 *   personal/      a model that was fine-tuned on own customers, sealed   holdout.json    whom rounds never learn from
 *   item-names     which SKU of the merchant's is which item, sealed
 *   importing/     what an import has no room for in memory, encrypted; empty between imports
 *   pages/         what an import has fetched of an HTTP API, sealed; gone once it is in the store
 *   ledger.jsonl   this node's own, verified copy    node.lock       held by the process that runs the node
 *   outgoing.jsonl what has left: sizes and hashes   value.json      the last value report's figures, mode 600
 */
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fail } from "@tributary/errors";
import { reasonOf } from "../reason.ts";
import { temporarySuffix } from "./durable.ts";

export interface Layout {
  readonly home: string;
  readonly database: string;
  readonly plan: string;
  readonly catalogue: string;
  readonly policy: string;
  readonly ledger: string;
  readonly lock: string;
  /** What messages have left, the latest few hundred: sizes and hashes. */
  readonly outgoing: string;
  /** Figures of the value report that was made last; they never leave this folder. */
  readonly value: string;
  readonly keys: string;
  readonly identity: string;
  /** A key that is to come, and the public one that this node began with; there only when the key was ever changed. */
  readonly identityNext: string;
  readonly identityFirst: string;
  readonly storeKey: string;
  readonly store: string;
  /** Names what the store consists of. */
  readonly manifest: string;
  readonly segments: string;
  /** What the shop told live, as long as no segment has it. */
  readonly journals: string;
  /** Segments of an import under way. */
  readonly staging: string;
  readonly importLock: string;
  readonly rewriteLock: string;
  readonly manifestLock: string;
  /** Where an import puts what memory has no room for. */
  readonly importing: string;
  /** The store of versions that kept it in one file. */
  readonly oldHistories: string;
  /** Files of extensions that the merchant has accepted, called by their hashes. */
  readonly extensions: string;
  /** What was released, as it is served; anybody's to know. */
  readonly models: string;
  /** Which customers the node holds out of rounds, mode 600. */
  readonly holdout: string;
  /** How the merchant's own SKUs and items belong together, sealed. */
  readonly itemNames: string;
  /** What was fine-tuned on own customers, sealed: it never leaves this folder. */
  readonly personal: string;
  /** What an import has fetched and not yet stored. */
  readonly pages: string;
  readonly serveToken: string;
  readonly rounds: string;
  readonly state: string;
  /** The masked vector of a round. */
  vector(round: number): string;
}

export function layoutOf(home: string): Layout {
  const root = resolve(home);
  const at = (...names: string[]) => join(root, ...names);
  return {
    home: root,
    database: at("node.sqlite"),
    plan: at("plan.json"),
    catalogue: at("catalogue.jsonl"),
    policy: at("policy.json"),
    ledger: at("ledger.jsonl"),
    lock: at("node.lock"),
    outgoing: at("outgoing.jsonl"),
    value: at("value.json"),
    keys: at("keys"),
    identity: at("keys", "identity"),
    identityNext: at("keys", "identity-next"),
    identityFirst: at("keys", "identity-first"),
    storeKey: at("keys", "store"),
    store: at("store"),
    manifest: at("store", "manifest"),
    segments: at("store", "segments"),
    journals: at("store", "journals"),
    staging: at("store", "staging"),
    importLock: at("store", "importing.lock"),
    rewriteLock: at("store", "rewriting.lock"),
    manifestLock: at("store", "manifest.lock"),
    importing: at("importing"),
    oldHistories: at("store", "histories"),
    extensions: at("extensions"),
    models: at("models"),
    holdout: at("holdout.json"),
    itemNames: at("item-names"),
    personal: at("personal", "model"),
    pages: at("pages"),
    serveToken: at("keys", "serve-token"),
    rounds: at("rounds"),
    state: at("rounds", "state.json"),
    vector: (round) => at("rounds", `${round}.vector`),
  };
}

/** The marker that backup programs understand (Cache Directory Tagging Specification, bford.info/cachedir). */
const cacheTag =
  "Signature: 8a477f597d28d172789f06886806bc55\n# Secrets of rounds under way. A copy of them must never exist: leave this folder out of backups.\n";

/**
 * Makes the folders that are missing, closed to other users.
 * @throws TRB_NODE_HOME_UNWRITABLE
 */
export function makeFolders(layout: Layout): void {
  try {
    for (const folder of [layout.home, layout.keys, layout.store, layout.segments, layout.journals, layout.rounds]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    }
    writeFileSync(join(layout.rounds, "CACHEDIR.TAG"), cacheTag, { mode: 0o600 });
  } catch (cause) {
    throw fail("TRB_NODE_HOME_UNWRITABLE", { file: layout.home, reason: reasonOf(cause) }, cause);
  }
}

/** Imports, policies and keys are written beside a node that starts; no single write of theirs takes longer than this, in milliseconds. */
const longestWrite = 3_600_000;

/** Takes away what a killed process left half written; in `rounds` only the process that holds the lock writes, and only it may call this. */
export function sweepTemporaries(layout: Layout): void {
  for (const folder of [layout.home, layout.keys, layout.store, layout.rounds]) {
    for (const name of readdirSync(folder).filter((entry) => entry.endsWith(temporarySuffix))) {
      const path = join(folder, name);
      const written = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
      if (folder === layout.rounds || Date.now() - written > longestWrite) rmSync(path, { force: true });
    }
  }
}
