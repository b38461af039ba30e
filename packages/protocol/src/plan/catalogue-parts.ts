/**
 * Of whose parts a federation's catalogue is made. Each merchant signs for its own: that the list is public, or under which (ε, δ) it was selected from its
 * customers' behaviour. The plan holds these declarations, and so the ledger's first entry does, and what a selection cost is part of what the plan
 * costs from then on.
 *
 * A selection is (ε, δ)-private in both directions, so but for a probability of δ it is as private as randomised response with ε (Kairouz, Oh, Viswanath, "The
 * composition theorem for differential privacy", 2015; Murtagh, Vadhan 2016, Lemma 3.2): its Rényi divergences add to those of the rounds, and ε is
 * read off at the plan's δ less its own. By `lattice` both are simply added. A person who is a customer of k merchants pays for the k dearest parts.
 */
import { rdpIntegerOrders, rdpPure } from "@tributary/dp";
import { z } from "zod";
import { parseDecimal } from "../canonical/decimals.ts";
import type { Crypto } from "../crypto/crypto.ts";
import { decimal, federationName, type IdentityKey, identityKey, sha256Hex, signatureHex } from "../identifiers.ts";
import { type Signer, signDocument, verifyDocument } from "../messages/sign.ts";
import type { PlanLanguage } from "./language.ts";
import type { Report } from "./rule.ts";
import type { Plan } from "./schema.ts";

/** What naming items cost each customer of the merchant. */
const partSelectionSchema = z.strictObject({
  epsilon: decimal,
  delta: decimal,
  /** Most items of one customer that counted. */
  maxItems: z.int().min(1),
});

export const cataloguePartSchema = z.strictObject({
  version: z.literal(1),
  purpose: z.literal("catalogue-part"),
  /** What the merchant calls itself, and its namespace where it has one. */
  name: federationName,
  /** Whose declaration it is: the node's identity. */
  key: identityKey,
  /** SHA-256 of the part's canonical bytes. */
  part: sha256Hex,
  items: z.int().min(1),
  /** `public`: not derived from anybody's behaviour. */
  provenance: z.enum(["public", "dp-selection"]),
  /** There exactly when it was selected. */
  selection: partSelectionSchema.exactOptional(),
  signature: signatureHex,
});
export type CataloguePart = z.infer<typeof cataloguePartSchema>;

/** Parts of one catalogue, at most one a merchant. */
export const cataloguePartsSchema = z.array(cataloguePartSchema).min(1).max(1000);

/** Signs for a part, by the node's identity key. */
export function declarePart(
  signer: Signer & { readonly key: IdentityKey },
  { name, part, items, provenance, selection }: Omit<CataloguePart, "version" | "purpose" | "key" | "signature">,
): CataloguePart {
  return signDocument(signer, {
    ...({ version: 1, purpose: "catalogue-part", name, key: signer.key, part, items, provenance } as const),
    ...(selection === undefined ? {} : { selection }),
  });
}

/** Names of parts whose signature is not that of the key that they name. */
export function falselySignedParts(crypto: Pick<Crypto, "verify">, parts: readonly CataloguePart[] = []): readonly string[] {
  return parts.filter((part) => !verifyDocument(crypto, part, part.key)).map(({ name }) => name);
}

/** Where a catalogue comes from, by its parts: one part that was selected makes it selected. */
export const provenanceOf = (parts: readonly CataloguePart[]): Plan["catalogueProvenance"] =>
  parts.some(({ provenance }) => provenance === "dp-selection") ? "dp-selection" : "public";

/** A plan that says of its catalogue what its parts don't bear out, or that has nobody's word for a selection, is none. */
export function cataloguePartsRule(
  { catalogueParts: parts = [], catalogueProvenance }: Plan,
  _: unknown,
  report: Report,
): void {
  const unfit = (path: string, reason: string) => report("TRB_PLAN_CATALOGUE_PARTS_UNFIT", path, { reason });
  const selected = parts.some(({ provenance }) => provenance === "dp-selection");
  if (catalogueProvenance === "dp-selection" && !selected)
    unfit(
      "catalogueProvenance",
      "it says that items were selected privately, and no merchant's declaration says what that cost",
    );
  if (catalogueProvenance !== "dp-selection" && selected)
    unfit("catalogueProvenance", `it says ${catalogueProvenance}, and a part was selected from behaviour`);
  for (const key of ["key", "name"] as const) {
    if (new Set(parts.map((part) => part[key])).size < parts.length) unfit("catalogueParts", `two parts have one ${key}`);
  }
  for (const [place, { provenance, selection }] of parts.entries()) {
    const path = `catalogueParts.${place}`;
    if ((provenance === "dp-selection") !== (selection !== undefined))
      unfit(path, "a part has the cost of its selection exactly when it was selected");
    if (selection === undefined) continue;
    if (!(parseDecimal(selection.epsilon) > 0)) unfit(`${path}.selection.epsilon`, "it is not above 0");
    const delta = parseDecimal(selection.delta);
    if (!(delta > 0 && delta < 1)) unfit(`${path}.selection.delta`, "it is not between 0 and 1");
  }
}

