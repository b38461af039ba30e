import { defineErrors } from "../define.ts";

export const federationErrors = defineErrors({
  TRB_FEDERATION_STATE_UNREADABLE: {
    message: "The stored state of the round can't be read: {reason}.",
    advice: "Use the version of Tributary that wrote it.",
    status: 500,
    exitCode: 1,
  },
  TRB_ROUND_VERSION_UNKNOWN: {
    message: "The other side speaks protocol version {version}; this one speaks {expected}.",
    advice:
      "Run versions of Tributary whose protocol has the same major on both sides, and newer minors only with who knows them.",
    status: 400,
    exitCode: 1,
  },
  TRB_ROUND_WRONG_FEDERATION: {
    message: "A message is for another federation.",
    advice: "Check which federation this home belongs to.",
    status: 400,
    exitCode: 1,
  },
  TRB_ROUND_PLAN_MISMATCHED: {
    message: "A message is bound to another plan than the one joined.",
    advice: "Report it: the coordinator is faulty or is trying to learn one node's sum.",
    status: 409,
    exitCode: 4,
  },
  TRB_ROUND_MODEL_MISMATCHED: {
    message: "A message of round {round} is bound to another model than the one that the ledger ends with.",
    advice: "Report it: the coordinator is faulty or is trying to learn one node's sum.",
    status: 409,
    exitCode: 4,
  },
  TRB_ROUND_SIGNATURE_INVALID: {
    message: "A message of step {step} is not signed by {sender}.",
    advice: "Report it: the coordinator is faulty or is trying to learn one node's sum.",
    status: 403,
    exitCode: 4,
  },
  TRB_ROUND_SENDER_UNKNOWN: {
    message: "{sender} is not in the roster.",
    advice: "Check the roster with `tributary coordinator roster`.",
    status: 403,
    exitCode: 1,
  },
  TRB_ROUND_SENDER_UNEXPECTED: {
    message: "Step {step} does not come from {sender}.",
    advice: "Run the same version of Tributary on both sides, and report it if it stays.",
    status: 400,
    exitCode: 1,
  },
  TRB_ROUND_NOT_CURRENT: {
    message: "A message of step {step} is for round {round}, which is not under way.",
    advice: "Nothing to do: the node takes part in the next round.",
    status: 409,
    exitCode: 1,
  },
  TRB_ROUND_STEP_UNEXPECTED: {
    message: "A message of step {step} does not fit while the round is at {phase}.",
    advice: "Nothing to do: the node takes part in the next round.",
    status: 409,
    exitCode: 1,
  },
  TRB_ROUND_NOT_INVITED: {
    message: "{node} does not take part in round {round}.",
    advice: "Nothing to do: the node takes part in the next round.",
    status: 409,
    exitCode: 1,
  },
  TRB_ROUND_IN_PROGRESS: {
    message: "Round {round} is under way.",
    advice: "Wait until it has ended.",
    status: 409,
    exitCode: 1,
  },
  TRB_ROUND_ABORT_VOTED: {
    message: "A quorum of the nodes voted to give the round up.",
    advice: "Nothing to do: nobody was charged, and the next round follows.",
    status: 409,
    exitCode: 1,
  },
  TRB_ROUND_DEADLINE_PASSED: {
    message: "Step {step} of round {round} did not end in time.",
    advice: "Nothing to do: the next round follows.",
    status: 409,
    exitCode: 1,
  },
  TRB_ROUND_RESTORED: {
    message: "Round {round} may have been under way when the coordinator was lost; it came back from a backup.",
    advice: "Nothing to do: the round counts as charged, and the next one follows.",
    status: 409,
    exitCode: 1,
  },
  TRB_ROUND_REPLAYED: {
    message: "Round {round} was offered before, or is older than round {last}.",
    advice: "Report it: the coordinator is faulty or is trying to learn one node's sum.",
    status: 409,
    exitCode: 4,
  },
  TRB_ROUND_NOT_IN_ROSTER: {
    message: "{node} is not in the roster of this round.",
    advice: "Wait for the round that the ledger names; `tributary coordinator roster` shows it.",
    status: 403,
    exitCode: 1,
  },
  TRB_ROUND_COHORT_TOO_SMALL: {
    message: "{nodes} nodes are fewer than the {least} that a round needs.",
    advice: "Wait until more nodes are connected.",
    status: 409,
    exitCode: 3,
  },
  TRB_ROUND_TOO_FEW_TRUSTED: {
    message: "Only {trusted} of the nodes are trusted by this one; the plan's privacy needs {least}.",
    advice: "Compare fingerprints with the other merchants and add them with `tributary node trust`.",
    status: 403,
    exitCode: 3,
  },
  TRB_ROUND_RELEASE_UNKNOWN: {
    message: "The plan has no release at place {release}.",
    advice: "Report it: the coordinator is faulty or is trying to learn one node's sum.",
    status: 400,
    exitCode: 4,
  },
  TRB_ROUND_RELEASE_SPENT: {
    message: "All {rounds} rounds that the plan permits for this release are charged.",
    advice: "Nothing to do: the plan is done.",
    status: 409,
    exitCode: 3,
  },
  TRB_ROUND_CORRUPT_TOO_MANY: {
    message: "{corrupt} corrupt nodes can't be borne by {nodes} nodes.",
    advice: "Lower maxCorrupt in the plan, or plan a larger cohort.",
    status: 409,
    exitCode: 3,
  },
  TRB_ROUND_GRAPH_ABORTS_SPENT: {
    message: "{aborts} rounds on a graph were given up after this node had revealed its randomness; it bears no more.",
    advice: "Ask the coordinator's operator why rounds fail; each failed one is a look at another graph.",
    status: 403,
    exitCode: 3,
  },
  TRB_ROUND_NODE_BARRED: {
    message: "{node} is barred from this plan's rounds by ledger entry {entry}, and is in round {round}.",
    advice: "Report it: the coordinator is faulty or is trying to learn one node's sum.",
    status: 403,
    exitCode: 4,
  },
  TRB_ROUND_LEDGER_BEHIND: {
    message: "The ledger here has {entries} entries and does not end where the coordinator says.",
    advice: "Fetch the missing entries, then take the message again.",
    status: 409,
    exitCode: 1,
  },
  TRB_ROUND_LEDGER_FORKED: {
    message: "Ledger entry {entry} does not follow the one before it, or differs from the one held here.",
    advice: "Report it: the coordinator is faulty or is trying to learn one node's sum.",
    status: 409,
    exitCode: 4,
  },
  TRB_ROUND_PAUSED: {
    message: "An operator has paused the federation.",
    advice: "Run `tributary coordinator resume` when rounds may go on.",
    status: 409,
    exitCode: 1,
  },
  TRB_ROUND_PROMOTION_DUE: {
    message: "By the plan's rule {rule} a model is to be put forward before anything else follows.",
    advice: "Write the entry first; the coordinator does so by itself between two rounds.",
    status: 409,
    exitCode: 1,
  },
  TRB_ROUND_NOTE_REFUSED: {
    message: "The ledger takes no such entry of kind {kind}: {reason}",
    advice: "Look at where the federation stands: `tributary coordinator status`.",
    status: 409,
    exitCode: 1,
  },
  TRB_ROUND_HEADS_DIFFER: {
    message:
      "Two ledgers: {node}'s copy has {entries} entries and ends with {theirs}; here {own} is the hash of entry {entry}.",
    advice:
      "Stop and compare `ledger.jsonl` with {node}'s: the coordinator forked or rewrote the ledger, or one of the two was.",
    status: 409,
    exitCode: 4,
  },
  TRB_ROUND_HEAD_UNSIGNED: {
    message: "{node} did not countersign the ledger's head that it names.",
    advice: "Report it: its software is faulty.",
    status: 401,
    exitCode: 1,
  },
  TRB_ROUND_LEDGER_CLOSED: {
    message: "The ledger is closed.",
    advice: "Nothing to do: the federation is done.",
    status: 409,
    exitCode: 1,
  },
  TRB_ROUND_ENTRY_INVALID: {
    message: "Ledger entry {entry} claims a {field} that does not hold.",
    advice: "Report it: the coordinator is faulty or is trying to learn one node's sum.",
    status: 409,
    exitCode: 4,
  },
  TRB_POLICY_SELECTION_ABOVE_LIMIT: {
    message: "This node has spent epsilon {spent}; a selection at {epsilon} would pass the {limit} that its policy permits.",
    advice: "Ask for less epsilon, use a public catalogue, or raise the limit in policy.json.",
    status: 403,
    exitCode: 3,
  },
  TRB_POLICY_PLAN_ABOVE_LIMIT: {
    message: "The plan costs epsilon {epsilon}, the policy permits {limit}.",
    advice: "Ask the platform for a plan within the limits of policy.json, or raise the limit there.",
    status: 403,
    exitCode: 3,
  },
  TRB_POLICY_EPSILON_EXCEEDED: {
    message: "One more round would bring this node from epsilon {spent} to {epsilon}, the policy permits {limit}.",
    advice:
      "It never becomes possible again by itself: ask the platform for a plan within the limits of policy.json, or raise the limit there.",
    status: 403,
    exitCode: 3,
  },
  TRB_POLICY_PERIOD_EXCEEDED: {
    message:
      "One more round would bring this node from epsilon {spent} to {epsilon} within {days} days, the policy permits {limit}.",
    advice:
      "When it becomes possible again, if nothing else is spent until then: {from}. Other limits are set with `tributary node policy`.",
    status: 403,
    exitCode: 3,
  },
  TRB_POLICY_SHARED_BUDGET_EXCEEDED: {
    message:
      "One more round would bring the homes that share {file} from epsilon {spent} to {epsilon} {period}, the policy of {owner} permits {limit}.",
    advice:
      "When it becomes possible again, if nothing else is spent until then: {from}. `tributary node budget` shows who spent what.",
    status: 403,
    exitCode: 3,
  },
  TRB_POLICY_PAUSED: {
    message: "This node is paused: {reason}.",
    advice: "It answers offers again from {until} on.",
    status: 403,
    exitCode: 3,
  },
  TRB_POLICY_OUTSIDE_HOURS: {
    message: "This node answers offers from {from} to {to} only, {timeZone} time.",
    advice: "Wait for that, or change the hours with `tributary node policy --hours`.",
    status: 403,
    exitCode: 3,
  },
  TRB_POLICY_DELTA_TOO_LARGE: {
    message: "The plan states its epsilon at delta {delta}, the policy permits {limit}.",
    advice: "Ask the platform for a plan within the limits of policy.json, or raise the limit there.",
    status: 403,
    exitCode: 3,
  },
  TRB_POLICY_COHORT_TOO_SMALL: {
    message: "The plan lets {cohort} nodes make a round, the policy asks for {least}.",
    advice: "Ask the platform for a plan within the limits of policy.json, or raise the limit there.",
    status: 403,
    exitCode: 3,
  },
  TRB_POLICY_RELEASE_FORBIDDEN: {
    message: "The policy does not permit a release of kind {kind}.",
    advice:
      "Permit it with `tributary node policy --permit popularity,pairs,training,metrics`, or ask the platform for a plan without it.",
    status: 403,
    exitCode: 3,
  },
  TRB_POLICY_FAMILY_FORBIDDEN: {
    message: "The plan trains a model of the family {family}, which this node doesn't permit.",
    advice: "Permit it with `tributary node policy --families`, or don't take part.",
    status: 403,
    exitCode: 3,
  },
  TRB_POLICY_SERVING_LOOSER: {
    message: "Serving with {field} {asked} is looser than policy.json permits: {permitted}.",
    advice:
      "Leave the flag out, ask for something stricter, or change `serve` in policy.json: it is the merchant's own decision.",
    status: 403,
    exitCode: 3,
  },
  TRB_POLICY_EXTENSION_UNKNOWN: {
    message: "The plan uses the extension {name} with SHA-256 {sha256}, which the policy does not accept.",
    advice:
      "Read the file, and accept it with `tributary node extension FILE --home HOME`; or ask the platform for a plan without it.",
    status: 403,
    exitCode: 3,
  },
});
