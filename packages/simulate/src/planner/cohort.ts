/** Who has to take part, and how many customers a node may bring (DESIGN §5, defaults). */
import { formatDecimal, isGraphRound, type PlanGraph } from "@tributary/protocol";
import { neighbourhoodOf } from "@tributary/secagg";

export interface Cohort {
  readonly minCohort: number;
  readonly maxCorrupt: number;
  /** Q = ⌊(n + maxCorrupt)/2⌋ + 1 with everyone there. */
  readonly quorum: number;
  /** Of rounds that are too large for everyone to share with everyone. */
  readonly graph?: PlanGraph;
  readonly why: readonly string[];
}

/**
 * @param merchants n
 * @param wanted overrides of the defaults maxCorrupt = ⌊(n−1)/4⌋, minCohort = max(Q, ⌈2n/3⌉), never below 3
 * @throws TRB_SECAGG_GRAPH_IMPOSSIBLE
 */
export function chooseCohort(
  merchants: number,
  wanted: { readonly minCohort?: number; readonly maxCorrupt?: number } = {},
): Cohort {
  const maxCorrupt = wanted.maxCorrupt ?? Math.floor((merchants - 1) / 4);
  const quorum = Math.floor((merchants + maxCorrupt) / 2) + 1;
  const minCohort = wanted.minCohort ?? Math.max(3, quorum, Math.ceil((2 * merchants) / 3));
  const honest = minCohort - maxCorrupt;
  const why = [
    `A round needs ${minCohort} of ${merchants} merchants, so ${merchants - minCohort} may be missing; ε holds even if ${maxCorrupt} of those there work${maxCorrupt === 1 ? "s" : ""} with the coordinator.`,
    `Each node therefore adds 1/${honest} of the noise: with all ${merchants} there the sum carries √(${merchants}/${honest}) = ${Math.sqrt(merchants / honest).toFixed(2)} times what ε needs.`,
  ];
  const graph = chooseGraph(merchants, { minCohort, maxCorrupt, quorum });
  if (graph === undefined) return { minCohort, maxCorrupt, quorum, why };
  const { neighbours, threshold } = neighbourhoodOf(merchants, { minCohort, maxCorrupt, graph });
  const reason = `Nodes share masks with ${neighbours} neighbours each, on a graph that nobody chooses; ${threshold} of them take a missing node's masks off.`;
  return { minCohort, maxCorrupt, quorum, graph, why: [...why, reason] };
}

/** A tenth of the nodes may fall silent, or as many as a round can do without. */
function chooseGraph(
  merchants: number,
  { minCohort, maxCorrupt, quorum }: Pick<Cohort, "minCohort" | "maxCorrupt" | "quorum">,
): PlanGraph | undefined {
  const spare = merchants - Math.max(minCohort, quorum);
  const graph: PlanGraph = {
    dropoutRate: formatDecimal(Math.max(0, Math.min(0.1, Math.floor((1000 * spare) / merchants) / 1000))),
    dropouts: "independent",
  };
  // more corrupt nodes than a cohort bears are the caller's to refuse
  return isGraphRound({ graph }, merchants) && maxCorrupt < minCohort ? graph : undefined;
}

/** Room for merchants of unequal size: half as many customers again as an equal split gives, rounded up to a power of two. */
export function chooseQuota(customers: number, merchants: number, samplingRate: number): number {
  return nextPowerOfTwo((1.5 * samplingRate * customers) / merchants);
}

function nextPowerOfTwo(least: number): number {
  let power = 1;
  while (power < least) power *= 2;
  return power;
}