export interface PartsCost {
  readonly epsilon: number;
  readonly delta: number;
  /** `[orders]` nats at the orders of `rdp-integer`, outside of a probability of `delta`. */
  readonly rdp: readonly number[];
}

/** More than float64 loses in a handful of operations. */
const rounding = 1 + 1e-12;

/** What one customer pays at most for the selection of parts; undefined where none was selected. */
export function partsCost({ catalogueParts = [], maxMerchantsPerCustomer }: Plan): PartsCost | undefined {
  const selections = catalogueParts.flatMap(({ selection }) => (selection === undefined ? [] : [selection]));
  if (selections.length === 0) return undefined;
  const dearest = (costs: readonly number[]) => costs.toSorted((a, b) => b - a).slice(0, maxMerchantsPerCustomer);
  const epsilons = dearest(selections.map(({ epsilon }) => parseDecimal(epsilon)));
  const deltas = dearest(selections.map(({ delta }) => parseDecimal(delta)));
  const sum = (numbers: readonly number[]) => rounding * numbers.reduce((total, value) => total + value, 0);
  return {
    epsilon: sum(epsilons),
    delta: sum(deltas),
    rdp: rdpIntegerOrders.map((order) => sum(epsilons.map((epsilon) => rdpPure(epsilon, order)))),
  };
}

/** Whether something is spent before the first round. */
export const isSpentBefore = (plan: Plan): boolean => plan.selection !== undefined || partsCost(plan) !== undefined;

interface Words {
  readonly declared: (parts: readonly CataloguePart[]) => string;
  readonly selected: (name: string, epsilon: string, delta: string) => string;
  readonly cost: (selected: readonly string[], merchants: number, epsilon: string, delta: string) => string;
}

const words: Readonly<Record<PlanLanguage, Words>> = {
  en: {
    declared: (parts) =>
      `Of ${parts.length} ${parts.length === 1 ? "part" : "parts"} each has its merchant's signed word: ${parts.map(({ name, items }) => `${name} (${items} items)`).join(", ")}.`,
    selected: (name, epsilon, delta) => `${name} at ε = ${epsilon}, δ = ${delta}`,
    cost: (selected, merchants, epsilon, delta) =>
      `Selected from behaviour, by each merchant alone with all the noise its own: ${selected.join("; ")}. Beside the rounds ${merchants === 1 ? "a merchant's customers" : `a customer of ${merchants} merchants`} pay at most ε = ${epsilon} and δ = ${delta} of the plan's for that.`,
  },
  zh: {
    declared: (parts) =>
      `清单由 ${parts.length} 部分组成，每部分都有其商家签名的声明：${parts.map(({ name, items }) => `${name}（${items} 件商品）`).join("、")}。`,
    selected: (name, epsilon, delta) => `${name}（ε = ${epsilon}，δ = ${delta}）`,
    cost: (selected, merchants, epsilon, delta) =>
      `由行为选出、且由各商家单独加入全部噪声的有：${selected.join("；")}。在各轮之外，${merchants === 1 ? "商家的顾客" : `${merchants} 家商家的一位顾客`}为此至多付出计划中的 ε = ${epsilon} 和 δ = ${delta}。`,
  },
};

/** In words, for `plan explain`. */
export function partsSentences(plan: Plan, language: PlanLanguage): string[] {
  const { catalogueParts: parts = [], maxMerchantsPerCustomer } = plan;
  if (parts.length === 0) return [];
  const said = words[language];
  const paid = partsCost(plan);
  if (paid === undefined) return [said.declared(parts)];
  const selected = parts.flatMap(({ name, selection }) =>
    selection === undefined ? [] : [said.selected(name, selection.epsilon, selection.delta)],
  );
  return [
    said.declared(parts),
    said.cost(selected, maxMerchantsPerCustomer, paid.epsilon.toPrecision(6), paid.delta.toPrecision(6)),
  ];
}
