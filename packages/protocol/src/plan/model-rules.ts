/** Rules about what is trained, from where, and how; and about the public lists that it stands on. */
import { parseDecimal } from "../canonical/decimals.ts";
import { acceptanceRule } from "./acceptance.ts";
import { cataloguePartsRule } from "./catalogue-parts.ts";
import { extensionsRule } from "./extensions-rule.ts";
import { metricsRule } from "./metrics-rule.ts";
import { optimiserFaults } from "./optimiser.ts";
import { type LintOptions, outOfRange, type Report, type Rule } from "./rule.ts";
import type { Plan } from "./schema.ts";
import { statisticsRule } from "./statistics-rule.ts";
import { warmStartRule } from "./warm-start.ts";

/** Actions that a plan may name. Held equal to the list of `@tributary/events` by `lint.test.ts`. */
export const knownActions: readonly string[] = [
  "view",
  "cart",
  "favourite",
  "buy",
  "search",
  "login",
  "category",
  "checkout",
  "impression",
  "advertClick",
];

const statisticsFields = [
  ...["firstPopularity", "firstContent", "firstNorm", "aliveAbove", "weightFloor", "weightPower", "laterNorm", "priorMean"],
  ...["priorPopularity", "roundOdds", "finalOdds", "roundContent", "finalContent", "keepAbove", "targetPopularity"],
  ...["contentWeight", "contentSharpness", "decay"],
];
const optimiserFields = [
  ...["learningRate", "l1", "l2", "weightDecay", "updateNorm", "momentum", "beta1", "beta2", "epsilon", "decay", "floor"],
];

const local: Rule = {
  name: "local training",
  fields: ["local.learningRate", "local.proximal"],
  codes: ["TRB_PLAN_VALUE_OUT_OF_RANGE"],
  why: "A learning rate of 0 or less, or a pull that jumps over the model it pulls to, trains nothing: a budget spent for noise.",
  check: localTrainingRule,
};

const trained: Rule = {
  name: "trained tensors",
  fields: ["trained", "trained.*", "initialModel"],
  codes: ["TRB_PLAN_TRAINED_UNFIT"],
  why: "Clipping and noise are of the trained tensors alone, so that each has to be named once and for something. A model that is declared public is one that training begins at.",
  check: trainedRule,
};

const catalogue: Rule = {
  name: "catalogue",
  fields: ["catalogueProvenance"],
  codes: ["TRB_PLAN_CATALOGUE_FROM_LOG"],
  why: "A list of items that was taken from a log tells by itself what people had, before the first noise: an item of one customer is that customer's. Demonstrations only, which say so in every output.",
  check: ({ catalogueProvenance }, { demo = false }, report) => {
    if (catalogueProvenance === "log" && !demo) report("TRB_PLAN_CATALOGUE_FROM_LOG", "catalogueProvenance");
  },
};

const parts: Rule = {
  name: "parts of the catalogue",
  fields: [
    ...["catalogueProvenance", "catalogueParts", "catalogueParts.*.name", "catalogueParts.*.key"],
    ...["catalogueParts.*.provenance", "catalogueParts.*.selection"],
    ...["catalogueParts.*.selection.epsilon", "catalogueParts.*.selection.delta"],
  ],
  codes: ["TRB_PLAN_CATALOGUE_PARTS_UNFIT"],
  why: "A list that was selected from behaviour cost its customers something, and each merchant signs for how much. Without that word the cost would be missing from ε; with a word that contradicts the plan one of the two is wrong.",
  check: cataloguePartsRule,
};

const actions: Rule = {
  name: "actions",
  fields: ["actions", "actions.*", "model.actions"],
  codes: ["TRB_PLAN_ACTION_UNKNOWN", "TRB_PLAN_ACTION_REPEATED", "TRB_PLAN_ACTION_OUT_OF_PLACE", "TRB_PLAN_ACTIONS_MISMATCH"],
  why: "An action is its place in one fixed list. A list that was made of what occurs in a log would tell what does.",
  check: actionsRule,
};

const model: Rule = {
  name: "model",
  fields: ["model.length", "caps.maxEvents", "model.heads", "model.width", "model.weights.nextAction", "model.actions"],
  codes: ["TRB_PLAN_LENGTH_ABOVE_CAP", "TRB_PLAN_VALUE_OUT_OF_RANGE"],
  why: "A customer counts with at most caps.maxEvents events, which a model that reads more would not keep to; the rest is what can't be built.",
  check: modelRule,
};

const optimiser: Rule = {
  name: "server optimiser",
  fields: optimiserFields.map((field) => `optimiser.${field}`),
  codes: ["TRB_PLAN_VALUE_OUT_OF_RANGE"],
  why: "It sees released sums only, so that no privacy depends on its numbers; out of range they would waste what was paid.",
  check: ({ optimiser: named }, _, report) => {
    for (const { field, expected, value } of optimiserFaults(named)) outOfRange(report, `optimiser.${field}`, expected, value);
  },
};

const statistics: Rule = {
  name: "statistics",
  fields: [
    ...["statistics", ...statisticsFields.map((field) => `statistics.${field}`), "releases", "releases.*.kind"],
    ...["releases.*.touched", "releases.*.clipNorm", "releases.*.samplingRate", "releases.*.arithmetic"],
    ...["releases.*.dimension", "caps.maxItems", "caps.maxPairs", "unit"],
  ],
  codes: [
    "TRB_PLAN_STATISTICS_UNFIT",
    "TRB_PLAN_RELEASES_OUT_OF_ORDER",
    "TRB_PLAN_ITEMS_MISMATCH",
    "TRB_PLAN_VALUE_OUT_OF_RANGE",
  ],
  why: "One customer moves a statistic by at most 1 in as many coordinates as the caps say, once, in sums of everybody; what is asked next follows from sums released before. Anything else would be another sensitivity than the one that is paid for, or candidates that nobody released.",
  check: statisticsRule,
};

