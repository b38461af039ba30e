/** Room 6. Integer vectors of many nodes to their sum and nothing else: pure functions. */
export {
  type CohortRules,
  isWithin,
  leastSurvivors,
  neighbourhoodOf,
  quorum,
  requireCohort,
  shareIndex,
  strictlyAscending,
} from "./cohort.ts";
export {
  agreementKeyOf,
  envelopeKey,
  ownMaskKey,
  pairMaskKey,
  pairSign,
  type RoundBinding,
  seedCommitment,
} from "./derivation.ts";
export { type EnvelopeAddress, openEnvelope, type SealedEnvelope, type SharePair, sealEnvelope } from "./envelope.ts";
export { type UniformBytes, uniformSeed } from "./field.ts";
export { graphCommitment, graphSeed, graphSource } from "./graph/commitment.ts";
export {
  boundsOf,
  type Neighbourhood,
  type NeighbourhoodRequest,
  smallestNeighbourhood,
} from "./graph/neighbourhood.ts";
export { type ShareGraph, shareGraphOf } from "./graph/share-graph.ts";
export { addVector, type Mask, maskVector, unmaskTotal } from "./masking.ts";
export { packedOctets, packWords, unpackWords } from "./packing.ts";
export { combineShares, reconstruct, requireShare, type Share, splitSecret, splitSecretAt } from "./shamir.ts";
export type { Unmasking } from "./unmasking.ts";
