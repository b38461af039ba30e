/**
 * The first start of a home: everything that a federation stands on is checked and stored before anybody is let in. Later starts
 * only compare.
 */
import { fail } from "@tributary/errors";
import { broughtModel, encodeFederationModel, initialFederationModel } from "@tributary/federation";
import { readCheckpoint, trainedCount } from "@tributary/model";
import {
  falselySignedParts,
  lintPlan,
  type Plan,
  parsePlan,
  planHash,
  requireSoundPlan,
  type Sha256,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { CoordinatorIdentity } from "./home/identity.ts";
import type { HomeLayout } from "./home/layout.ts";
import { type Blobs, sha256Of } from "./storage/blobs.ts";
import { publicItems } from "./storage/catalogue.ts";
import type { Store } from "./storage/store.ts";

export interface FoundingRequest {
  /** plan.json, parsed or not; needed at the first start only. */
  readonly plan?: unknown;
  /** The catalogue's canonical bytes; needed at the first start only. */
  readonly catalogue?: Uint8Array;
  /** The initial model's file where the plan declares it public; needed at the first start only. */
  readonly initialModel?: Uint8Array;
  /** Lets a catalogue taken from the log through, as only the demo may. */
  readonly demo?: boolean;
}

export interface Founded {
  readonly plan: Plan;
  readonly planHash: Sha256;
}

/**
 * @throws TRB_PLAN_INVALID, what `lintPlan` finds first, TRB_COORDINATOR_HOME_EMPTY, TRB_COORDINATOR_HOME_OTHER_PLAN,
 *   TRB_COORDINATOR_PLAN_OTHER_KEY, TRB_COORDINATOR_CATALOGUE_MISSING, TRB_COORDINATOR_CATALOGUE_MISMATCH,
 *   TRB_COORDINATOR_MODEL_MISMATCH, TRB_COORDINATOR_STORE_DAMAGED
 */
export async function foundFederation(
  layout: HomeLayout,
  store: Store,
  blobs: Blobs,
  identity: CoordinatorIdentity,
  request: FoundingRequest,
): Promise<Founded> {
  const { home } = layout;
  const crypto = nodeCrypto();
  const stored = await store.plan();
  const given = request.plan === undefined ? undefined : parsePlan(request.plan);
  if (stored && given && planHash(crypto, given) !== stored.hash) {
    throw fail("TRB_COORDINATOR_HOME_OTHER_PLAN", { home, planHash: stored.hash });
  }
  const plan = stored?.plan ?? given;
  if (!plan) throw fail("TRB_COORDINATOR_HOME_EMPTY", { home });
  const hash = stored?.hash ?? planHash(crypto, plan);

  if (plan.coordinatorKey !== identity.key) {
    throw fail("TRB_COORDINATOR_PLAN_OTHER_KEY", { fingerprint: identity.fingerprint });
  }
  if (!stored) requireSound(plan, request.demo ?? false);
  await keepCatalogue(home, blobs, plan, request.catalogue);
  if (!stored && plan.statistics !== undefined) await requireItems(plan, blobs, request.demo ?? false);
  await keepInitialModel(blobs, plan, request.initialModel);
  if (!stored) await store.found(plan, hash); // last: a home with a plan is a whole one
  return { plan, planHash: hash };
}

function requireSound(plan: Plan, demo: boolean): void {
  const [finding] = lintPlan(plan, { demo, parameterCount: trainedCount(plan.model, plan.trained) });
  if (finding) throw fail(finding.code, finding.details);
  const [name] = falselySignedParts(nodeCrypto(), plan.catalogueParts);
  if (name !== undefined) throw fail("TRB_PLAN_CATALOGUE_PART_SIGNATURE", { name });
}

/** Statistics are counted by the catalogue's items, so the plan's dimensions must be of this catalogue. */
async function requireItems(plan: Plan, blobs: Blobs, demo: boolean): Promise<void> {
  requireSoundPlan(plan, { demo, catalogueItems: publicItems(await blobs.read(plan.catalogueHash)).length });
}

async function keepCatalogue(
  home: string,
  blobs: Blobs,
  { catalogueHash }: Plan,
  catalogue: Uint8Array | undefined,
): Promise<void> {
  if (catalogue) {
    const actual = sha256Of(catalogue);
    if (actual !== catalogueHash) throw fail("TRB_COORDINATOR_CATALOGUE_MISMATCH", { actual, expected: catalogueHash });
    await blobs.put(catalogue);
  }
  if (!(await blobs.has(catalogueHash))) throw fail("TRB_COORDINATOR_CATALOGUE_MISSING", { sha256: catalogueHash, home });
}

async function keepInitialModel(blobs: Blobs, plan: Plan, given: Uint8Array | undefined): Promise<void> {
  const { initialModelHash } = plan;
  if (await blobs.has(initialModelHash)) return;
  const brought = plan.initialModel === "public" && given !== undefined;
  const model = brought
    ? broughtModel(plan, readCheckpoint(given, plan.model).parameters)
    : initialFederationModel(nodeCrypto(), plan);
  const bytes = encodeFederationModel(plan, model);
  const actual = sha256Of(bytes);
  if (actual !== initialModelHash) throw fail("TRB_COORDINATOR_MODEL_MISMATCH", { actual, expected: initialModelHash });
  await blobs.put(bytes);
}
