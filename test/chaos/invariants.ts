/** What must hold after a storm, each with what was found: of the ledger, of charges, of models, of what was corrupted, of logs, of memory, and of what is left over. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { type NodeBudget, nodeBudget } from "@tributary/client";
import { homeLayout } from "@tributary/coordinator";
import { decodeNodeState } from "@tributary/federation";
import { type Entry, parseLine, spentAfter } from "@tributary/ledger";
import { nodeId, parseDecimal } from "@tributary/protocol";
import { tributary } from "../e2e/processes.ts";
import type { Tried } from "../security-run.ts";
import type { Deployment, Status } from "./deployment.ts";
import type { KeptRunning } from "./kept-running.ts";
import { falseAlarmRate, fewestPoints, type Trend, trendOf } from "./trend.ts";
import type { Holding } from "./watch.ts";

/** What a run of chaos leaves to be judged. Every process has ended. */
export interface Aftermath {
  readonly deployment: Deployment;
  /** Rounds released in the storm, and at least how many should have been. */
  readonly released: { readonly inStorm: number; readonly least: number; readonly afterwards: number };
  /** As it was told last. */
  readonly status: Status;
  readonly holdings: ReadonlyMap<string, readonly Holding[]>;
  /** Whether too few looks to say anything of growth are a failure. */
  readonly mustSeeGrowth: boolean;
}

export async function judge(aftermath: Aftermath): Promise<Tried[]> {
  const { deployment, released, status } = aftermath;
  const lines = linesOf(homeLayout(deployment.replicaHome("a")).ledger);
  const entries = lines.map(parseLine);
  return [
    goesOn(released, entries),
    await ledgerVerifies(deployment, status),
    sameLedgers(deployment, lines),
    countedOnce(entries),
    ...(await charges(deployment, entries)),
    await models(deployment, entries, status),
    endings(deployment),
    corruption(deployment),
    privateValues(deployment),
    ...leaks(aftermath, lines),
    leftOver(deployment, entries, status),
  ];
}

const linesOf = (file: string): string[] => readFileSync(file, "utf8").split("\n").slice(0, -1);
const processesOf = ({ nodes, replicas }: Deployment): KeptRunning[] => [...replicas.values(), ...nodes.values()];
const some = (list: readonly string[], most = 5): string =>
  `${list.slice(0, most).join("; ")}${list.length > most ? `; ${list.length - most} more` : ""}`;

function goesOn({ inStorm, least, afterwards }: Aftermath["released"], entries: readonly Entry[]): Tried {
  const aborted = entries.filter(({ kind }) => kind === "aborted").length;
  return {
    what: "rounds go on in the storm, and with all nodes after it",
    result: `${inStorm} released in it (at least ${least}), ${afterwards} afterwards, ${aborted} given up`,
    held: inStorm >= least && afterwards >= 3,
  };
}

async function ledgerVerifies({ federation, fingerprint }: Deployment, { ledger }: Status): Promise<Tried> {
  const file = homeLayout(federation.platform).ledger;
  const { exitCode, stdout } = await tributary([
    ...["ledger", "verify", file, "--key", fingerprint],
    ...["--head", ledger.head, "--json"],
  ]);
  const { verified, complete, entries } = JSON.parse(stdout) as Record<string, unknown>;
  return {
    what: "the ledger verifies, by the coordinator's key and its last head",
    result: `exit ${exitCode}, ${entries} entries`,
    held: exitCode === 0 && verified === true && complete === true && entries === ledger.entries,
  };
}

function sameLedgers({ replicas, nodes, replicaHome, federation }: Deployment, lines: readonly string[]): Tried {
  const others = [...replicas.keys()].filter((name) => {
    const theirs = linesOf(homeLayout(replicaHome(name)).ledger);
    return theirs.length !== lines.length || theirs.some((line, at) => line !== lines[at]);
  });
  const copies = [...nodes.keys()].map((node) => ({ node, copy: linesOf(`${federation.home(node)}/ledger.jsonl`) }));
  const astray = copies.filter(({ copy }) => copy.length === 0 || copy.some((line, at) => line !== lines[at]));
  const shortest = Math.min(...copies.map(({ copy }) => copy.length));
  return {
    what: "all replicas have the same ledger, and every node's copy is a prefix of it",
    result: `${lines.length} entries; the shortest copy has ${shortest}${others.length + astray.length === 0 ? "" : `; differ: ${[...others, ...astray.map(({ node }) => node)].join(", ")}`}`,
    held: others.length === 0 && astray.length === 0,
  };
}

