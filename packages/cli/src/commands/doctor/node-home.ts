/** `doctor --home`, of a node: whether its keys are its own, its store opens, its plan is one that it takes part in, and how its clock and budget stand. */
import { existsSync, readdirSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { checkNode, coordinatorClock, type NodeCheck } from "@tributary/client";
import { isTributaryError } from "@tributary/errors";
import { summarizeLedgerStream } from "@tributary/ledger";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { readChunks } from "../../files.ts";
import { checked, type Finding } from "./finding.ts";

/** Seconds that clocks may be apart: beyond the first something isn't right, beyond the second invites and notes are refused. */
const clockLimits = { warning: 2, broken: 30 };

export async function examineNode(home: string): Promise<readonly Finding[]> {
  const beside = [permissions(home), room(home)];
  let check: NodeCheck;
  try {
    check = await checkNode({ home });
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    const { code, message, advice } = error;
    return [
      ...beside,
      { name: "home", state: "broken", found: `${code}: ${message}`, changes: "nothing works without it", advice },
    ];
  }
  const clockChanges = "offers, invites and the ledger's times are held against it";
  return [
    ...beside,
    store(check),
    plan(check),
    ...check.declines.map(decline),
    budget(check),
    await checked("last round", "what this node's own copy of the ledger ends with", () => lastRound(home)),
    await checked("clock", clockChanges, () => clock(home, clockChanges)),
  ];
}

/** What nobody else on this machine may read: POSIX modes, octal. */
function permissions(home: string): Finding {
  const changes = "whoever reads keys can read customers, or speak for this node";
  const keys = join(home, "keys");
  const common = { name: "key files", changes };
  if (!existsSync(keys))
    return { ...common, state: "broken", found: `no ${keys}`, advice: "Give the --home of a node that has joined." };
  if (process.platform === "win32") return { ...common, state: "present", found: "kept by the user's folder", advice: null };
  const open = [keys, ...readdirSync(keys).map((name) => join(keys, name))].filter(
    (path) => (statSync(path).mode & 0o077) !== 0,
  );
  if (open.length === 0) return { ...common, state: "present", found: "readable by their owner only", advice: null };
  const advice = `chmod go-rwx ${open.join(" ")}; if others had a look, \`tributary node rotate-key\` and \`rotate-identity\`.`;
  return { ...common, state: "broken", found: `others may read ${open.join(", ")}`, advice };
}

/** Below this share of the disk an import or a round may find no room. */
const leastRoom = 0.03;

function room(home: string): Finding {
  const { bavail, blocks, bsize } = statfsSync(home);
  const little = bavail < leastRoom * blocks;
  return {
    name: "disk of the home",
    state: little ? "warning" : "present",
    found: `${((bavail * bsize) / 2 ** 30).toFixed(1)} GiB free, ${Math.floor((100 * bavail) / blocks)} %`,
    changes: "imports and rounds are written there before they count",
    advice: little ? "Make room: a round that can't be written is not taken part in." : null,
  };
}

function store({ data }: NodeCheck): Finding {
  const common = { name: "store", changes: "customers' histories, encrypted" };
  if (data === null) {
    return {
      ...common,
      state: "warning",
      found: "nothing was imported",
      advice: "`tributary node import LOG --home …`; with --dry-run first.",
    };
  }
  return {
    ...common,
    state: "present",
    found: `${data.customers} customers, ${data.events} events, ${data.items} items`,
    advice: null,
  };
}

function plan({ accepted, findings, federation, node, cost, remarks }: NodeCheck): Finding {
  const common = { name: "plan", changes: "what this node agrees to" };
  const found = `${federation} as ${node}: ε ${cost.epsilon} at δ ${cost.delta} for each ${cost.unit}`;
  if (accepted) {
    const stricter = remarks.length === 0 ? "" : `; ${remarks.length} remarks`;
    return {
      ...common,
      state: "present",
      found: found + stricter,
      advice: remarks.length === 0 ? null : "`tributary node check` says them.",
    };
  }
  const refused = findings.map(({ code, message }) => `${code}: ${message}`).join(" ");
  return {
    ...common,
    state: "broken",
    found: `${found}; refused. ${refused}`,
    advice: findings.map(({ advice }) => advice).join(" "),
  };
}

const decline = ({ kind, code, message, advice }: NodeCheck["declines"][number]): Finding => ({
  ...{ name: `offers of ${kind ?? "any kind"}`, state: "warning", found: `declined now: ${code}: ${message}`, advice },
  changes: "a pause and the hours pass; a budget doesn't",
});

/** Six digits: nothing that matters is cut. */
const shown = (epsilon: number) => Number(epsilon.toPrecision(6));

function budget({ budget: { limit, spent, left, delta, roundsLeft, reserved } }: NodeCheck): Finding {
  const open = reserved.rounds === 0 ? "" : `, of which ${reserved.rounds} rounds are still open`;
  const gone = left <= 0 && roundsLeft > 0;
  return {
    name: "budget",
    state: gone ? "warning" : "present",
    found: `ε ${shown(spent)} of ${shown(limit)} at δ ${delta} spent${open}; ${roundsLeft} rounds of the plan to come`,
    changes: "what may still be learnt about a customer; rounds are refused beyond it",
    advice: gone ? "Leave it at that, or permit more: `tributary node policy --epsilon …`." : null,
  };
}

async function lastRound(home: string): Promise<Finding> {
  const common = { name: "last round", changes: "what this node's own copy of the ledger ends with" };
  const file = join(home, "ledger.jsonl");
  const none = { ...common, state: "absent", found: "none yet", advice: null } as const;
  if (!existsSync(file) || statSync(file).size === 0) return none;
  let last: { readonly round?: number; readonly at: string; readonly kind: string; readonly survivors?: number } | undefined;
  for await (const row of summarizeLedgerStream(readChunks(file), nodeCrypto())) if (row.round !== undefined) last = row;
  if (last === undefined) return none;
  const outcome = last.kind === "aborted" ? "given up" : `released by ${last.survivors} nodes`;
  return { ...common, state: "present", found: `round ${last.round}, ${outcome}, ${last.at}`, advice: null };
}

async function clock(home: string, changes: string): Promise<Finding> {
  const { url, ahead } = await coordinatorClock({ home });
  const common = { name: "clock", changes };
  const apart = Math.abs(ahead);
  if (apart <= clockLimits.warning) {
    return {
      ...common,
      state: "present",
      found: `within ${clockLimits.warning} s of the coordinator's at ${url}`,
      advice: null,
    };
  }
  return {
    ...common,
    state: apart > clockLimits.broken ? "broken" : "warning",
    found: `${Math.round(apart)} s ${ahead > 0 ? "ahead of" : "behind"} the coordinator's at ${url}`,
    advice: "Set both clocks by the same time server (NTP).",
  };
}
