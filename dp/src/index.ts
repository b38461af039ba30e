/** Room 3. Customers' vectors in, noisy sums out, and what they cost. */
export {
  type Account,
  type AccountantName,
  type AccountOptions,
  account,
  accountantNames,
  type PrivacyBound,
} from "./accounting/account.ts";
export { sampledRdp } from "./accounting/amplification.ts";
export { composeApproximate, optimalDelta } from "./accounting/approximate.ts";
export { type AccountingBenchmark, benchAccounting } from "./accounting/bench-accounting.ts";
export { calibrateNoise, type NoiseTarget } from "./accounting/calibrate.ts";
export { bandedSensitivity, toeplitzCoefficients } from "./accounting/correlated/banded.ts";
export { treeSensitivity } from "./accounting/correlated/tree.ts";
export { discreteGaussianDelta, discreteGaussianTail } from "./accounting/discrete-gaussian.ts";
export {
  type DistributedNoise,
  distributedGaussianRdp,
  rotatedScale,
  roundedNormBound,
  skellamRdp,
} from "./accounting/distributed-noise.ts";
export { composeRdp, type EpsilonAtOrder, epsilonFromRdp, epsilonOf, epsilonOfAll } from "./accounting/epsilon.ts";
export {
  type AtomicEvent,
  approximate,
  composed,
  concentrated,
  discreteGaussianNoise,
  gaussian,
  integerGaussian,
  laplace,
  latticeGaussian,
  noiseMultiplierOf,
  type PrivacyEvent,
  type Releases,
  repeated,
  sampledGaussian,
} from "./accounting/events.ts";
export {
  budgetFilter,
  concentratedFilter,
  concentratedOdometer,
  type Filter,
  type Odometer,
  type PrivacyBudget,
  renyiFilter,
} from "./accounting/filters.ts";
export { gaussianDelta, gaussianEpsilon, gaussianLimitMu, gaussianMu } from "./accounting/gaussian-dp.ts";
export { atSeveralMerchants, forGroup, nodeUnit } from "./accounting/group.ts";
export { type LatticeRelease, latticeGaussianDelta, latticeGaussianEpsilon } from "./accounting/lattice-gaussian.ts";
export { rdpIntegerOrders, type SampledGaussian } from "./accounting/orders.ts";
export { rdpPoissonGaussian, rdpVector } from "./accounting/poisson-gaussian.ts";
export { privacyProfile, profileEpsilons, profileMu } from "./accounting/profile.ts";
export { expectedRuns, rdpOfStopping, type Stopping, stoppingFor } from "./accounting/random-stopping.ts";
export { rdpFractional } from "./accounting/renyi/fractional.ts";
export { rdpPure } from "./accounting/renyi/pure.ts";
export { noiseFor, samplingRateFor, stepsFor, type Target } from "./accounting/targets.ts";
export { deltaFromZcdp, epsilonFromZcdp, rhoFor } from "./accounting/zcdp.ts";
export { clopperPearsonLower, clopperPearsonUpper } from "./auditing/binomial.ts";
export {
  type Claim,
  type DistinguishOptions,
  type Draw,
  distinguish,
  type Finding as AuditFinding,
  type Neighbours,
  type Verdict,
} from "./auditing/distinguish.ts";
export { commitInclusion, drawInclusion, type Hash, type Inclusion, openInclusion } from "./auditing/inclusion.ts";
export { type OneRun, type OneRunTarget, oneRunEpsilon, oneRunPValue } from "./auditing/one-run.ts";
export {
  type LeastChance,
  leastChanceApproximate,
  leastChanceGaussian,
  oneRunGaussianEpsilon,
  oneRunMu,
  refutesCurve,
} from "./auditing/one-run-curve.ts";
export { auditScores, type CanaryScores, type GuessingRule, type OneRunAudit } from "./auditing/one-run-scores.ts";
export { intervals, lowestBits, type Partition } from "./auditing/partitions.ts";
export {
  type CanaryBound,
  type CanaryCosines,
  type CanaryEstimate,
  canaryBound,
  canaryEstimate,
  cosine,
  randomCanary,
} from "./auditing/random-canary.ts";
export { clipL2, normL2 } from "./clipping/clip-l2.ts";
export { clipToGrid } from "./clipping/clip-to-grid.ts";
export { parseRational, type Rational, toDecimal, toNumber } from "./exact/rational.ts";
export {
  type AdaptiveClip,
  clippedSign,
  countVariance,
  multiplierBesideCount,
  nextClipNorm,
} from "./mechanisms/adaptive-clipping.ts";
export { type BandedOptions, bandedNoise, type CorrelatedNoise } from "./mechanisms/banded.ts";
export {
  analyticGaussianDeviation,
  calibrateDiscreteGaussian,
  discreteGaussianMechanism,
  type GaussianOptions,
  type GaussianTarget,
  gaussianMechanism,
  type NoisyVector,
  type SamplerOf,
} from "./mechanisms/gaussian.ts";
export { discreteLaplaceMechanism, type LaplaceOptions, laplaceMechanism } from "./mechanisms/laplace.ts";
export { type MomentsOptions, type PrivateMoments, privateMoments } from "./mechanisms/moments.ts";
export {
  countCustomers,
  type PartitionOptions,
  partitionChances,
  selectPartitions,
  type ThresholdOptions,
  thresholdPartitions,
} from "./mechanisms/partition-selection.ts";
export { privateQuantile, type QuantileOptions } from "./mechanisms/quantile.ts";
export { bestOfRandomRuns, numberOfRuns, type Run } from "./mechanisms/random-stopping.ts";
export {
  exponentialMechanism,
  permuteAndFlip,
  rhoOfExponential,
  type Selection,
  type SelectionOptions,
} from "./mechanisms/selection.ts";
export { type RunningSums, type TreeOptions, treeSums } from "./mechanisms/tree.ts";
export {
  choosePackedSum,
  noisyPackedVector,
  type PackedSum,
  type PackedSumChoice,
  packedFit,
  packedRdp,
  packedVector,
  readPacked,
  readPackedSum,
} from "./packing/packed-sum.ts";
export { type PackedBits, packedBits, rotationSigns } from "./packing/rotation.ts";
export { benchSampler, type SamplerBenchmark } from "./sampling/bench-sampler.ts";
export { bernoulli, bernoulliExp } from "./sampling/bernoulli.ts";
export { chachaSource } from "./sampling/chacha-source.ts";
export { type SimulationSampler, simulationGaussian } from "./sampling/continuous-gaussian.ts";
export { discreteGaussian } from "./sampling/discrete-gaussian.ts";
export { discreteLaplace } from "./sampling/discrete-laplace.ts";
export { fastDiscreteGaussian } from "./sampling/fast-discrete-gaussian.ts";
export { fastDiscreteLaplace } from "./sampling/fast-discrete-laplace.ts";
export type { IntegerSampler } from "./sampling/integer-sampler.ts";
export { poissonSample } from "./sampling/poisson-sample.ts";
export { type RandomSource, type WordReader, wordReader } from "./sampling/random-source.ts";
export { describe, type Statement, type StatementSection, statementLines } from "./statements/describe.ts";
export {
  type Adjacency,
  type CoveredRelease,
  type Guarantee,
  type ProtectionTier,
  protectionTier,
  type TrustModel,
  type UnitOfPrivacy,
} from "./statements/guarantee.ts";
export type { StatementLanguage } from "./statements/words.ts";
export { addClamped, clampToQuota } from "./sum-query/clamp.ts";
export { ditherAndShift } from "./sum-query/dither.ts";
export {
  addBucket,
  addBucketPart,
  addCustomer,
  allFinite,
  dequantise,
  type Grid,
  moveBucketPart,
  sumQueryGrid,
} from "./sum-query/grid.ts";
export { fromModular, toModular } from "./sum-query/modular.ts";
export { addNoisyVector, noisyVector, readSum } from "./sum-query/node-vector.ts";
export { addNoise, noiseDeviation } from "./sum-query/noise.ts";
export { checkCustomers, type SumQueryParameters, type SumQueryPlan, sumQueryParameters } from "./sum-query/parameters.ts";
export { type ChosenScale, chooseScale, type ScaleChoice } from "./sum-query/scale.ts";
export { addSparseCustomer, type SparseVector } from "./sum-query/sparse-vector.ts";
export { clearSupported, eachStretch, emptySupport, joinSupport, type Support, widenSupport } from "./sum-query/support.ts";
