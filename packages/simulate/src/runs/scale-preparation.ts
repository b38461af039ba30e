/** From a run's settings to everything that its rounds stand on: log, split, plan. Whoever does it, with the same settings, has the same. */
import { fail } from "@tributary/errors";
import type { Catalogue } from "@tributary/events";
import type { Crypto, Plan } from "@tributary/protocol";
import { planDocument } from "../plan-document.ts";
import { type HeldOutPopulation, holdOutLast } from "../scale/held-out.ts";
import { marketLog } from "../scale/market-log.ts";
import { customersOf } from "../scale/population.ts";
import { scalePlan } from "../scale/scale-plan.ts";
import { coordinatorKeyOf } from "../scale/secure-path.ts";
import { type Log, splitLog } from "../scale/split.ts";
import type { ScaleRunSettings } from "./scale-run.ts";

export interface PreparedLog extends Log {
  readonly catalogue: Catalogue;
  readonly provenance: Plan["catalogueProvenance"];
}

export interface PreparedRun {
  readonly log: PreparedLog;
  readonly held: HeldOutPopulation;
  readonly plan: Plan;
  readonly why: readonly string[];
  /** 32 bytes. */
  readonly seed: Uint8Array;
}

/** @throws TRB_SIMULATE_…, and what planning throws */
export async function prepareScale(
  { source, seed, split, robust, conditions, plan: wishes }: ScaleRunSettings,
  crypto: Crypto,
  given?: () => Promise<PreparedLog>,
  onCustomers?: (done: number, of: number) => void,
): Promise<PreparedRun> {
  const log = source.kind === "log" ? await givenLog(given) : synthetic(source, seed, onCustomers);
  const held = holdOutLast(splitLog(log, { ...split, seed }));
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, seed, true);
  const customers = customersOf(held.population);
  const cohort = { nodes: split.nodes, cohort: Math.floor(conditions.cohort / (robust?.groups ?? 1)) };
  const { plan: numbers, why } = scalePlan({ ...wishes, ...cohort, customers, catalogueItems: log.items });
  const plan = planDocument(crypto, numbers, {
    ...{ federation: "simulation", coordinatorKey: coordinatorKeyOf(crypto, bytes) },
    ...{ catalogue: log.catalogue, catalogueProvenance: log.provenance },
  });
  return { log, held, plan, why, seed: bytes };
}

function synthetic(
  source: Extract<ScaleRunSettings["source"], { kind: "synthetic" }>,
  seed: number,
  onCustomers?: (done: number, of: number) => void,
): PreparedLog {
  const { customers, items, categories } = source;
  return { ...marketLog({ seed, customers, items, categories }, (done, of) => onCustomers?.(done, of)), provenance: "public" };
}

async function givenLog(log: (() => Promise<PreparedLog>) | undefined): Promise<PreparedLog> {
  if (log !== undefined) return await log();
  throw fail("TRB_SIMULATE_SCALE_OPTION", { option: "events", value: "none", reason: "the settings name a log" });
}