function countedOnce(entries: readonly Entry[]): Tried {
  const numbers = entries.flatMap((entry) => ("round" in entry ? [entry.round] : []));
  return {
    what: "each round's number is used once, in order",
    result: `rounds 1 to ${numbers.at(-1) ?? 0}`,
    held: numbers.length > 0 && numbers.every((round, at) => round === at + 1),
  };
}

/** Between what the ledger charges a node for certain and that with what was given up under it, which its node may not know to be refunded. */
async function charges({ federation, nodes }: Deployment, entries: readonly Entry[]): Promise<Tried[]> {
  const wrong: string[] = [];
  const off: string[] = [];
  let [most, refunds] = [0, 0];
  for (const name of nodes.keys()) {
    const node = nodeId.parse(name);
    const counted = entries.filter((entry) => entry.kind === "round" && entry.survivors.includes(node)).length;
    const givenUp = entries.filter(
      (entry) => entry.kind === "aborted" && entry.h1 !== null && (entry.cohort ?? [node]).includes(node),
    ).length;
    const left = entries.filter((entry) => entry.kind === "round" && !entry.survivors.includes(node)).length;
    const budget: NodeBudget = await nodeBudget({ home: federation.home(name) });
    const charged = budget.byKind.reduce((sum, row) => sum + row.charged, 0);
    refunds += budget.byKind.reduce((sum, row) => sum + row.refunded, 0);
    // a round that ended without it has its charge back only by a quorum's word; a node that never heard that word keeps the charge
    if (charged < counted || charged > counted + givenUp + left) {
      wrong.push(`${name}: ${charged} charged, ${counted} in the ledger, ${givenUp + left} without it`);
    }
    if (budget.byKind.some((row) => row.refunded < 0 || row.charged < 0 || row.open > row.charged))
      wrong.push(`${name}: ${JSON.stringify(budget.byKind)}`);
    const rounds = roundsCharged(federation.home(name));
    if (new Set(rounds).size !== rounds.length) wrong.push(`${name}: a round is charged twice`);
    const claimed = parseDecimal(spentAfter(federation.plan, [charged]).epsilon);
    if (Math.abs(budget.spent - claimed) > 1e-9 * claimed) off.push(`${name}: ${budget.spent}, not ${claimed}`);
    if (budget.spent > budget.limit) off.push(`${name}: ${budget.spent} of ${budget.limit}`);
    most = Math.max(most, budget.spent);
  }
  return [
    {
      what: "every node is charged once for each round that the ledger counts, and refunds undo no more than was charged",
      result: wrong.length === 0 ? `${nodes.size} nodes, ${refunds} refunds` : some(wrong),
      held: wrong.length === 0,
    },
    {
      what: "each node's spent ε is what the plan's accountant makes of those rounds, within its limit",
      result: off.length === 0 ? `at most ${most.toFixed(4)}` : some(off),
      held: off.length === 0,
    },
  ];
}

const stateOf = (home: string) => decodeNodeState(readFileSync(`${home}/rounds/state.json`, "utf8"));
const roundsCharged = (home: string): number[] => stateOf(home).charges.map(({ round }) => round);

