import { defineErrors } from "../define.ts";

export const protocolErrors = defineErrors({
  TRB_PLAN_INVALID: {
    message: "The plan is not valid at {path}: {reason}.",
    advice: "Make a plan with `tributary plan new`, or correct the field named.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_DELTA_NOT_POSITIVE: {
    message: "The plan's δ is not above 0.",
    advice: "State a δ well below one in the number of customers, such as 1e-6.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_DELTA_TOO_LARGE: {
    message:
      "The plan's δ of {delta} is too large for {customers} customers: it would allow one of them to be exposed in full.",
    advice: "State a δ well below 1/{customers}.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_DELTA_ABOVE_MOST: {
    message: "The plan's δ of {delta} is above {most}, the most that any plan may state, however few customers it declares.",
    advice: "State a δ well below {most} and below one over the number of customers, such as 1e-6.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_DELTA_LOOSE: {
    message: "The plan's δ of {delta} is above a tenth of one over its {customers} customers.",
    advice: "State a δ of 1/(10·{customers}) or less; ε grows little by that.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_EPSILON_NOT_POSITIVE: {
    message: "The plan's ε is not above 0.",
    advice: "State an ε above 0; 1 is strong protection, 10 about the most that is reasonable.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_EPSILON_UNDERSTATED: {
    message: "The plan states ε = {stated}, but all its rounds together cost {recomputed}.",
    advice: "State the true ε, plan fewer rounds, or raise the noise multiplier.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_EPSILON_WEAK: {
    message: "The plan's ε of {epsilon} is above 10: customers must be regarded as not protected.",
    advice: "Plan fewer rounds or more noise, or bring more customers in.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_NOISE_BELOW_FLOOR: {
    message: "The plan's noise multiplier of {noiseMultiplier} is below {least}: one round tells who is in it.",
    advice: "Raise noiseMultiplier to {least} or more; from 0.5 on a single round says little.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_ONE_MERCHANT: {
    message: "The plan's ε is of a customer at one merchant: somebody who shops at several has it at each of them.",
    advice: "Set maxMerchantsPerCustomer to how many of the merchants one person may shop at, and plan the noise for it.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_NOBODY_CORRUPT: {
    message: "The plan counts on every node's share of the noise, so that one that works with the coordinator breaks its ε.",
    advice:
      "Set maxCorrupt to 1 or more, or noiseMode to local; with few nodes that takes more of them in a round than {minCohort}.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_SCALE_COARSE: {
    message: "The plan's scale of {scale} rounds so coarsely that Δ is {times} times what clipping allows for.",
    advice: "Raise the scale; `tributary plan new` chooses the largest that fits.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_UPLOAD_TOO_EARLY: {
    message:
      "The plan's uploads leave {uploadOffset} ms after an offer, and its longest vector takes about {least} ms: they would leave when they are done, which tells how long training took.",
    advice: "Set deadlines.uploadOffset to {least} or more, and deadlines.masked accordingly.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_UPLOAD_TIGHT: {
    message: "The plan's uploads leave {uploadOffset} ms after an offer; a slow machine may take {least} ms to get them ready.",
    advice: "Set deadlines.uploadOffset to {least} or more, and deadlines.masked accordingly.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_DEADLINES_TOO_LONG: {
    message:
      "The plan's deadlines add up to {milliseconds} ms, for which a round's secrets would be kept; {most} ms are the most.",
    advice: "Shorten the deadlines: minutes are usual, hours are plenty.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_MECHANISM_UNPAID: {
    message: "The plan asks at {path} for {mechanism}, which this version can't charge for: {reason}.",
    advice:
      "Take {path} out. What a plan can hold is in docs/plan-rules.md; anything else that reads data has to be a release with its noise and its rounds.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_COHORT_TOO_SMALL: {
    message: "The plan's smallest cohort of {minCohort} is below {least}, the least that keeps one node's sum hidden.",
    advice: "Set minCohort to {least} or more.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_COHORT_ABOVE_NODES: {
    message: "The plan needs {minCohort} nodes in every round, and there are {nodes}.",
    advice: "Bring more merchants in, or plan a smaller cohort; it is never below 3.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_TOO_MANY_CORRUPT: {
    message: "The plan reckons with {maxCorrupt} corrupt nodes, which could be a whole cohort of {minCohort} or outvote it.",
    advice: "Set maxCorrupt below minCohort; a quarter of the nodes is usual.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_TOO_MANY_DROPOUTS: {
    message: "The plan reckons with {dropouts} dropouts among {nodes} nodes, and its rounds bear {most}.",
    advice: "Lower graph.dropoutRate, minCohort or maxCorrupt.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_UNIT_INVALID: {
    message:
      "The plan protects whole nodes, which take part visibly and once: it may neither sample nor count several merchants.",
    advice: "Set samplingRate and maxMerchantsPerCustomer to 1, or protect customers.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_CATALOGUE_FROM_LOG: {
    message: "The plan's catalogue was taken from a log, so that it tells by itself which items people had.",
    advice: "Use a public catalogue; a catalogue from a log is for demonstrations only.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_CATALOGUE_PARTS_UNFIT: {
    message: "What the plan says of its catalogue and of its parts doesn't fit: {reason}.",
    advice: "Make the plan with --catalogue-parts FILE, as `tributary catalogue merge` wrote it.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_CATALOGUE_PART_SIGNATURE: {
    message: "The declaration of {name} on its part of the catalogue was not signed by the key that it names.",
    advice: "Ask that merchant for its declaration again (`tributary node declare`), and merge the parts anew.",
    status: 400,
    exitCode: 4,
  },
  TRB_PLAN_CATALOGUE_PART_OTHER: {
    message: "The catalogue and what is declared of its parts don't belong together: {reason}.",
    advice: "Give each part beside the declaration that was made of it, and the catalogue that was merged from them.",
    status: 400,
    exitCode: 4,
  },
  TRB_PLAN_QUOTA_NOT_POWER_OF_TWO: {
    message:
      "The plan's customer quota of {customerQuota} is not a power of two, as a setting is, so it may be a count of customers.",
    advice: "Set customerQuota to a power of two.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_ACTION_UNKNOWN: {
    message: "The plan names an action that Tributary doesn't know: {action}.",
    advice: "Name actions among {known}.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_ACTION_REPEATED: {
    message: "The plan names the action {action} twice.",
    advice: "Name each action once.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_ACTION_OUT_OF_PLACE: {
    message: "The plan names {action} as action {place}, which is {expected}.",
    advice:
      "Name the actions in Tributary's order, from the first on without a gap: an action's number is its place in that list.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_ACTIONS_MISMATCH: {
    message: "The plan's model knows {model} actions, and the plan names {plan}.",
    advice: "Set model.actions to the number of actions, or to 0 for a model without them.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_LENGTH_ABOVE_CAP: {
    message: "The plan's model reads {length} events, and the plan lets at most {cap} of a customer count.",
    advice: "Raise caps.maxEvents or shorten the model.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_VALUE_OUT_OF_RANGE: {
    message: "The plan's {path} is {value}; it must be {expected}.",
    advice: "Correct the field, or make a plan with `tributary plan new`.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_TOUCHED_INVALID: {
    message:
      "The plan says that a customer touches {touched} of {dimension} coordinates, which {arithmetic} arithmetic can't promise.",
    advice: "Set touched equal to dimension; only exact arithmetic may claim fewer, none more.",
    status: 400,
    exitCode: 3,
  },
  TRB_PLAN_DIMENSION_MISMATCH: {
    message: "The plan's training vector has {dimension} coordinates, and its model {parameters} parameters.",
    advice: "Set dimension to {parameters}.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_ITEMS_MISMATCH: {
    message: "The plan's popularity has {dimension} coordinates, and its catalogue {items} items.",
    advice: "Set dimension to {items}, or use the catalogue that the plan was made for.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_RELEASES_OUT_OF_ORDER: {
    message: "The plan's release number {place}, counted from 0, is {kind}, and stands after {before}.",
    advice: "List popularity first, then pairs, then training: releases run in that order, and each builds on those before.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_STATISTICS_UNFIT: {
    message: "The plan's statistics don't fit together: {reason}.",
    advice: "Make a plan with `tributary plan new --statistics`, or leave statistics out of it altogether.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_LATTICE_UNFIT: {
    message: "The accountant lattice has no proof for this plan: {reason}.",
    advice: "Charge the plan by `rdp-integer`, which bounds all that a plan can hold, or release of everybody only.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_PACKING_UNFIT: {
    message: "The plan can't pack this release: {reason}.",
    advice:
      "Pack only training of unit `node`, in exact arithmetic and charged by `rdp-integer`, with the numbers that `tributary plan new --unit node --bits` chooses; or leave `packing` out, which sends 32 bits.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_TRAINED_UNFIT: {
    message: "What the plan trains does not fit its model: {reason}.",
    advice:
      "List in `trained` tensors of the model, with * for any characters, each once; or leave it out, and everything is trained.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_WARM_START_UNFIT: {
    message: "Training can't begin from statistics as the plan has it: {reason}.",
    advice: "Plan statistics and training together with a plain sasrec model, or leave `warmStart` out.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_INITIAL_MODEL_UNDECLARED: {
    message: "The plan's initial model is not the one that follows from its model, and is not declared public.",
    advice: "Ask the coordinator's operator what the initial model was made of; `plan new --initial-model` declares it public.",
    status: 409,
    exitCode: 3,
  },
  TRB_PLAN_ACCEPTANCE_UNFIT: {
    message: "The plan's rule for keeping models has nothing to judge by: {reason}.",
    advice:
      "Release metrics before the first training round, now and then, and after the last, with so little noise that they say something, and no statistics; or leave `acceptance` out.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_SCHEDULE_UNFIT: {
    message: "The plan's schedule of the learning rate doesn't fit: {reason}.",
    advice:
      "Give training releases steps that ascend from round 0, or a cosine, with a warm-up that is shorter than the release.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_EARLY_STOP_UNFIT: {
    message: "The plan's rule for an early stop has nothing to decide by: {reason}.",
    advice:
      "Release metrics between training rounds, more often than the rule has patience, and no statistics; or leave `earlyStop` out.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_PROMOTION_UNFIT: {
    message: "The plan's rule for promoting models can't be fulfilled: {reason}.",
    advice: "Promote by `rounds`, at most as many as there are of training, or give the plan an `acceptance`.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_METRICS_UNFIT: {
    message: "The plan's metrics don't fit together: {reason}.",
    advice: "Give the plan a `metrics` section and a release of kind metrics beside one of another kind, or neither.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_EXTENSIONS_UNFIT: {
    message: "The plan's extensions don't fit together: {reason}.",
    advice: "List in `extensions` every extension that the plan uses, once, with the SHA-256 of its file, and no other.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_SCALE_TOO_LARGE: {
    message: "The plan's scale of {scale} does not leave a sum of {nodes} nodes and its noise inside 32 bits.",
    advice: "Lower the scale; `tributary plan new` chooses the largest that fits.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_RELEASE_UNKNOWN: {
    message: "The plan has {releases} releases; number {place}, counted from 0, is not one of them.",
    advice: "Name a release of the plan.",
    status: 400,
    exitCode: 2,
  },
  TRB_PLAN_CENTRAL_NOISE: {
    message: "The plan adds noise at the coordinator, which then sees the exact sums.",
    advice: "Set noiseMode to distributed or local; central noise is for simulation only.",
    status: 400,
    exitCode: 3,
  },
  TRB_MESSAGE_INVALID: {
    message: "A message is malformed at {path}: {reason}.",
    advice: "Run the same version of Tributary on both sides.",
    status: 400,
    exitCode: 1,
  },
  TRB_MESSAGE_TOO_LARGE: {
    message: "A message is larger than any that the protocol has.",
    advice: "Run the same version of Tributary on both sides; if it happens again, distrust the sender.",
    status: 413,
    exitCode: 1,
  },
  TRB_INVITE_INVALID: {
    message: "The invite is not valid: it is cut off, altered, or not an invite.",
    advice: "Copy the whole line that `tributary coordinator invite` printed, or ask for a new invite.",
    status: 400,
    exitCode: 2,
  },
  TRB_HEX_INVALID: {
    message: "A text of {length} characters is not lower-case hex.",
    advice: "Write keys, hashes and signatures as pairs of 0–9 and a–f.",
    status: 400,
    exitCode: 2,
  },
  TRB_CANONICAL_UNSUPPORTED: {
    message: "A document has no canonical form: at {path} stands {reason}.",
    advice: "Keep to objects, arrays, strings, booleans, null and integers; write real numbers as decimal strings.",
    status: 500,
    exitCode: 1,
  },
  TRB_DECIMAL_INVALID: {
    message: "A number can't be written or read as a decimal: {reason}.",
    advice: 'Write real numbers as strings such as "0.01" or "1e-6".',
    status: 400,
    exitCode: 2,
  },
  TRB_CRYPTO_WEAK_KEY: {
    message: "A public key has small order: every secret would agree on the same value with it.",
    advice: "Refuse whoever sent it; an honest party's key is never like this.",
    status: 400,
    exitCode: 1,
  },
  TRB_CRYPTO_WRONG_LENGTH: {
    message: "{what} has {actual} bytes where {expected} are needed.",
    advice: "Check that the key file is complete; it holds the bytes that Tributary wrote.",
    status: 400,
    exitCode: 1,
  },
  TRB_CRYPTO_BAD_OFFSET: {
    message: "A keystream was read at an offset that is not a whole number of words from its start.",
    advice: "Report this as a defect; no input should lead to it.",
    status: 500,
    exitCode: 1,
  },
  TRB_CRYPTO_KEY_WIPED: {
    message: "A keystream was read after its key had been overwritten.",
    advice: "Report this as a defect; no input should lead to it.",
    status: 500,
    exitCode: 1,
  },
});
