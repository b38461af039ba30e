/** Private logistic regression: 4,000 people, 8 features, ε = 2. Prints one line of JSON. */
import {
  addCustomer,
  calibrateNoise,
  chooseScale,
  epsilonOf,
  noisyVector,
  poissonSample,
  readSum,
  sumQueryParameters,
} from "@tributary/dp";

const people = 4000;
const dimension = 8;
const delta = 1e-6;
const training = { samplingRate: 0.25, steps: 40 };

// Made-up people, the same each time: features in [−1, 1], and a yes or no that a hidden line decides nine times in ten.
let state = 20_261_201;
const uniform = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};
const hidden = Array.from({ length: dimension }, (_, i) => (i % 2 === 0 ? 1 : -1) * (1 + i / 4));
const data = Array.from({ length: people }, () => {
  const x = Array.from({ length: dimension }, () => 2 * uniform() - 1);
  const side = dot(x, hidden) > 0 ? 1 : 0;
  return { x, y: uniform() < 0.9 ? side : 1 - side };
});

// The least noise that keeps ε ≤ 2, by an accountant that holds for the discrete noise which is really drawn.
const noiseMultiplier = calibrateNoise({ ...training, epsilon: 2, delta });

// What decides privacy is a decimal string and is computed with in fractions. One node, so that all noise is its own.
const clipNorm = "1";
const noise = noiseMultiplier.toFixed(6);
const { scale } = chooseScale({
  ...{
    arithmetic: "exact" as const,
    totalQuota: 4096,
    clipNorm,
    noiseMultiplier: noise,
    dimension,
    maxNodes: 1,
    honestMinimum: 1,
  },
});
const parameters = sumQueryParameters({
  ...{ arithmetic: "exact" as const, clipNorm, scale, fractionBits: 8, dimension, touched: dimension },
  ...{ samplingRate: String(training.samplingRate), noiseMultiplier: noise, minCohort: 1, maxCorrupt: 0, customerQuota: 4096 },
});
const random = { fill: (out: Uint8Array) => void crypto.getRandomValues(out as Uint8Array<ArrayBuffer>) };

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}
const gradient = (weights: readonly number[], { x, y }: (typeof data)[number]): Float64Array => {
  const error = 1 / (1 + Math.exp(-dot(weights, x))) - y;
  return Float64Array.from(x, (value) => error * value);
};
const descend = (weights: readonly number[], mean: ArrayLike<number>): number[] =>
  weights.map((w, i) => w - 2 * (mean[i] ?? 0));
const start = new Array<number>(dimension).fill(0);

let weights = start;
for (let step = 0; step < training.steps; step++) {
  const total = new Float64Array(dimension);
  for (const person of poissonSample(people, parameters.samplingRate, random)) {
    const one = data[person];
    // clipped to norm 1 on the grid, where the norm is exact
    if (one !== undefined) addCustomer(total, gradient(weights, one), parameters.grid, parameters.touched);
  }
  const noisy = noisyVector(total, parameters, { rounding: random, noise: random });
  // divided by how many are expected, never by how many came
  weights = descend(weights, readSum(noisy, parameters, training.samplingRate * people));
}

let plain = start;
for (let step = 0; step < training.steps; step++) {
  const all = data.map((one) => gradient(plain, one));
  const mean = start.map((_, i) => all.reduce((sum, g) => sum + (g[i] ?? 0), 0) / people);
  plain = descend(plain, mean);
}

const accuracy = (of: readonly number[]): number => data.filter(({ x, y }) => (dot(of, x) > 0 ? 1 : 0) === y).length / people;
console.log(
  JSON.stringify({
    noiseMultiplier,
    epsilon: epsilonOf({ ...training, noiseMultiplier, delta }),
    ...{ delta, accuracy: accuracy(weights), withoutPrivacy: accuracy(plain) },
  }),
);
