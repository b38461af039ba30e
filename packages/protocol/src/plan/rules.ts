/**
 * What guards each field of a plan: the linter's rules, the form that the schema demands, what nodes and coordinators compare with their own, and, where a field
 * can't weaken the guarantee, the reason. `rules.test.ts` walks the schema and fails for a field that has none of these; docs/plan-rules.md is made of it.
 */
import { planFields } from "./fields.ts";
import { lintRules } from "./lint.ts";
import { remarkRules } from "./remarks.ts";
import type { FieldRule } from "./rule.ts";

/** What the form alone refuses. */
const form: readonly FieldRule[] = [
  {
    name: "version",
    fields: ["version", "catalogueParts.*.version", "catalogueParts.*.purpose"],
    codes: ["TRB_PLAN_INVALID"],
    why: "A document of another version means something else by its fields; a signature counts for the purpose that it was given for.",
  },
  {
    name: "unit",
    fields: ["unit", "maxMerchantsPerCustomer"],
    codes: ["TRB_PLAN_INVALID"],
    why: "ε means nothing without whom it is of: a plan that leaves out the unit, or at how many merchants one person may be, is none.",
  },
  {
    name: "one quorum",
    fields: ["threshold", "minCohort", "maxCorrupt"],
    codes: ["TRB_PLAN_INVALID"],
    why: "The threshold follows from the nodes and from maxCorrupt. A smaller one would let a coordinator have two sets of survivors signed, and see a difference; a cohort below 3 hides nobody.",
  },
  {
    name: "known mechanisms",
    fields: [
      "noiseMode",
      "sampler",
      "accountant",
      "releases.*.kind",
      "releases.*.arithmetic",
      "releases.*.schedule.shape",
      "acceptance.metric",
    ],
    codes: ["TRB_PLAN_INVALID", "TRB_PLAN_MECHANISM_UNPAID"],
    why: "Only what the accountant has a proof for can be written down. An unknown key is refused, and one that asks for clip adaptation, correlated noise, fixed batches, weights by counts, a vocabulary, tuning or a budget that comes back says why.",
  },
  {
    name: "bounds of the form",
    fields: [
      ...["releases.*.fractionBits", "releases.*.rounds", "releases.*.dimension", "releases.*.packing.bits"],
      ...["statistics.window", "statistics.latest", "warmStart.walks", "warmStart.epochs", "warmStart.batch"],
      ...["caps.maxEvents", "caps.maxItems", "caps.maxPairs", "caps.localSteps", "graph.dropouts", "statistics.weighBy"],
      ...["optimiser.name", "selection.distribution", "initialModel", "warmStart.repeats", "rosterNotice"],
    ],
    codes: ["TRB_PLAN_INVALID"],
    why: "Caps are what bounds one customer's vector, so each has to be there; a grid finer than 20 bits, or a list longer than a round can hold, is no plan.",
  },
];

/** What nodes, coordinators and auditors compare with their own. */
const parties: readonly FieldRule[] = [
  {
    name: "training graph",
    fields: ["graphHash", "graphVersion", "model", "trained"],
    codes: ["TRB_PLAN_GRAPH_MISMATCH"],
    why: "Clipping lives in the graph. A node builds it itself from the model that the plan describes, and refuses a plan that means another.",
  },
  {
    name: "initial model",
    fields: ["initialModelHash", "initialModel"],
    codes: ["TRB_PLAN_INITIAL_MODEL_UNDECLARED", "TRB_COORDINATOR_MODEL_MISMATCH"],
    why: "A model that was trained on somebody's data would release it unpaid. It follows from the model's description, or is declared public, which every statement then says.",
  },
  {
    name: "catalogue's bytes",
    fields: ["catalogueHash", "catalogueParts.*.part", "catalogueParts.*.items"],
    codes: ["TRB_NODE_CATALOGUE_MISMATCH", "TRB_COORDINATOR_CATALOGUE_MISMATCH", "TRB_PLAN_CATALOGUE_PART_OTHER"],
    why: "What is declared of a list holds for the list with that hash only.",
  },
  {
    name: "merchants' words",
    fields: [
      ...["catalogueParts.*.signature", "catalogueParts.*.key", "catalogueParts.*.name", "catalogueParts.*.part"],
      ...["catalogueParts.*.items", "catalogueParts.*.provenance", "catalogueParts.*.selection.maxItems"],
    ],
    codes: ["TRB_PLAN_CATALOGUE_PART_SIGNATURE"],
    why: "That a list is public, or what selecting it cost, is the merchant's claim and not the coordinator's.",
  },
  {
    name: "coordinator's key",
    fields: ["coordinatorKey", "federation"],
    codes: ["TRB_COORDINATOR_PLAN_OTHER_KEY", "TRB_NODE_PLAN_SIGNATURE_INVALID", "TRB_NODE_COORDINATOR_KEY_MISMATCH"],
    why: "Everything of a federation is bound to its name and signed by this key, which an invite names by its fingerprint.",
  },
  {
    name: "extensions' files",
    fields: ["extensions.*.sha256"],
    codes: ["TRB_POLICY_EXTENSION_UNKNOWN"],
    why: "A node runs no code whose hash its merchant has not accepted.",
  },
  {
    name: "merchant's policy",
    fields: ["epsilon", "delta", "minCohort", "releases.*.kind", "model.family"],
    codes: [
      ...(["TRB_POLICY_PLAN_ABOVE_LIMIT", "TRB_POLICY_DELTA_TOO_LARGE", "TRB_POLICY_COHORT_TOO_SMALL"] as const),
      ...(["TRB_POLICY_RELEASE_FORBIDDEN", "TRB_POLICY_FAMILY_FORBIDDEN"] as const),
    ],
    why: "What a plan may cost at all is each merchant's to say.",
  },
];

