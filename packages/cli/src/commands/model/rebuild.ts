/** Makes a plan's warm start again from the statistics in a round's own file, and says how far the weights in that file are from it. */
import { fail } from "@tributary/errors";
import { catalogueBytes, parseCatalogue } from "@tributary/events";
import { decodeFederationModel, warmStartOf } from "@tributary/federation";
import { itemSimilarity } from "@tributary/model";
import type { Plan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { readInput } from "../../files.ts";
import type { LedgerModel } from "../../model-cards.ts";

export interface Rebuilt {
  /** To the last bit. Another machine or version may sum in another order, and training takes last digits further. */
  readonly same: boolean;
  /** Numbers that differ, and the largest difference. */
  readonly differing: number;
  readonly furthest: number;
}

/**
 * @param roundFile of the last statistics round: later ones hold weights that rounds of training moved
 * @throws TRB_CLI_BAD_OPTION, TRB_MODEL_CATALOGUE_OTHER, and what `warmStartOf` throws
 */
export async function rebuildWarmStart(
  plan: Plan | undefined,
  inLedger: LedgerModel | undefined,
  roundFile: Uint8Array,
  cataloguePath: string,
): Promise<Rebuilt> {
  const refuse = (value: string, expected: string) => fail("TRB_CLI_BAD_OPTION", { option: "--rebuild", value, expected });
  if (plan?.warmStart === undefined)
    throw refuse("a model without a warm start", "a ledger or plan in which training begins from statistics");
  const { parameters, statistics } = decodeFederationModel(plan, roundFile);
  if (inLedger?.kind === "training" || statistics?.popularity === undefined || statistics.query !== undefined) {
    throw refuse(
      inLedger === undefined ? "another round" : `round ${inLedger.round}`,
      "the model of the last statistics round: `model export --round` has it",
    );
  }
  const { items, ...rest } = parseCatalogue(readInput(cataloguePath));
  const found = Buffer.from(nodeCrypto().sha256(catalogueBytes({ items, ...rest }))).toString("hex");
  if (found !== plan.catalogueHash)
    throw fail("TRB_MODEL_CATALOGUE_OTHER", { source: "the model", found, expected: plan.catalogueHash });
  const again = await warmStartOf(
    plan,
    { statistics },
    { executor: onnxruntimeExecutor(), similarity: () => itemSimilarity(items) },
  );
  const differences = Array.from(again, (value, i) => Math.abs(value - (parameters[i] as number)));
  const differing = differences.filter((difference) => difference !== 0).length;
  return { same: differing === 0, differing, furthest: differences.reduce((most, one) => Math.max(most, one), 0) };
}

export function rebuiltInWords({ same, differing, furthest }: Rebuilt): string {
  return same
    ? "  warm start  made again from the released statistics: the same to the last bit"
    : `  warm start  made again from the released statistics: ${differing} numbers differ, by ${furthest.toPrecision(2)} at most; on the coordinator's kind of machine none should`;
}