const warmStart: Rule = {
  name: "warm start",
  fields: [
    ...["warmStart", "warmStart.learningRate", "model", "model.items", "model.family", "model.output"],
    ...["model.item.ids", "model.item.attributes", "model.item.features", "model.weights.churn", "model.weights.purchase"],
  ],
  codes: ["TRB_PLAN_WARM_START_UNFIT"],
  why: "It costs nothing because it looks at released statistics alone: without statistics there is nothing that it may look at.",
  check: warmStartRule,
};

const written: Rule = {
  name: "metrics, moments of features, queries",
  fields: [
    ...["metrics", "metrics.heldOut", "metrics.lossBound", "features", "unit", "releases", "releases.*.kind"],
    ...["releases.*.arithmetic", "releases.*.dimension", "releases.*.touched", "releases.*.clipNorm"],
  ],
  codes: ["TRB_PLAN_METRICS_UNFIT", "TRB_PLAN_VALUE_OUT_OF_RANGE"],
  why: "Metrics and moments are releases like any other, with noise, in ε. A section without a release would be figures that nobody paid for; a release without its section has no customers it is of. Their sums stand in the ledger, so that they are short, and nobody's numbers are scaled down.",
  check: metricsRule,
};

const acceptance: Rule = {
  name: "acceptance",
  fields: ["acceptance", "acceptance.tolerance", "releases", "minCustomers"],
  codes: ["TRB_PLAN_ACCEPTANCE_UNFIT", "TRB_PLAN_VALUE_OUT_OF_RANGE"],
  why: "Which model is kept is decided by released metrics and by nothing else. Without a release to read, the decision would be a look at customers that is in no ε.",
  check: acceptanceRule,
};

const extensions: Rule = {
  name: "extensions",
  fields: ["extensions", "extensions.*.name", "releases.*.query", "model.extension", "optimiser.extension"],
  codes: ["TRB_PLAN_EXTENSIONS_UNFIT"],
  why: "Code from outside sees customers. Every party has to mean the same file, and none may come along that the plan doesn't use.",
  check: extensionsRule,
};

export const publicRules: readonly Rule[] = [catalogue, parts, extensions];
export const modelRules: readonly Rule[] = [
  local,
  trained,
  actions,
  model,
  optimiser,
  statistics,
  warmStart,
  written,
  acceptance,
];

function localTrainingRule({ local: numbers }: Plan, _: LintOptions, report: Report): void {
  const [rate, pull] = [parseDecimal(numbers.learningRate), parseDecimal(numbers.proximal)];
  if (!(rate > 0)) outOfRange(report, "local.learningRate", "above 0", numbers.learningRate);
  else if (!(pull >= 0 && pull * rate < 1)) {
    // a pull of 1/η or more jumps over the model that it pulls to
    outOfRange(report, "local.proximal", "from 0 and below 1/learningRate", numbers.proximal);
  }
}

/** Which tensors there are, the model's room knows; here: that something is trained, and is named once. */
function trainedRule({ trained: names, initialModel, releases }: Plan, _: LintOptions, report: Report): void {
  const unfit = (path: string, reason: string) => report("TRB_PLAN_TRAINED_UNFIT", path, { reason });
  const trains = releases.some(({ kind }) => kind === "training");
  if (initialModel !== undefined && !trains) unfit("initialModel", "no release is of training, which could begin there");
  if (names === undefined) return;
  if (!trains) unfit("trained", "no release is of training");
  const repeated = names.findIndex((name, place) => names.indexOf(name) !== place);
  if (repeated >= 0) unfit(`trained.${repeated}`, `${names[repeated]} is named twice`);
}

function actionsRule({ actions: names, model: { actions: count } }: Plan, _: LintOptions, report: Report): void {
  for (const [place, action] of names.entries()) {
    if (!knownActions.includes(action)) report("TRB_PLAN_ACTION_UNKNOWN", `actions.${place}`, { action, known: knownActions });
    else if (names.indexOf(action) !== place) report("TRB_PLAN_ACTION_REPEATED", `actions.${place}`, { action });
    // histories, catalogues and models hold an action as its place in the list of all
    else if (knownActions[place] !== action) {
      report("TRB_PLAN_ACTION_OUT_OF_PLACE", `actions.${place}`, { action, place, expected: knownActions[place] ?? "none" });
    }
  }
  if (count !== 0 && count !== names.length) {
    report("TRB_PLAN_ACTIONS_MISMATCH", "model.actions", { model: count, plan: names.length });
  }
}

function modelRule({ model: spec, caps }: Plan, _: LintOptions, report: Report): void {
  if (spec.length > caps.maxEvents) {
    report("TRB_PLAN_LENGTH_ABOVE_CAP", "model.length", { length: spec.length, cap: caps.maxEvents });
  }
  if (spec.width % spec.heads !== 0) {
    outOfRange(report, "model.heads", `a divisor of the width ${spec.width}`, String(spec.heads));
  }
  if (spec.actions === 0 && spec.weights.nextAction !== 0) {
    outOfRange(report, "model.weights.nextAction", "0 for a model without actions", String(spec.weights.nextAction));
  }
}