/** The blob is the model that every party names, and `model verify` makes its file again of the tensors in it. */
async function models(
  { federation, nodes, blobs, fingerprint }: Deployment,
  entries: readonly Entry[],
  status: Status,
): Promise<Tried> {
  const rounds = entries.filter((entry) => entry.kind === "round");
  const last = rounds.at(-1)?.nextModelHash ?? "";
  const file = `${blobs}/blobs/${last}`;
  const octets = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  const hash = createHash("sha256").update(octets).digest("hex");
  // who missed the last entries still has the model of its own last one
  const of = (entriesTaken: number) =>
    entries.slice(0, entriesTaken).findLast((entry) => entry.kind === "round")?.nextModelHash;
  const astray = [...nodes.keys()].filter((node) => {
    const { modelHash, head } = stateOf(federation.home(node));
    return modelHash !== of(head.entries);
  });
  const { platform, planFile } = federation;
  const { exitCode, stderr } = await tributary([
    ...["model", "verify", file, "--ledger", homeLayout(platform).ledger, "--plan", planFile],
    ...["--key", fingerprint, "--head", status.ledger.head, "--json"],
  ]);
  return {
    what: "the model is everywhere the one that the ledger names, and its file is made again of its tensors",
    result: `${rounds.length} models, the last ${last.slice(0, 12)}…; model verify: exit ${exitCode}${exitCode === 0 ? "" : ` ${stderr.slice(-300)}`}${astray.length === 0 ? "" : `; other ones at ${astray.join(", ")}`}`,
    held: hash === last && status.modelHash === last && astray.length === 0 && exitCode === 0,
  };
}

function endings(deployment: Deployment): Tried {
  const runs = processesOf(deployment).flatMap((one) => one.runs().map((run) => ({ ...run, name: one.name })));
  const count = new Map<string, number>();
  for (const { ending, code } of runs) {
    const word = ending === "coded" ? `${code}` : ending;
    count.set(word, (count.get(word) ?? 0) + 1);
  }
  const uncoded = runs.filter(({ ending }) => ending === "uncoded");
  const slips = processesOf(deployment).filter((one) =>
    /\b(TypeError|ReferenceError|RangeError|AssertionError|TRB_UNEXPECTED|UnhandledPromiseRejection)\b/.test(one.log()),
  );
  const words = [...count].map(([word, times]) => `${word} ${times}`).join(", ");
  const broken = [
    ...uncoded.map(({ name, log }) => `${name}: ${log.trimEnd().slice(-200)}`),
    ...slips.map(({ name }) => `${name}: a slip in its log`),
  ];
  return {
    what: "no process ended, or went on, with an error without a code",
    result: `${words}${broken.length === 0 ? "" : `; ${some(broken)}`}`,
    held: broken.length === 0,
  };
}

