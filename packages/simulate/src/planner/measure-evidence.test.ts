import type { Decimal } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, it } from "vitest";
import { measureEvidence } from "./measure-evidence.ts";

const cells = {
  ...{ customers: 90, items: 30, statistics: [0.5, 30] },
  training: [
    { rounds: 2, width: 4, clipNorm: 1, epsilon: 0.5 },
    { rounds: 2, width: 4, clipNorm: 1, epsilon: 30 },
  ],
  mixtures: [30].map((epsilon) => ({
    ...{ rounds: 2, width: 4, clipNorm: 1, trained: ["norms"] as const, epsilon, trainingShare: 0.25 },
    warmStart: { walks: 100, epochs: 1, batch: 16, learningRate: "0.002" as Decimal, repeats: "keep" as const, seed: 1 },
  })),
};
/** As it was measured first. */
const first = (() => {
  let known: ReturnType<typeof measureEvidence> | undefined;
  return () => (known ??= measure(5));
})();
const measure = (seed: number) =>
  measureEvidence(cells, { seed, repeat: 2, crypto: nodeCrypto(), executor: onnxruntimeExecutor() });

describe("the planner's evidence", () => {
  it("is the same for the same seed, and another for another", async () => {
    expect(await measure(5)).toEqual(await first());
    expect(await measure(6)).not.toEqual(await first());
  });

  it("stands by rising noise, and more noise comes from less ε", async () => {
    const { statistics, training, mixtures, floor, popularity } = await first();
    expect(mixtures.map(({ epsilon }) => epsilon)).toEqual([30]);
    for (const { statisticsNoise, epsilon, tables, walks, ndcg10 } of mixtures) {
      // a quarter of 1/σ² is training's
      const alone = statistics.find((one) => one.epsilon === epsilon)?.noise ?? 0;
      expect(statisticsNoise / alone).toBeCloseTo(Math.sqrt(4 / 3), 1);
      expect(new Set([tables, walks, ndcg10]).size).toBeGreaterThan(1);
    }
    expect(statistics.map(({ epsilon }) => epsilon)).toEqual([30, 0.5]);
    expect(statistics[1]?.noise).toBeGreaterThan((statistics[0]?.noise ?? 0) * 10);
    expect(training[1]?.noise).toBeGreaterThan((training[0]?.noise ?? 0) * 10);
    for (const value of [floor, popularity, ...[...statistics, ...training, ...mixtures].map(({ ndcg10 }) => ndcg10)]) {
      expect(value).toBeGreaterThan(0);
      expect(value).toBeLessThan(1);
    }
  });
});
