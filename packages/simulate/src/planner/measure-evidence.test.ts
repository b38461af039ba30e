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
};
const measure = (seed: number) =>
  measureEvidence(cells, { seed, repeat: 2, crypto: nodeCrypto(), executor: onnxruntimeExecutor() });

describe("the planner's evidence", () => {
  it("is the same for the same seed, and another for another", async () => {
    const first = await measure(5);
    expect(await measure(5)).toEqual(first);
    expect(await measure(6)).not.toEqual(first);
  });

  it("stands by rising noise, and more noise comes from less ε", async () => {
    const { statistics, training, floor, popularity } = await measure(5);
    expect(statistics.map(({ epsilon }) => epsilon)).toEqual([30, 0.5]);
    expect(statistics[1]?.noise).toBeGreaterThan((statistics[0]?.noise ?? 0) * 10);
    expect(training[1]?.noise).toBeGreaterThan((training[0]?.noise ?? 0) * 10);
    for (const value of [floor, popularity, ...[...statistics, ...training].map(({ ndcg10 }) => ndcg10)]) {
      expect(value).toBeGreaterThan(0);
      expect(value).toBeLessThan(1);
    }
  });
});
