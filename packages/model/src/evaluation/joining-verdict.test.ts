import { seededRandom } from "@tributary/events/histories";
import { describe, expect, test } from "vitest";
import { bootstrapDifference } from "./bootstrap.ts";
import { fewestJudged, joiningVerdict } from "./joining-verdict.ts";
import type { Ranks } from "./result-block.ts";

const seed = 11;

/**
 * Two rankers of the same customers: an item comes first by each with these chances, and what is hard for one is often hard for the other.
 * @param chances of alone and joined
 */
function paired(customers: number, chances: readonly [number, number], draw: number): { alone: Ranks; joined: Ranks } {
  const random = seededRandom(draw, "pairs");
  const isNew = new Uint8Array(customers);
  const [alone, joined] = [new Float64Array(customers), new Float64Array(customers)];
  for (let c = 0; c < customers; c++) {
    const hard = random.fraction();
    const other = random.fraction() < 0.7 ? hard : random.fraction();
    alone[c] = hard < chances[0] ? 1 : 40;
    joined[c] = other < chances[1] ? 1 : 40;
  }
  return { alone: { ranks: alone, isNew }, joined: { ranks: joined, isNew } };
}

const worse = ({ ranks, isNew }: Ranks, every: number): Ranks => ({
  ranks: ranks.map((rank, c) => (rank === 1 && c % every === 0 ? 40 : rank)),
  isNew,
});

describe("whether joining pays", () => {
  test("is told by the paired interval: a clear gain, a clear loss, and neither", () => {
    const { alone, joined } = paired(600, [0.3, 0.45], 1);
    const pays = joiningVerdict({ alone, joined }, { seed });
    expect(pays).toMatchObject({ verdict: "pays", by: "interval", customers: 600, confidence: 0.95 });
    expect(pays.gain).toEqual(bootstrapDifference(joined, alone, { seed }));
    expect(pays.sentence).toContain("Joining pays");
    const loses = joiningVerdict({ alone: joined, joined: alone }, { seed });
    expect(loses).toMatchObject({ verdict: "doesNotPay", by: "interval" });
    expect(loses.sentence).toContain("better off alone");
    expect(loses.advice).toContain("Don't join");
    const level = paired(60, [0.3, 0.3], 2);
    expect(joiningVerdict(level, { seed })).toMatchObject({ verdict: "cannotTell", by: "interval" });
  });

  test("a loss of 3 % is advised against, once there are customers enough to see it", () => {
    const { alone } = paired(4000, [0.4, 0.4], 3);
    const joined = worse(alone, 33);
    const { verdict, gain, advice } = joiningVerdict({ alone, joined }, { seed });
    expect(gain.relative).toBeGreaterThan(-0.04);
    expect(gain.relative).toBeLessThan(-0.02);
    expect(verdict).toBe("doesNotPay");
    expect(advice).toContain("what serves is worse for it");
  });

  test("what gains less than is worth it doesn't pay, whatever side of 0 it is on", () => {
    const { alone } = paired(400, [0.3, 0.3], 4);
    const level = joiningVerdict({ alone, joined: alone }, { seed });
    expect(level).toMatchObject({ verdict: "doesNotPay", gain: { interval: [0, 0] } });
    expect(level.sentence).toContain("less than 1 %");
    const better = worse(alone, 12);
    expect(joiningVerdict({ alone: better, joined: alone }, { seed, leastGain: 0 }).verdict).toBe("pays");
    expect(joiningVerdict({ alone: better, joined: alone }, { seed, leastGain: 0.9 }).verdict).toBe("doesNotPay");
    const nothing: Ranks = { ranks: alone.ranks.map(() => 99), isNew: alone.isNew };
    expect(joiningVerdict({ alone: nothing, joined: alone }, { seed }).verdict).toBe("pays");
    expect(joiningVerdict({ alone: nothing, joined: nothing }, { seed, leastGain: 0 }).verdict).toBe("doesNotPay");
  });

  test("a gain on customers whom the federation has learnt from is no evidence, a loss on them is", () => {
    const { alone, joined } = paired(600, [0.3, 0.45], 5);
    const gain = joiningVerdict({ alone, joined }, { seed, seenByFederation: true });
    expect(gain).toMatchObject({ verdict: "cannotTell", by: "seen" });
    expect(gain.sentence).toContain("learnt from these very events");
    const loss = joiningVerdict({ alone: joined, joined: alone }, { seed, seenByFederation: true });
    expect(loss).toMatchObject({ verdict: "doesNotPay", by: "interval" });
  });

  test("of few customers nothing is told, and what can't be compared is refused", () => {
    const { alone, joined } = paired(fewestJudged - 1, [0.1, 0.9], 6);
    expect(joiningVerdict({ alone, joined }, { seed })).toMatchObject({ verdict: "cannotTell", by: "few" });
    const code = expect.objectContaining({ code: "TRB_MODEL_EVALUATION_INVALID" });
    const fewer = { ranks: joined.ranks.slice(1), isNew: joined.isNew.slice(1) };
    expect(() => joiningVerdict({ alone, joined: fewer }, { seed })).toThrow(code);
    expect(() => joiningVerdict({ alone, joined }, { seed, leastGain: 1 })).toThrow(code);
  });

  test("paired intervals hold a true difference about as often as they say, and nothing gained is rarely called a gain", () => {
    let [held, called] = [0, 0];
    const samples = 300;
    for (let sample = 0; sample < samples; sample++) {
      const gains = paired(200, [0.3, 0.4], 1000 + sample);
      const [low, high] = bootstrapDifference(gains.joined, gains.alone, { seed: sample, replicates: 200 }).interval;
      held += Number(low <= 0.1 && 0.1 <= high);
      const level = paired(200, [0.35, 0.35], 5000 + sample);
      called += Number(joiningVerdict(level, { seed: sample, replicates: 200 }).verdict === "pays");
    }
    // binomial tails: fewer than 245 of 300 at 93 % coverage 2e-11 (half the width would hold about 200), more than 40 at 4 % false gains 1e-11
    expect(held).toBeGreaterThanOrEqual(245);
    expect(called).toBeLessThanOrEqual(40);
  });
});
