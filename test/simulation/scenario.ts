/** What a seed stands for: how large the federation is, who in it is honest, and what goes wrong how often. */
import { type Chance, chanceOf } from "./randomness.ts";

/** What a corrupt node does to what it says, beside saying what an honest one would. */
const manners = ["silent", "garbage", "wrongShares", "wrongVectors", "liar", "noNoise", "late"] as const;
export type Manner = (typeof manners)[number];

export interface Scenario {
  readonly seed: number;
  readonly nodes: number;
  readonly minCohort: number;
  readonly maxCorrupt: number;
  /** Rounds on a graph of neighbours: whose choice of dropouts it is made for. */
  readonly graph?: "independent" | "chosen";
  /** Of the plan's one release, retries among them. */
  readonly rounds: number;
  readonly retries: number;
  /** Rounds of training after which the latest model is promoted by rule; undefined: no such rule. An honest coordinator's, which keeps to it. */
  readonly promoteEvery?: number;
  /** Of an honest coordinator's going back to an earlier model, each time that it considers a round. */
  readonly rollback: number;
  /** Nodes beyond the founders that an honest coordinator may admit, all of them honest. */
  readonly newcomers: number;
  /** Of an honest coordinator's admitting somebody, revoking somebody, or taking a node's new key, each time that it considers a round. */
  readonly rosterChange: number;
  readonly coordinator: "honest" | "corrupt";
  /** Places of corrupt nodes, and what each does. Under a corrupt coordinator they do what it says. */
  readonly corrupt: readonly { readonly place: number; readonly manner: Manner }[];
  /** Places of nodes that no honest node trusts; all of them are corrupt. May be more than `maxCorrupt`: then no set may be agreed on. */
  readonly sybils: readonly number[];
  readonly faults: FaultRates;
  /** Virtual milliseconds from which on nothing goes wrong any more. */
  readonly calmAfter: number;
}

/** Probabilities, each asked wherever the fault could happen. */
export interface FaultRates {
  /** Before each write and each send of a party. */
  readonly crash: number;
  readonly drop: number;
  readonly duplicate: number;
  /** Of messages that take much longer than others, up to several deadlines. */
  readonly slow: number;
  /** Of a node's link going down, each time the world looks (every 40 virtual milliseconds). */
  readonly partition: number;
  /** Of a node's last deadline passing although it hasn't. */
  readonly expiry: number;
  /** Of training that can't be done. */
  readonly training: number;
  /** Of a crashed node coming back with an older backup. */
  readonly restore: number;
}

const sizes = [
  { nodes: 4, minCohort: 3, maxCorrupt: 1 },
  { nodes: 5, minCohort: 4, maxCorrupt: 1 },
  { nodes: 5, minCohort: 3, maxCorrupt: 1 },
  { nodes: 6, minCohort: 5, maxCorrupt: 2 },
  { nodes: 7, minCohort: 5, maxCorrupt: 2 },
  { nodes: 4, minCohort: 3, maxCorrupt: 0 },
] as const;

/**
 * A graph of so few nodes has parameters at which what must not happen can't happen: fewer corrupt nodes than t, and fewer nodes away than it
 * takes to cut the ring.
 */
const graphSizes = [
  { nodes: 8, minCohort: 6, maxCorrupt: 1, graph: "independent" },
  { nodes: 9, minCohort: 7, maxCorrupt: 1, graph: "independent" },
  { nodes: 9, minCohort: 7, maxCorrupt: 1, graph: "chosen" },
  { nodes: 10, minCohort: 8, maxCorrupt: 2, graph: "independent" },
  { nodes: 10, minCohort: 8, maxCorrupt: 2, graph: "chosen" },
] as const;

/** More nodes than this are too many to all share with each other, in a simulation: a plan's own limit is 150. */
export const largestFullGraph = 7;

export function scenarioOf(seed: number): Scenario {
  const chance = chanceOf(`scenario ${seed}`);
  const size = seed % 4 === 3 || seed % 8 === 4 ? chance.pick(graphSizes) : chance.pick(sizes);
  const { nodes, maxCorrupt, minCohort } = size;
  const coordinator = seed % 2 === 0 ? "honest" : "corrupt";
  const places = chance.shuffled(Array.from({ length: nodes }, (_, i) => i));
  const overrun = coordinator === "corrupt" && !("graph" in size) && chance.happens(0.1);
  // beyond n_corrupt, so that fewer than n_min − n_corrupt nodes are anybody's
  const sybils = overrun ? places.slice(0, Math.min(nodes - 1, nodes - (minCohort - maxCorrupt) + 1)) : [];
  const wanted = coordinator === "corrupt" ? maxCorrupt : chance.below(maxCorrupt + 1);
  const corrupt = overrun ? sybils : places.slice(0, wanted);
  const retries = chance.below(2);
  const changes = coordinator === "honest" ? rosterChanges(seed, "graph" in size ? 2 : largestFullGraph - nodes) : unchanged;
  return {
    seed,
    ...size,
    rounds: 2 + chance.below(2) + retries,
    retries,
    ...(coordinator === "honest" && chance.happens(0.5) ? { promoteEvery: 1 + chance.below(2) } : {}),
    rollback: coordinator === "honest" ? chance.pick([0, 0, 0.1]) : 0,
    ...changes,
    coordinator,
    corrupt: corrupt.map((place) => ({ place, manner: chance.pick(manners) })),
    sybils,
    faults: coordinator === "honest" ? honestFaults(chance) : corruptFaults(chance),
    calmAfter: chance.between(500, 2500),
  };
}

const unchanged = { newcomers: 0, rosterChange: 0 };

/** By draws of its own: what else a seed stands for stays what it was. */
function rosterChanges(seed: number, most: number): Pick<Scenario, "newcomers" | "rosterChange"> {
  const chance = chanceOf(`roster ${seed}`);
  const rosterChange = chance.pick([0, 0.15, 0.4]);
  return rosterChange === 0 ? unchanged : { newcomers: chance.below(1 + Math.min(2, most)), rosterChange };
}

function honestFaults(chance: Chance): FaultRates {
  return {
    crash: chance.pick([0, 0.005, 0.02, 0.06]),
    drop: chance.pick([0, 0.02, 0.1]),
    duplicate: chance.pick([0, 0.05, 0.2]),
    slow: chance.pick([0, 0.02, 0.1]),
    partition: chance.pick([0, 0, 0.02, 0.1]),
    expiry: chance.pick([0, 0, 0.01]),
    training: chance.pick([0, 0.05]),
    restore: chance.pick([0, 0, 0.3]),
  };
}

/** A corrupt coordinator does the worst by itself; too much noise would keep it from getting anywhere. */
function corruptFaults(chance: Chance): FaultRates {
  return {
    crash: chance.pick([0, 0.002, 0.01]),
    drop: chance.pick([0, 0.01]),
    duplicate: chance.pick([0, 0.05]),
    slow: chance.pick([0, 0.02]),
    partition: 0,
    expiry: chance.pick([0, 0.005]),
    training: 0,
    restore: 0,
  };
}