const inGraph =
  "It is part of the model, whose graph each node builds itself; whatever a customer's vector is, it is clipped to C.";
const afterwards =
  "It says what is made of released sums, by the coordinator or by whoever has the ledger. That looks at nothing else.";

/** Fields that can't weaken the guarantee, whatever they say, and why. */
export const harmlessFields: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      ...["extension", "length", "width", "blocks", "heads", "feedForward", "activation", "positions", "steps", "masked"],
      ...["output", "item", "item.ids", "item.attributes.*.name", "item.attributes.*.values", "item.features", "timeGaps"],
      ...["dwells", "prices", "topics", "nextItem", "nextItem.loss", "nextItem.calibration", "weights", "churnDays"],
      ...["weights.nextItem", "weights.nextAction", "weights.churn", "weights.purchase", "items", "item.attributes"],
    ].map((field) => [`model.${field}`, inGraph]),
  ),
  "model.dropout":
    "What is dropped is drawn from randomness of the round and of the customer, never from who else is in the batch; the vector is clipped all the same.",
  "model.nextItem.negatives":
    "Negatives are drawn from the catalogue by the round's randomness, never from other customers of the batch; the vector is clipped all the same.",
  ...Object.fromEntries(
    [
      ...["statistics.weighBy", "warmStart.repeats", "warmStart.seed", "warmStart.walks", "warmStart.epochs"],
      ...["warmStart.batch", "optimiser", "optimiser.numbers", "optimiser.numbers.*", "statistics.latest"],
    ].map((field) => [field, afterwards]),
  ),
  "features.now":
    "It is written into the plan before anything is read, so that it is a constant; which events count follows from it alone.",
  local: "It is what a node does with one vector before it is clipped.",
  "local.epochs": "A device's update is clipped after its last pass, however many there are.",
  "local.batchSize": "Only a device batches, and its batches are its own customer's events: the whole update is clipped.",
  caps: "A section: its fields are guarded by themselves.",
  deadlines: "A section: its fields are guarded by themselves.",
};

/** One row of the table: what guards a field. */
export interface GuardedField {
  readonly field: string;
  readonly rules: readonly FieldRule[];
  /** Why it needs no rule, where it has none or has this beside it. */
  readonly harmless: string | null;
}

/** Who refuses by a rule. */
export const planRules: readonly {
  readonly by: "linter" | "form" | "party" | "remark";
  readonly rules: readonly FieldRule[];
}[] = [
  { by: "linter", rules: lintRules },
  { by: "form", rules: form },
  { by: "party", rules: parties },
  { by: "remark", rules: remarkRules },
];

/** Every field of the schema, in its order of names; a remark guards nothing. */
export function guardedFields(): readonly GuardedField[] {
  const guards = planRules.flatMap(({ by, rules }) => (by === "remark" ? [] : rules));
  return planFields().map((field) => ({
    field,
    rules: guards.filter(({ fields }) => fields.includes(field)),
    harmless: harmlessFields[field] ?? null,
  }));
}

/** Fields that rules and reasons name, and no plan has: left over from a schema that changed. */
export function unknownGuards(): readonly string[] {
  const known = new Set(planFields());
  const named = [...planRules.flatMap(({ rules }) => rules.flatMap(({ fields }) => fields)), ...Object.keys(harmlessFields)];
  return [...new Set(named.filter((field) => !known.has(field)))];
}
