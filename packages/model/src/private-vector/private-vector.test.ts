import { fromModular, type RandomSource, type SumQueryPlan, sumQueryParameters, toNumber } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { type Histories, seededRandom } from "@tributary/events/histories";
import { float64Interpreter } from "@tributary/tensor";
import { afterAll, describe, expect, it } from "vitest";
import { parameterCount } from "../parameters.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { createTrainer, type Trainer } from "../training/trainer.ts";
import { trainingVector } from "./private-vector.ts";

const spec: ModelSpec = modelSpec({
  items: 60,
  length: 4,
  width: 8,
  blocks: 1,
  heads: 1,
  feedForward: 1,
  activation: "relu",
  positions: "learned",
  actions: 0,
  timeGaps: 0,
  nextItem: { loss: "softmax", negatives: 0, calibration: 0 },
  weights: { nextItem: 1000, nextAction: 0, churn: 0, purchase: 0 },
});
const dimension = parameterCount(spec);
const customers = 36;
const histories: Histories = {
  customers: Array.from({ length: customers }, (_, c) => `customer-${c}`),
  offsets: Uint32Array.from({ length: customers + 1 }, (_, c) => 3 * c),
  items: Int32Array.from({ length: 3 * customers }, (_, e) => 1 + ((7 * e * e + e) % 60)),
  actions: new Uint8Array(3 * customers),
  times: Float64Array.from({ length: 3 * customers }, (_, e) => 10 * e),
};
const parameters = Float32Array.from({ length: dimension }, (_, i) => Math.sin(3 * i) / 3);

const plan: SumQueryPlan = {
  arithmetic: "bucketed",
  clipNorm: "0.5",
  scale: "1000000",
  fractionBits: 8,
  dimension,
  touched: dimension,
  samplingRate: "1",
  noiseMultiplier: "0.01",
  minCohort: 4,
  maxCorrupt: 1,
  customerQuota: 64,
};

function stream(seed: number, label: string): RandomSource {
  const random = seededRandom(seed, label);
  return {
    fill(out) {
      for (let i = 0; i < out.length; i++) out[i] = random.below(256);
    },
  };
}

const streams = (seed: number) => ({
  sampling: stream(seed, "sampling"),
  rounding: stream(seed, "rounding"),
  noise: stream(seed, "noise"),
});

