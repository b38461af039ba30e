/**
 * The fast path's rounds by workers on any machine: a round's nodes are dealt out in shares, each a job of a table that all see, and what is large
 * lies in a store that all see. Sums are integers modulo 2³², so who does which share changes no bit.
 *
 * What is read back is what this file wrote.
 *
 *   settings, once a run ─▶ store          worker: customers from the settings, kept between jobs
 *   model, nodes of a round ─▶ store       worker: share ─▶ Σ noisy vectors of its nodes ─▶ store, its hash ─▶ table
 */
import { createHash, randomBytes } from "node:crypto";
import { fail } from "@tributary/errors";
import { decodeFederationModel, encodeFederationModel, type FederationModel } from "@tributary/federation";
import { type Plan, type Sha256, sha256Hex, vectorOctets, vectorOf, wireFormOf } from "@tributary/protocol";
import { runId } from "../runs/run-folder.ts";
import type { ScaleRunSettings } from "../runs/scale-run.ts";
import type { Aggregation } from "./aggregation.ts";
import { outcomeOf } from "./outcome.ts";

/** Contents with names that all machines see; a coordinator's `openObjects` gives one. */
export interface ShareStore {
  put(name: string, content: Uint8Array): Promise<void>;
  read(name: string): Promise<Uint8Array | undefined>;
  erase(name: string): Promise<void>;
  list(prefix: string): Promise<string[]>;
}

/** Jobs that all machines see; a coordinator's `openShares` gives one. */
export interface ShareTable {
  run(task: string, asked: readonly unknown[], taken: (share: number, answer: unknown) => Promise<void>): Promise<void>;
  clear(prefix: string): Promise<void>;
}

export interface SharedRounds {
  readonly store: ShareStore;
  readonly shares: ShareTable;
  /** The run's id, which its settings' hash begins with. */
  readonly run: string;
}

/** What is asked of a worker: some nodes of a round. */
export interface ShareAsked {
  readonly run: string;
  readonly task: string;
  readonly share: number;
  /** Places in the round's nodes: from, and up to. */
  readonly from: number;
  readonly to: number;
}

/** What it answers. */
export interface ShareAnswer {
  readonly sha256: Sha256;
}

/** What a round's shares have in common, beside the model. */
export interface SharedRound {
  readonly round: number;
  readonly release: number;
  readonly nodes: readonly number[];
  readonly adversaries: readonly number[];
}

/** So many find several machines enough to do, and none of them waits long for the last. */
const most = 24;

const prefixOf = (run: string) => `simulation-${run}`;
const names = {
  settings: (run: string) => `work/${prefixOf(run)}-settings`,
  round: (task: string) => `work/${task}-round`,
  model: (task: string) => `work/${task}-model`,
  sum: (task: string, share: number) => `work/${task}-sum-${share}`,
};
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const parsed = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));
const hashOf = (bytes: Uint8Array) => sha256Hex.parse(createHash("sha256").update(bytes).digest("hex"));

/** Before the first round, and after whatever a run that was killed left. */
export async function publishSettings(
  where: Pick<SharedRounds, "store" | "shares">,
  run: string,
  settings: ScaleRunSettings,
): Promise<void> {
  await clearShares(where, run);
  await where.store.put(names.settings(run), json(settings));
}

/** Nothing of a run stays with the workers' store and table. */
export async function clearShares({ store, shares }: Pick<SharedRounds, "store" | "shares">, run: string): Promise<void> {
  await shares.clear(prefixOf(run));
  for (const name of await store.list(`work/${prefixOf(run)}`)) await store.erase(name);
}

/** @throws TRB_SIMULATE_RUN_UNREADABLE when they are not the run's; undefined when the run is over */
export async function readSettings(store: ShareStore, run: string): Promise<ScaleRunSettings | undefined> {
  const bytes = await store.read(names.settings(run));
  if (bytes === undefined) return undefined;
  const settings = parsed(bytes) as ScaleRunSettings; // as `publishSettings` wrote them, which their hash says
  if (runId({ ...settings }) === run) return settings;
  throw fail("TRB_SIMULATE_RUN_UNREADABLE", { file: names.settings(run), reason: "the settings are of another run" });
}

/** A round's nodes, and the model they start from; undefined when nobody waits for it any more. */
export async function readRound(
  store: ShareStore,
  task: string,
  plan: Plan,
): Promise<{ readonly round: SharedRound; readonly model: FederationModel } | undefined> {
  const [round, model] = [await store.read(names.round(task)), await store.read(names.model(task))];
  if (round === undefined || model === undefined) return undefined;
  return { round: parsed(round) as SharedRound, model: decodeFederationModel(plan, model) };
}

/** @returns what a worker answers */
export async function writeShare(
  store: ShareStore,
  { task, share }: Pick<ShareAsked, "task" | "share">,
  sum: Uint32Array,
): Promise<ShareAnswer> {
  const octets = vectorOctets(sum);
  await store.put(names.sum(task, share), octets);
  return { sha256: hashOf(octets) };
}

/** As `openFastPath`, with distributed noise. */
export function openSharedPath(plan: Plan, { store, shares, run }: SharedRounds): Aggregation {
  return {
    async attempt(attempt, { round, release, model }, apply) {
      const outcome = outcomeOf(attempt, plan);
      if (!outcome.released) return { released: false, charged: outcome.charged, cohort: 0, survivors: 0, work: [] };
      const { survivors, cohort } = outcome;
      const task = `${prefixOf(run)}-${round}-${randomBytes(6).toString("hex")}`;
      const dealt: SharedRound = { round, release, nodes: [...survivors], adversaries: [...attempt.adversaries] };
      const sum = new Uint32Array(wireFormOf(plan, release).coordinates);
      try {
        await store.put(names.model(task), encodeFederationModel(plan, model));
        await store.put(names.round(task), json(dealt));
        const asked = sharesOf(survivors.length).map(([from, to], share): ShareAsked => ({ run, task, share, from, to }));
        await shares.run(task, asked, async (share, answer) => {
          const octets = await store.read(names.sum(task, share));
          if (octets === undefined || hashOf(octets) !== (answer as ShareAnswer).sha256) {
            throw fail("TRB_SIMULATE_RUN_UNREADABLE", {
              file: names.sum(task, share),
              reason: "it is not what its worker wrote",
            });
          }
          const part = vectorOf(octets);
          for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (part[i] as number);
          await store.erase(names.sum(task, share));
        });
      } finally {
        for (const name of await store.list(`work/${task}`)) await store.erase(name);
      }
      await apply({ sum, survivors: survivors.length, noiseShares: survivors.length });
      return { released: true, charged: true, cohort, survivors: survivors.length, work: [] };
    },
    save: () => null,
    finish: async () => undefined,
  };
}

/** Places in a list of nodes: from, and up to. */
function sharesOf(nodes: number): readonly (readonly [number, number])[] {
  const shares = Math.min(most, nodes);
  const bound = (share: number) => Math.floor((share * nodes) / shares);
  return Array.from({ length: shares }, (_, share) => [bound(share), bound(share + 1)] as const);
}
