import { type Histories, seededRandom } from "@tributary/events/histories";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { openScorer } from "../evaluation/scorer.ts";
import type { ItemVectors } from "./item-vectors.ts";
import { historiesOf } from "./ring-market.fixture.ts";
import { type Student, startStudent, studentSpec, trainStudent } from "./student.ts";
import { frozenBut, withBodyOf } from "./warm-start.ts";

const executor = onnxruntimeExecutor();
const seed = 9;

/** Another shop: its items lie on the same circle at other angles, and its customers walk a fixed step along it. */
interface Shop {
  readonly items: number;
  readonly turn: number;
}
const [abroad, home]: readonly [Shop, Shop] = [
  { items: 36, turn: 0.05 },
  { items: 28, turn: 0.11 },
];

const angle = ({ items, turn }: Shop, place: number) => 2 * Math.PI * (place / items + turn);
const vectorsOf = (shop: Shop): ItemVectors => ({
  values: Float32Array.from({ length: 4 * shop.items }, (_, n) => {
    const [place, k] = [Math.floor(n / 4), n % 4];
    return [Math.cos, Math.sin, (x: number) => Math.cos(2 * x), (x: number) => Math.sin(2 * x)][k]?.(angle(shop, place)) ?? 0;
  }),
  width: 4,
});

/** A quarter of the way round at each step. */
function walkers({ items }: Shop, customers: number): Histories {
  const random = seededRandom(items, "walkers");
  return historiesOf(
    Array.from({ length: customers }, () => {
      const first = random.below(items);
      return Array.from({ length: 4 }, (_, e) => 1 + ((first + e * Math.round(items / 4)) % items));
    }),
  );
}

function startOf(shop: Shop): Student {
  const spec = studentSpec(shop.items, { width: 16, blocks: 1, heads: 1, length: 6, dropout: 0 });
  const popularity = new Float32Array(shop.items).fill(1);
  return startStudent(spec, { popularity, vectors: vectorsOf(shop), contentNorm: 4, seed });
}

/** The right item's mean rank among all, after two events. */
async function meanRank({ spec, parameters }: Student, { items }: Shop): Promise<number> {
  const scorer = await openScorer(spec, parameters, executor);
  let sum = 0;
  for (let first = 0; first < items; first++) {
    const at = (e: number) => (first + e * Math.round(items / 4)) % items;
    const { rows } = await scorer.score(historiesOf([[1 + at(0), 1 + at(1)]]), [{ begin: 0, end: 2 }]);
    const right = rows[at(2)] as number;
    sum += 1 + rows.filter((score) => score > right).length;
  }
  await scorer.close();
  return sum / items;
}

const training = { epochs: 30, batch: 32, learningRate: 0.01, seed };
const pretrained = async () => {
  const start = startOf(abroad);
  return trainStudent(start, walkers(abroad, 300), executor, { ...training, frozen: frozenBut(start.spec, ["body"]) });
};

describe("a body learnt on another catalogue", () => {
  test("knows its way among items that it has never seen, by their public vectors; few parameters then do the rest", async () => {
    const foreign = await pretrained();
    const fresh = startOf(home);
    const warm = withBodyOf(fresh, foreign);
    const [cold, moved] = [await meanRank(fresh, home), await meanRank(warm, home)];
    expect(cold).toBeGreaterThan(6); // near the middle of 28
    expect(moved).toBeLessThan(4);
    const frozen = frozenBut(warm.spec, ["norms"]);
    const tuned = await trainStudent(warm, walkers(home, 60), executor, { ...training, epochs: 10, frozen });
    const trained = warm.parameters.length - frozen.length;
    expect(trained).toBeLessThan(0.06 * warm.parameters.length);
    const changed = tuned.parameters.filter((value, place) => value !== warm.parameters[place]);
    expect(changed.length).toBeLessThanOrEqual(trained);
    expect(changed.length).toBeGreaterThan(0);
    const last = await meanRank(tuned, home);
    expect(last).toBeLessThanOrEqual(moved);
  });

  test("leaves the items as they are, and refuses another shape", () => {
    const [fresh, foreign] = [startOf(home), startOf(abroad)];
    const warm = withBodyOf(fresh, { ...foreign, parameters: foreign.parameters.map((value) => value + 1) });
    const table = home.items * 16;
    expect(warm.parameters.subarray(0, table)).toEqual(fresh.parameters.subarray(0, table));
    const body = foreign.parameters.subarray(abroad.items * 16).map((value) => value + 1);
    expect(warm.parameters.subarray(table)).toEqual(body);
    const deeper = startStudent(studentSpec(28, { width: 16, blocks: 2, heads: 1, length: 7 }), {
      popularity: new Float32Array(28).fill(1),
      seed,
    });
    expect(() => withBodyOf(deeper, foreign)).toThrow(expect.objectContaining({ code: "TRB_MODEL_TENSOR_SHAPE" }));
  });

  test("parts that may be trained on: norms, body and items, never the bias", () => {
    const { spec, parameters } = startOf(home);
    const free = (parts: Parameters<typeof frozenBut>[1]) => parameters.length - frozenBut(spec, parts).length;
    expect(free(["items"])).toBe(28 * 15);
    expect(free(["norms"])).toBe(2 * 2 * 16 + 2 * 16 - 2); // two norms of the block, the final one without the bias coordinate
    expect(free(["body", "items"])).toBe(parameters.length - 28 - 2);
    expect(free([])).toBe(0);
  });
});
