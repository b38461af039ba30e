/**
 * Which released model serves, and its bytes. The node's own, verified ledger copy says which: a file is taken only if it has the hash that
 * stands there. It lies below `models/`, or is fetched from the coordinator, who keeps every released model for everybody.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@tributary/errors";
import { decodeFederationModel } from "@tributary/federation";
import { type Entry, parseLine } from "@tributary/ledger";
import { type OpenedHybrid, readHybrid } from "@tributary/model";
import type { Plan, Sha256 } from "@tributary/protocol";
import { removeFile, replaceFile } from "../home/durable.ts";
import type { Layout } from "../home/layout.ts";
import { openLedgerCopy } from "../home/ledger-copy.ts";
import { reasonOf } from "../reason.ts";
import type { CoordinatorClient } from "../transport/requests.ts";
import type { Released } from "./prepare.ts";

export interface LatestRelease {
  readonly hash: Sha256;
  readonly round: number;
  /** Whether a round of the plan's training is among those released. */
  readonly trained: boolean;
}

/** Undefined before there is a model that serves. @throws TRB_NODE_HOME_UNREADABLE */
export function latestRelease(layout: Layout, plan: Plan): LatestRelease | undefined {
  return servedRelease(plan, openLedgerCopy(layout).lines().map(parseLine));
}

/**
 * Which model serves: the one that the ledger leaves, whether a round made it, metrics kept it, or training went back to it. Where the plan promotes models by a rule it is the one
 * promoted last, and until there is one what statistics there are.
 */
export function servedRelease(plan: Plan, entries: Iterable<Entry>): LatestRelease | undefined {
  let trained = plan.initialModel === "public";
  const made = new Map<string, LatestRelease>([[plan.initialModelHash, { hash: plan.initialModelHash, round: 0, trained }]]);
  let [latest, promoted, counted]: (LatestRelease | undefined)[] = [];
  for (const entry of entries) {
    if (entry.kind === "promotion") promoted = made.get(entry.modelHash);
    else if (entry.kind === "rollback") latest = made.get(entry.modelHash);
    else if (entry.kind === "round") {
      const kind = plan.releases[entry.release]?.kind;
      trained ||= kind === "training";
      const { nextModelHash: hash, round } = entry;
      // sums that stand in the ledger made no model, and may have given one up
      if (entry.sum === undefined) made.set(hash, { hash, round, trained });
      if (entry.sum === undefined || hash !== entry.modelHash) latest = made.get(hash);
      if (kind === "popularity" || kind === "pairs") counted = latest;
    }
  }
  return plan.promotion === undefined ? latest : (promoted ?? counted);
}

/**
 * The model's file, kept below `models/`, where no older one stays; its certificate may lie beside it.
 * @throws TRB_NODE_COORDINATOR_UNREACHABLE, TRB_NODE_HOME_UNWRITABLE, TRB_SERVE_MODEL_UNUSABLE for a file that was changed and can't be fetched again
 */
export async function keepModel(
  layout: Layout,
  { hash }: Pick<LatestRelease, "hash">,
  client: Pick<CoordinatorClient, "blob">,
): Promise<void> {
  const path = join(layout.models, hash);
  if (existsSync(path) && sha256(readFileSync(path)) === hash) return;
  const octets = await client.blob(hash, { retries: 1 });
  mkdirSync(layout.models, { recursive: true, mode: 0o700 });
  await replaceFile(path, octets);
  for (const name of readdirSync(layout.models)) if (!name.startsWith(hash)) removeFile(join(layout.models, name));
}

/** @throws TRB_SERVE_MODEL_UNUSABLE, and what `decodeFederationModel` throws */
export function readReleased(layout: Layout, plan: Plan, { hash, round, trained }: LatestRelease): Released {
  let file: Buffer;
  try {
    file = readFileSync(join(layout.models, hash));
  } catch (cause) {
    throw fail("TRB_SERVE_MODEL_UNUSABLE", { reason: `models/${hash}: ${reasonOf(cause)}` }, cause);
  }
  if (sha256(file) !== hash) throw fail("TRB_SERVE_MODEL_UNUSABLE", { reason: `models/${hash} was changed` });
  return { hash, round, trained, model: decodeFederationModel(plan, file) };
}

/**
 * A folder of `tributary model export --hybrid`.
 * @throws TRB_SERVE_MODEL_UNUSABLE, and what `readHybrid` throws
 */
export function readArtefact(folder: string, items: number): OpenedHybrid {
  const read = (name: "model.onnx" | "tables.safetensors") => {
    try {
      return readFileSync(join(folder, name));
    } catch (cause) {
      throw fail("TRB_SERVE_MODEL_UNUSABLE", { reason: `${name}: ${reasonOf(cause)}` }, cause);
    }
  };
  const opened = readHybrid({ "model.onnx": read("model.onnx"), "tables.safetensors": read("tables.safetensors") });
  if (opened.similarity.items === items) return opened;
  const reason = `the artefact is of ${opened.similarity.items} items, and the catalogue has ${items}`;
  throw fail("TRB_SERVE_MODEL_UNUSABLE", { reason });
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
