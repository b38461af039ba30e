/**
 * How well the next action is told: of events after a cut in time, by each customer's events before them, learnt from what was before the cut. Against a first-order Markov
 * chain, P(a | c) = n(c, a)/n(c), of the same events.
 */
import { actions, type Histories } from "@tributary/events";
import { actionChain, type Difference, nextActionOf, pairedMean } from "@tributary/model";

export interface NextActionQuality {
  readonly events: number;
  readonly customers: number;
  /** Share of events whose action was said to be the likeliest one. */
  readonly accuracy: number;
  readonly markovAccuracy: number;
  /** Mean −ln of the probability of what happened, nats. */
  readonly logLoss: number;
  readonly markovLogLoss: number;
  readonly difference: Difference;
}

/** So many of a log's events are learnt from; those after them are asked. */
const learnt = 0.8;

/** @param seed of the bootstrap */
export function nextActionQuality(histories: Histories, seed: number): NextActionQuality {
  const sorted = histories.times.slice().sort();
  const cut = sorted[Math.floor(learnt * sorted.length)] ?? 0;
  const before = eventsBefore(histories, cut);
  const chain = actionChain(before, actions.length);
  const markov = firstOrder(before);
  const [customers, right, markovRight, loss, markovLoss]: [number[], number[], number[], number[], number[]] = [
    [],
    [],
    [],
    [],
    [],
  ];
  for (let customer = 0; customer < histories.customers.length; customer++) {
    const [begin, end] = [histories.offsets[customer] as number, histories.offsets[customer + 1] as number];
    for (let event = begin + 1; event < end; event++) {
      if ((histories.times[event] as number) < cut) continue;
      const next = histories.actions[event] as number;
      const known = { items: histories.items.subarray(begin, event), actions: histories.actions.subarray(begin, event) };
      const said = nextActionOf(chain, known);
      const plain = markov[histories.actions[event - 1] as number] ?? [];
      customers.push(customer);
      right.push(likeliest(said) === next ? 1 : 0);
      markovRight.push(likeliest(plain) === next ? 1 : 0);
      loss.push(-Math.log(Math.max(1e-12, said[next] ?? 0)));
      markovLoss.push(-Math.log(Math.max(1e-12, plain[next] ?? 0)));
    }
  }
  const mean = (list: readonly number[]) => list.reduce((sum, one) => sum + one, 0) / Math.max(1, list.length);
  return {
    ...{ events: customers.length, customers: new Set(customers).size },
    ...{ accuracy: mean(right), markovAccuracy: mean(markovRight), logLoss: mean(loss), markovLogLoss: mean(markovLoss) },
    difference: pairedMean(customers, right, markovRight, { seed }),
  };
}

const likeliest = (probabilities: readonly number[]) =>
  probabilities.reduce((best, p, action) => (p > (probabilities[best] as number) ? action : best), 0);

function eventsBefore({ customers, offsets, items, actions: done, times }: Histories, cut: number): Histories {
  const kept = Uint32Array.from(times.keys()).filter((event) => (times[event] as number) < cut);
  const ends = new Uint32Array(customers.length + 1);
  for (let customer = 0; customer < customers.length; customer++) {
    let count = 0;
    for (let event = offsets[customer] as number; event < (offsets[customer + 1] as number); event++)
      if ((times[event] as number) < cut) count += 1;
    ends[customer + 1] = (ends[customer] as number) + count;
  }
  return {
    ...{ customers, offsets: ends },
    items: Int32Array.from(kept, (event) => items[event] as number),
    actions: Uint8Array.from(kept, (event) => done[event] as number),
    times: Float64Array.from(kept, (event) => times[event] as number),
  };
}

/** [actions][actions] P(a | c), with one event of everybody's in each row, so that nothing is impossible. */
function firstOrder({ customers, offsets, actions: done }: Histories): readonly (readonly number[])[] {
  const all = new Array<number>(actions.length).fill(1 / actions.length);
  const counts = actions.map(() => new Array<number>(actions.length).fill(0));
  for (let customer = 0; customer < customers.length; customer++) {
    for (let event = offsets[customer] as number; event < (offsets[customer + 1] as number); event++) {
      const next = done[event] as number;
      all[next] = (all[next] as number) + 1;
      const row = event > (offsets[customer] as number) ? counts[done[event - 1] as number] : undefined;
      if (row !== undefined) row[next] = (row[next] as number) + 1;
    }
  }
  const events = all.reduce((sum, count) => sum + count, 0);
  return counts.map((row) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, action) => (count + (all[action] as number) / events) / (total + 1));
  });
}
