import { defineErrors } from "../define.ts";

export const clientErrors = defineErrors({
  TRB_NODE_NOT_JOINED: {
    message: "{home} has not joined a federation.",
    advice: "Ask the coordinator for an invite and run `tributary node join INVITE --home {home}`.",
    status: 409,
    exitCode: 2,
  },
  TRB_NODE_ALREADY_JOINED: {
    message: "{home} belongs to the federation {federation} as {node}, under another plan or name than this invite's.",
    advice: "Use another folder for another federation: one folder keeps one budget.",
    status: 409,
    exitCode: 2,
  },
  TRB_NODE_HOME_BUSY: {
    message: "Another process is using {home}.",
    advice: "Stop the other `tributary node` process first; one folder is one node.",
    status: 409,
    exitCode: 1,
  },
  TRB_NODE_HOME_UNREADABLE: {
    message: "{file} can't be read: {reason}.",
    advice: "Restore the file from a backup, or join again with a new invite into an empty folder.",
    status: 500,
    exitCode: 1,
  },
  TRB_NODE_HOME_UNWRITABLE: {
    message: "{file} can't be written: {reason}.",
    advice:
      "Free some space or correct the folder's permissions, then run the command again; what is not on disk was neither said nor imported.",
    status: 500,
    exitCode: 1,
  },
  TRB_NODE_POLICY_INVALID: {
    message: "policy.json is not valid at {path}: {reason}.",
    advice: "Correct the field named, or set it with `tributary node policy`.",
    status: 400,
    exitCode: 2,
  },
  TRB_NODE_BUDGET_UNREADABLE: {
    message: "The shared budget {file} can't be used: {reason}.",
    advice:
      "Restore it from a backup, or begin one with `tributary node policy --budget-file`, in every home that shares it: each enters again what it has spent.",
    status: 500,
    exitCode: 3,
  },
  TRB_NODE_COORDINATOR_UNREACHABLE: {
    message: "The coordinator at {url} doesn't answer: {reason}.",
    advice: "Check that it is running, and that the address in the invite is reachable from this machine.",
    status: 503,
    exitCode: 1,
  },
  TRB_NODE_COORDINATOR_ANSWER: {
    message: "The coordinator's answer to {request} makes no sense: {reason}.",
    advice: "Check that the address is a Tributary coordinator of the same version.",
    status: 502,
    exitCode: 1,
  },
  TRB_NODE_COORDINATOR_KEY_MISMATCH: {
    message: "The coordinator at {url} doesn't hold the key that the invite names.",
    advice: "Don't send anything there; ask the coordinator's operator over another channel which key is theirs.",
    status: 403,
    exitCode: 4,
  },
  TRB_NODE_PLAN_SIGNATURE_INVALID: {
    message: "The plan isn't signed by the coordinator's key.",
    advice: "Ask the coordinator's operator for a new invite; nothing was accepted.",
    status: 403,
    exitCode: 4,
  },
  TRB_NODE_PLAN_CHANGED: {
    message: "The ledger's first entry holds another plan than the one this node joined.",
    advice: "Ask the coordinator's operator which plan holds, and join again into a new folder if you agree to it.",
    status: 409,
    exitCode: 4,
  },
  TRB_PLAN_GRAPH_MISMATCH: {
    message: "The training graph that this node builds from the plan's model is not the one that the plan names.",
    advice: "Run the version of Tributary that the plan was made with: graph version {graphVersion}.",
    status: 409,
    exitCode: 3,
  },
  TRB_NODE_FINGERPRINT_INVALID: {
    message: "{fingerprint} is not a key fingerprint.",
    advice: "Give the 64 hexadecimal digits that `tributary node join` printed on the other merchant's machine.",
    status: 400,
    exitCode: 2,
  },
  TRB_NODE_NOTHING_SELECTED: {
    message:
      "No item was named at epsilon {epsilon} and delta {delta}, where one that {evenFrom} customers have is named in one case of two; the selection is charged all the same.",
    advice:
      "Use a public catalogue. Another selection costs anew: with more epsilon, or fewer items of a customer, fewer customers are enough.",
    status: 422,
    exitCode: 1,
  },
  TRB_NODE_CATALOGUE_MISMATCH: {
    message: "The catalogue doesn't have the hash that the plan names.",
    advice: "Ask the coordinator's operator for the plan's catalogue; join again once it is served.",
    status: 409,
    exitCode: 4,
  },
  TRB_NODE_MODEL_MISMATCH: {
    message: "The model of round {round} doesn't have the hash that the offer names.",
    advice: "Tell the coordinator's operator that its model files are damaged; this node sat the round out.",
    status: 409,
    exitCode: 4,
  },
  TRB_NODE_NO_HISTORIES: {
    message: "{home} holds no customers' histories yet.",
    advice: "Run `tributary node import FILE --home {home} --columns …` first.",
    status: 409,
    exitCode: 2,
  },
  TRB_NODE_DEVICE_PLAN: {
    message: "The plan protects each {unit}, and a device, which holds one, only takes part where whole nodes are protected.",
    advice:
      "Join a federation of devices (`tributary plan new --unit node`), or start without --device as a merchant with many customers.",
    status: 409,
    exitCode: 3,
  },
  TRB_NODE_DEVICE_CUSTOMERS: {
    message: "A device holds one customer's history; here there are {customers}.",
    advice: "Give each customer a home of its own, or leave out --device: a merchant has many customers in one.",
    status: 422,
    exitCode: 2,
  },
  TRB_NODE_STORE_UNREADABLE: {
    message: "The encrypted store can't be opened: {reason}.",
    advice: "Restore `keys/store` and `store/` of the same day, or import the log again; the budget isn't touched by that.",
    status: 500,
    exitCode: 1,
  },
  TRB_NODE_STORE_KEY_MISSING: {
    message: "The key of the encrypted store is not at {source}: {reason}.",
    advice:
      "Put the key back, or name it by TRIBUTARY_STORE_KEY_FILE; without it nothing in `store/` can ever be read, and the log has to be imported into an emptied `store/`.",
    status: 500,
    exitCode: 2,
  },
  TRB_NODE_STORE_KEY_WRONG: {
    message: "The key from {source} is not the key of this store.",
    advice: "Give the key that the store was made with; the store itself was not found damaged.",
    status: 500,
    exitCode: 2,
  },
  TRB_NODE_STORE_KEY_INVALID: {
    message: "What stands in {source} is not a key.",
    advice: "A key is 64 hexadecimal digits: make one with `openssl rand -hex 32`.",
    status: 400,
    exitCode: 2,
  },
  TRB_NODE_STORE_KEY_EXPOSED: {
    message: "{file} can be read by others than its owner (mode {mode}).",
    advice: "Run `chmod 600 {file}`; if somebody else may have read it, run `tributary node rotate-key` afterwards.",
    status: 500,
    exitCode: 2,
  },
  TRB_NODE_STORE_NEW_KEY_NEEDED: {
    message: "The store's master key does not lie in the home, so the new one can't be made there.",
    advice:
      "Make one (`openssl rand -hex 32`), name its file with --new-key-file, and put it where the old one was when the command is done.",
    status: 400,
    exitCode: 2,
  },
  TRB_NODE_STORE_BUSY: {
    message: "Another process is importing into {home}, or changing its store.",
    advice: "Wait until it is done, then run the command again.",
    status: 409,
    exitCode: 1,
  },
  TRB_NODE_STALE_STORE: {
    message: "The ledger shows this node in round {round}, which its store doesn't remember: the store is an old backup.",
    advice:
      "Restore the newest copy of {home}; if there is none, run `tributary node recover --home {home}`, which counts everything that may have been spent.",
    status: 409,
    exitCode: 3,
  },
  TRB_NODE_PEERS_MISSING: {
    message: "{heads} trusted peers have stated what they know of the ledger, and {least} are needed.",
    advice: "Wait until more of the other merchants' nodes are connected; until then this node takes part in no round.",
    status: 503,
    exitCode: 3,
  },
  TRB_NODE_LEDGER_WITHHELD: {
    message: "The coordinator shows {shown} entries of the ledger, and {node} signed {head} after {entries}.",
    advice:
      "Don't go on: ask the coordinator's operator why it keeps entries back, and compare ledgers with the other merchants.",
    status: 409,
    exitCode: 4,
  },
  TRB_NODE_LEDGER_FORKED: {
    message: "There are two ledgers, which differ at entry {entry} or before it: {found}.",
    advice:
      "Don't go on: keep `ledger.jsonl` as evidence, and compare it with the other merchants' (`tributary ledger show`, the hashes named here).",
    status: 409,
    exitCode: 4,
  },
  TRB_NODE_LEDGER_INVALID: {
    message: "The coordinator's ledger can't be verified at entry {entry}: {reason}.",
    advice: "Don't go on: keep `ledger.jsonl` as evidence and ask the coordinator's operator.",
    status: 409,
    exitCode: 4,
  },
  TRB_NODE_KEY_NOT_IN_ROSTER: {
    message: "The ledger doesn't know {node} by this node's own key.",
    advice: "Somebody else joined under this name, or the federation began without this node; ask for a new invite.",
    status: 403,
    exitCode: 4,
  },
  TRB_NODE_IDENTITY_KEY_MISSING: {
    message: "The identity key that the ledger has for this node is not in {keys}.",
    advice:
      "Put `identity` and `identity-next` back from a backup; without them ask the platform for a new invite, under another name.",
    status: 500,
    exitCode: 1,
  },
  TRB_NODE_CHALLENGE_INVALID: {
    message: "The coordinator's challenge is malformed.",
    advice: "Run the same version of Tributary on both sides.",
    status: 400,
    exitCode: 1,
  },
  TRB_NODE_TRAINING_TOO_SLOW: {
    message: "Training wasn't done in the time that the plan gives a round ({milliseconds} ms until the upload).",
    advice:
      "Such rounds are charged, and this node adds only noise to them: give it a faster machine or fewer other tasks, or agree on a plan with a longer deadlines.uploadOffset. It is said once a start.",
    status: 503,
    exitCode: 1,
  },
  TRB_NODE_QUERY_FAILED: {
    message: "A round's query failed at some customers, who count as zero in it ({reason}).",
    advice: "Nothing leaked. Where an extension brought the query, tell its author; the figure that it gives is too low.",
    status: 500,
    exitCode: 1,
  },
  TRB_NODE_TRAINING_NOISE_ALONE: {
    message: "Training failed on a round's customers, so this node added noise alone: {reason}",
    advice:
      "Such rounds are charged. Run `tributary doctor` and look at the machine's memory; the node goes on, and tries again in the next round. It is said once a start, and not of which round: that could tell who was sampled.",
    status: 500,
    exitCode: 1,
  },
  TRB_NODE_TRAINING_FAILED: {
    message: "Training failed in round {round}: {reason}.",
    advice: "Run `tributary doctor`; the node takes part again from the next round on.",
    status: 500,
    exitCode: 1,
  },
  TRB_NODE_VECTOR_MISSING: {
    message: "The masked vector of round {round} is not on disk, so it can't be sent again.",
    advice: "Nothing is to be done: the round stays charged, and the node takes part again from the next one on.",
    status: 500,
    exitCode: 1,
  },
  TRB_NODE_CLOSED: {
    message: "The node is stopping.",
    advice: "Start it again with `tributary node start`.",
    status: 503,
    exitCode: 1,
  },
});
