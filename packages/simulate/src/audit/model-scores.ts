/** What a model says of a customer's history: how likely its next items are, which is all that attackers of a final model have. */
import type { Histories } from "@tributary/events";
import { type ItemContent, type ModelSpec, modelScorer, type Stretch } from "@tributary/model";
import type { Executor } from "@tributary/tensor";

export interface ScoredModel {
  readonly model: ModelSpec;
  readonly items: number;
  readonly executor: Executor;
  readonly content?: ItemContent | undefined;
}

/** Stretches that are scored at a time. */
const batch = 256;

/**
 * ln P of one item after each stretch, by softmax over the catalogue.
 * @param next `[stretches]`: the item, from 1 on
 * @returns `[stretches]` nats
 */
export async function nextItemLogs(
  { model, items, executor, content }: ScoredModel,
  parameters: Float32Array,
  histories: Histories,
  stretches: readonly Stretch[],
  next: ArrayLike<number>,
): Promise<Float64Array> {
  const logs = new Float64Array(stretches.length);
  await eachBatch({ model, items, executor, content }, parameters, histories, stretches, (place, row) => {
    logs[place] = (row[(next[place] as number) - 1] as number) - normaliser(row);
  });
  return logs;
}

/** `[stretches]` of `[items]`: ln P of every item after each stretch. */
export async function allNextItemLogs(
  scored: ScoredModel,
  parameters: Float32Array,
  histories: Histories,
  stretches: readonly Stretch[],
): Promise<readonly Float64Array[]> {
  const logs: Float64Array[] = [];
  await eachBatch(scored, parameters, histories, stretches, (place, row) => {
    const total = normaliser(row);
    logs[place] = Float64Array.from(row, (score) => score - total);
  });
  return logs;
}

/**
 * Mean ln P of a customer's items, each after those before it, over the latest `most` of them; customers with fewer than two item events get 0.
 * @returns `[customers]` nats
 */
export async function historyLogs(
  scored: ScoredModel,
  parameters: Float32Array,
  histories: Histories,
  most: number,
): Promise<Float64Array> {
  const stretches: Stretch[] = [];
  const [next, of]: [number[], number[]] = [[], []];
  for (let customer = 0; customer + 1 < histories.offsets.length; customer++) {
    const [begin, end] = [histories.offsets[customer] as number, histories.offsets[customer + 1] as number];
    for (let event = Math.max(begin + 1, end - most); event < end; event++) {
      if (histories.items[event] === 0 || histories.items[event - 1] === 0) continue;
      stretches.push({ begin, end: event });
      next.push(histories.items[event] as number);
      of.push(customer);
    }
  }
  const logs = await nextItemLogs(scored, parameters, histories, stretches, next);
  const [sums, counts] = [new Float64Array(histories.offsets.length - 1), new Float64Array(histories.offsets.length - 1)];
  logs.forEach((log, place) => {
    const customer = of[place] as number;
    sums[customer] = (sums[customer] as number) + log;
    counts[customer] = (counts[customer] as number) + 1;
  });
  return sums.map((sum, customer) => (counts[customer] === 0 ? 0 : sum / (counts[customer] as number)));
}

async function eachBatch(
  { model, items, executor, content }: ScoredModel,
  parameters: Float32Array,
  histories: Histories,
  stretches: readonly Stretch[],
  use: (place: number, row: Float32Array | Float64Array) => void,
): Promise<void> {
  const scorer = await modelScorer(model, parameters, executor, items, content);
  try {
    const length = (place: number) => (stretches[place]?.end ?? 0) - (stretches[place]?.begin ?? 0);
    const order = [...stretches.keys()].sort((a, b) => length(a) - length(b) || a - b); // like lengths together: little is padding
    for (let first = 0; first < order.length; first += batch) {
      const places = order.slice(first, first + batch);
      const rows = await scorer.score(
        histories,
        places.map((place) => stretches[place] as Stretch),
      );
      const width = rows.length / places.length;
      for (const [row, place] of places.entries()) use(place, rows.subarray(row * width, row * width + items));
    }
  } finally {
    await scorer.close();
  }
}

/** ln Σ exp */
function normaliser(row: Float32Array | Float64Array): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const score of row) most = Math.max(most, score);
  let sum = 0;
  for (const score of row) sum += Math.exp(score - most);
  return most + Math.log(sum);
}