describe("a node's training vector", async () => {
  const trainer = await createTrainer(spec, float64Interpreter());
  afterAll(() => trainer.close());
  const vectorOf = async (overrides: Partial<SumQueryPlan>, seed: number) => {
    const query = sumQueryParameters({ ...plan, ...overrides });
    const negatives = stream(0, "negatives");
    const request = { ...query, customerQuota: 64, parameters, histories, negatives, random: streams(seed) };
    const { vector, counts } = await trainingVector(trainer, request);
    return { signed: fromModular(vector), counts, deviation: Math.sqrt(toNumber(query.nodeVariance)), query };
  };
  const clippedSum = async () => {
    const everyone = Uint32Array.from({ length: customers }, (_, c) => c);
    const request = { parameters, histories, sampled: everyone, clipNorm: 0.5, scale: 1e6, fractionBits: 8, customerQuota: 64 };
    const { total } = await trainer.sum({ ...request, negatives: stream(0, "negatives") });
    return total.map((units) => units / 256);
  };

  it("is the clipped sum in integer units plus noise of exactly the node's variance", async () => {
    const { signed, counts, deviation } = await vectorOf({}, 1);
    const sum = await clippedSum();
    expect(counts.customers).toBe(customers);
    const noise = Float64Array.from(signed, (y, i) => (y - (sum[i] ?? 0)) / deviation);
    const n = noise.length;
    const mean = noise.reduce((a, b) => a + b, 0) / n;
    const square = noise.reduce((a, b) => a + b * b, 0) / n;
    // standard errors 1/√n and √(2/n): seven of them have a false-alarm rate below 1e-10
    expect(Math.abs(mean)).toBeLessThan(7 / Math.sqrt(n));
    expect(Math.abs(square - 1)).toBeLessThan(7 * Math.sqrt(2 / n));
    expect(sum.reduce((a, b) => a + b * b, 0)).toBeGreaterThan((100 * deviation) ** 2); // so the sum can't hide in the noise
  });

  it("is noise alone when nobody is sampled, and no shorter", async () => {
    const { signed, counts, deviation } = await vectorOf({ samplingRate: "0" }, 2);
    expect(counts.customers).toBe(0);
    const square = signed.reduce((a, y) => a + (y / deviation) ** 2, 0) / signed.length;
    expect(signed.length).toBe(dimension);
    expect(Math.abs(square - 1)).toBeLessThan(7 * Math.sqrt(2 / signed.length));
  });

  it("is noise alone when time is up in the middle of training", async () => {
    const query = sumQueryParameters(plan);
    let asked = 0;
    // a quota so large that there are many buckets
    const request = { ...query, customerQuota: 2 ** 20, parameters, histories, negatives: stream(0, "negatives") };
    const { vector } = await trainingVector(trainer, { ...request, random: streams(6), deadline: () => asked++ >= 1 });
    expect(asked).toBe(2); // one bucket was run
    const deviation = Math.sqrt(toNumber(query.nodeVariance));
    const square = fromModular(vector).reduce((a, y) => a + (y / deviation) ** 2, 0) / vector.length;
    expect(Math.abs(square - 1)).toBeLessThan(7 * Math.sqrt(2 / vector.length));
  });

  it("is noise alone when the executor fails on the sample, and tells the node why; refusals of the round itself are seen", async () => {
    const query = sumQueryParameters(plan);
    const request = {
      ...query,
      customerQuota: 64,
      parameters,
      histories,
      negatives: stream(0, "negatives"),
      random: streams(7),
    };
    const broken = fail("TRB_TENSOR_EXECUTOR_FAILED", { executor: "onnxruntime", action: "run", graph: "training", where: "" });
    const throwing = (error: unknown): Trainer => ({ sum: () => Promise.reject(error), close: () => Promise.resolve() });
    for (const cause of [broken, new RangeError("Array buffer allocation failed")]) {
      const { vector, counts, failure } = await trainingVector(throwing(cause), request);
      expect(failure).toBe(cause);
      expect(counts).toEqual({ customers: 0, zeroed: 0, skipped: customers });
      const deviation = Math.sqrt(toNumber(query.nodeVariance));
      const square = fromModular(vector).reduce((a, y) => a + (y / deviation) ** 2, 0) / vector.length;
      expect(Math.abs(square - 1)).toBeLessThan(7 * Math.sqrt(2 / vector.length));
    }
    const short = { ...request, parameters: parameters.slice(1) };
    await expect(trainingVector(trainer, short)).rejects.toMatchObject({ code: "TRB_TRAINING_PARAMETERS_WRONG_LENGTH" });
  });

  it("is refused before anyone is sampled when all customers together could leave the range of exact sums", async () => {
    const query = { ...sumQueryParameters(plan), mostCustomers: customers - 1 };
    const untouched: RandomSource = { fill: () => expect.unreachable("something was drawn") };
    const random = { sampling: untouched, rounding: untouched, noise: untouched };
    const request = { ...query, customerQuota: 64, parameters, histories, negatives: untouched, random };
    await expect(trainingVector(trainer, request)).rejects.toMatchObject({ code: "TRB_DP_TOO_MANY_CUSTOMERS" });
  });

  it("is clamped to the quota before the noise", async () => {
    const query = sumQueryParameters({ ...plan, customerQuota: 1, clipNorm: "0.5" });
    const everyone = await clippedSum();
    const bound = 0.5e6; // quota 1 · s · C
    const spread = 12 * Math.sqrt(toNumber(query.nodeVariance));
    const { signed } = await vectorOf({ customerQuota: 1 }, 3);
    expect(Math.max(...everyone.map(Math.abs))).toBeGreaterThan(bound + spread); // the clamp has something to do
    expect(Math.max(...signed.map(Math.abs))).toBeLessThan(bound + spread);
  });

  it("is the same from the same streams, and other noise from others", async () => {
    const [once, twice, other] = [await vectorOf({}, 4), await vectorOf({}, 4), await vectorOf({}, 5)];
    expect(once.signed).toEqual(twice.signed);
    expect(once.signed).not.toEqual(other.signed);
  });
});