/** What was flipped, and what its receivers said. That nothing of it was taken for good is the rest of this list: every signature, hash and vote of it. */
function corruption(deployment: Deployment): Tried {
  const flips = deployment.wires.reduce(
    (sum, wire) => {
      const { flipped } = wire.seen();
      return { up: sum.up + flipped.up, down: sum.down + flipped.down };
    },
    { up: 0, down: 0 },
  );
  const codes = new Map<string, number>();
  for (const one of processesOf(deployment)) {
    for (const [, code = ""] of one.log().matchAll(/"code":"(TRB_[A-Z_]+)"/g)) codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  const most = [...codes].sort(([, a], [, b]) => b - a);
  return {
    what: "bits flipped on the way were refused or sent again",
    result: `${flips.up} flipped towards replicas, ${flips.down} towards nodes; all refusals of the run by code: ${some(
      most.map(([code, times]) => `${code} ${times}`),
      12,
    )}`,
    held: deployment.wires.length > 0,
  };
}

function privateValues(deployment: Deployment): Tried {
  const { customers, federation, nodes, replicas, replicaHome } = deployment;
  const keys = [...nodes.keys()].flatMap((node) => ["identity", "store"].map((key) => `${federation.home(node)}/keys/${key}`));
  const secrets = [...keys, ...[...replicas.keys()].map((name) => homeLayout(replicaHome(name)).identity)]
    .filter((file) => existsSync(file))
    .flatMap((file) => {
      const octets = readFileSync(file);
      return [octets.toString("hex"), octets.toString("base64"), octets.toString("utf8").trim()];
    });
  const told = processesOf(deployment).filter((one) => {
    const log = one.log();
    return log.includes("canary-") || secrets.some((secret) => secret.length >= 16 && log.includes(secret));
  });
  const octets = processesOf(deployment).reduce((sum, one) => sum + one.log().length, 0);
  return {
    what: "no customer's id and no key stands in a log",
    result: `${customers.length} ids and ${secrets.length / 3} keys looked for in ${Math.round(octets / 1024)} KiB${told.length === 0 ? "" : `; found at ${told.map(({ name }) => name).join(", ")}`}`,
    held: told.length === 0 && customers.length > 0,
  };
}

/** Octets that a process may keep of each entry: its line, read and unread, in the few places that hold it. */
const copiesOfALine = 6;
/** Warm-up: this part of what was seen is left out. */
const warmUp = 1 / 4;

/** Of each spared process: nothing grows by more than an entry of the ledger takes, and descriptors by none at all. */
function leaks({ deployment, holdings, mustSeeGrowth }: Aftermath, lines: readonly string[]): Tried[] {
  const { parties, federation, blobs } = deployment;
  const line = lines.reduce((sum, { length }) => sum + length, 0) / Math.max(1, lines.length);
  const model = `${blobs}/blobs/${federation.plan.initialModelHash}`;
  const modelSize = existsSync(model) ? readFileSync(model).length : 0;
  return [...holdings].map(([name, all]): Tried => {
    const seen = all.slice(Math.floor(all.length * warmUp));
    const trend = (what: (holding: Holding) => number): Trend =>
      trendOf(seen.map((holding) => ({ x: holding.entries, y: what(holding) })));
    const [heap, outside, descriptors] = [
      trend(({ heap }) => heap),
      trend(({ outside }) => outside),
      trend(({ descriptors }) => descriptors),
    ];
    // a replica keeps models that were downloaded, up to 64 MiB (coordinator/src/storage/downloads.ts)
    const mayOutside = copiesOfALine * line + (parties.replicas.includes(name) ? modelSize : 0);
    const enough = heap.points >= fewestPoints();
    const kib = (octets: number) => `${(octets / 1024).toFixed(1)} KiB`;
    return {
      what: `what ${name} holds grows by no more than the ledger does (false alarms: ${falseAlarmRate})`,
      result: enough
        ? `an entry: heap ${kib(heap.slope)} (certainly ${kib(heap.atLeast)}, may ${kib(copiesOfALine * line)}), outside ${kib(outside.slope)}, descriptors ${descriptors.slope.toFixed(3)}; ${heap.points} points`
        : `${heap.points} points are too few to say; ${fewestPoints()} are needed`,
      held:
        (enough || !mustSeeGrowth) &&
        heap.atLeast <= copiesOfALine * line &&
        outside.atLeast <= mayOutside &&
        descriptors.atLeast <= 0,
    };
  });
}

/** Files that nothing refers to any more, once all has ended. Those of killed processes go after a day. */
function leftOver(
  { federation, blobs, replicas, replicaHome, nodes }: Deployment,
  entries: readonly Entry[],
  status: Status,
): Tried {
  const { plan } = federation;
  const known = new Set<string | null>([
    ...[plan.catalogueHash, plan.initialModelHash, status.optimiserHash],
    ...entries.flatMap((entry) => (entry.kind === "round" ? [entry.nextModelHash] : [])),
  ]);
  const list = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);
  const begun = /^\.writing-/;
  const unnamed = list(`${blobs}/blobs`).filter((name) => !known.has(name) && !name.startsWith("owner.") && !begun.test(name));
  const inHomes = [...replicas.keys()].flatMap((name) => {
    const { uploads, staging, work } = homeLayout(replicaHome(name));
    return [uploads, staging, work].flatMap(list);
  });
  const inNodes = [...nodes.keys()].flatMap((node) => {
    const home = federation.home(node);
    const rounds = list(`${home}/rounds`).filter((name) => name !== "CACHEDIR.TAG" && name !== "state.json");
    const temporaries = list(home).filter((name) => /\.(tmp|temporary|writing)/.test(name));
    return [...rounds, ...temporaries, ...list(`${home}/importing`)].map((name) => `${node}/${name}`);
  });
  const stray = [...unnamed, ...inHomes, ...inNodes];
  return {
    what: "no file is left that nothing refers to",
    result: stray.length === 0 ? `${list(`${blobs}/blobs`).length} contents, all named` : `${stray.length}: ${some(stray)}`,
    held: stray.length === 0,
  };
}
