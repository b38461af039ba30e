/**
 * What goes wrong in a storm, and when: a list that follows from its seed. Two lanes of faults trouble one node each, a third one replicas, their database and
 * disks; so most of the cohort and one replica are well at any time, and rounds can go on. In each lane every kind comes once before any comes again.
 */
import { type Chance, chanceOf } from "../simulation/randomness.ts";

/** Of one node, or of its wires to all replicas. */
export const nodeKinds = [
  ...(["slow node", "narrow node", "node cut by FIN", "node cut by RST", "silent node", "half-open node"] as const),
  ...(["corrupting node", "node killed", "node stopped", "node's clock", "node's disk full", "node's memory"] as const),
] as const;
/** Of one replica, of its wires to all nodes or to the database, or of the database and the disk that replicas share. */
export const deploymentKinds = [
  ...(["slow replica", "replica cut", "silent replica", "corrupting replica"] as const),
  ...(["slow database", "database cut", "silent database", "database away"] as const),
  ...(["replica killed", "replica stopped", "replica's clock", "replica's memory", "replicas' disk full"] as const),
] as const;

export type FaultKind = (typeof nodeKinds)[number] | (typeof deploymentKinds)[number];

export interface Fault {
  /** Seconds after the storm has begun, and how many until it is undone. */
  readonly at: number;
  readonly lasts: number;
  readonly kind: FaultKind;
  /** A node or a replica; the database and the disk have no name. */
  readonly whom: string;
  /** In [0, 1): how much of it, within what its kind allows. */
  readonly strength: number;
}

export interface Parties {
  readonly nodes: readonly string[];
  readonly replicas: readonly string[];
  /** Never killed or stopped, so that what they hold can be watched from the beginning to the end. */
  readonly spared: readonly string[];
  /** The only ones whose disks can be filled. */
  readonly smallDisks: readonly string[];
}

/** Those that end a process. */
const ending: ReadonlySet<FaultKind> = new Set([
  ...(["node killed", "node stopped", "node's clock", "node's memory"] as const),
  ...(["replica killed", "replica stopped", "replica's clock", "replica's memory"] as const),
]);
const nobodys: ReadonlySet<FaultKind> = new Set(["database away", "replicas' disk full"]);

/** The storm of this seed: as many faults as begin and end within so many seconds. */
export function stormOf(seed: number, seconds: number, parties: Parties): Fault[] {
  const lanes = [
    lane(chanceOf(`chaos ${seed} first`), seconds, nodeKinds, (kind) => nodesOf(kind, parties, 0)),
    lane(chanceOf(`chaos ${seed} second`), seconds, nodeKinds, (kind) => nodesOf(kind, parties, 1)),
    lane(chanceOf(`chaos ${seed} deployment`), seconds, deploymentKinds, (kind) => replicasOf(kind, parties), 3),
  ];
  return lanes.flat().sort((a, b) => a.at - b.at);
}

/** What a soak has: nodes and replicas that come and go, and nothing that isn't of every day. */
export function soakOf(seed: number, seconds: number, parties: Parties): Fault[] {
  const chance = chanceOf(`soak ${seed}`);
  const everyday = ["node killed", "replica killed", "node cut by RST", "database cut"] as const;
  const whom = (kind: FaultKind) => (kind.startsWith("node") ? nodesOf(kind, parties, 0) : replicasOf(kind, parties));
  return lane(chance, seconds, everyday, whom, 8);
}

/** One fault after another. @param calm seconds between them, at least; at most twice as many and two */
function lane(
  chance: Chance,
  seconds: number,
  kinds: readonly FaultKind[],
  candidates: (kind: FaultKind) => readonly string[],
  calm = 1,
): Fault[] {
  const faults: Fault[] = [];
  for (let at = chance.between(1, 4); ; ) {
    for (const kind of chance.shuffled(kinds)) {
      const among = candidates(kind);
      if (among.length === 0) continue;
      const fault = { at, lasts: chance.between(3, 10), kind, whom: chance.pick(among), strength: chance.number() };
      if (fault.at + fault.lasts > seconds) return faults;
      faults.push(fault);
      at = fault.at + fault.lasts + chance.between(calm, 2 * calm + 2);
    }
    if (faults.length === 0) return faults;
  }
}

/** The lanes share no node, so that nobody is troubled twice at a time. */
function nodesOf(kind: FaultKind, { nodes, spared, smallDisks }: Parties, half: 0 | 1): string[] {
  return nodes.filter(
    (node, place) =>
      place % 2 === half &&
      !(ending.has(kind) && spared.includes(node)) &&
      (kind !== "node's disk full" || smallDisks.includes(node)),
  );
}

function replicasOf(kind: FaultKind, { replicas, spared, smallDisks }: Parties): string[] {
  if (kind === "replicas' disk full") return smallDisks.includes("replicas") ? ["replicas"] : [];
  if (nobodys.has(kind)) return ["database"];
  return replicas.filter((replica) => !(ending.has(kind) && spared.includes(replica)));
}

/** A line for each, as the command prints them. */
export const faultInWords = ({ at, lasts, kind, whom, strength }: Fault): string =>
  `${at.toFixed(1).padStart(7)} s  ${kind.padEnd(20)} ${whom.padEnd(12)} ${lasts.toFixed(1).padStart(4)} s  strength ${strength.toFixed(2)}`;
