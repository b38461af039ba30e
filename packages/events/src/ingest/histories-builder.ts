/** Events in order → chunks of histories, in arrays that grow with what comes and are begun anew with each chunk. */
import type { Histories } from "../histories.ts";

export interface HistoriesBuilder {
  /** The events that follow are this customer's; of no customer: they are left out. */
  readonly startCustomer: (id: string | undefined) => void;
  readonly add: (item: number, action: number, time: number, dwell: number, price: number) => void;
  readonly events: () => number;
  /** What there is, in arrays of its own. */
  readonly finish: () => Histories;
}

const firstCapacity = 2 ** 14;

/** @param amounts which of them there are */
export function historiesBuilder(amounts: { readonly dwell: boolean; readonly price: boolean }): HistoriesBuilder {
  let customers: string[] = [];
  let ends: number[] = [];
  let count = 0;
  let leftOut = true;
  let items = new Int32Array(firstCapacity);
  let actions = new Uint8Array(firstCapacity);
  let times = new Float64Array(firstCapacity);
  let dwells = new Float32Array(amounts.dwell ? firstCapacity : 0);
  let prices = new Float32Array(amounts.price ? firstCapacity : 0);
  const grow = () => {
    items = resized(Int32Array, items);
    actions = resized(Uint8Array, actions);
    times = resized(Float64Array, times);
    dwells = resized(Float32Array, dwells);
    prices = resized(Float32Array, prices);
  };
  return {
    startCustomer: (id) => {
      leftOut = id === undefined;
      if (id === undefined) return;
      customers.push(id);
      ends.push(count);
    },
    add: (item, action, time, dwell, price) => {
      if (leftOut) return;
      if (count === items.length) grow();
      items[count] = item;
      actions[count] = action;
      times[count] = time;
      if (amounts.dwell) dwells[count] = dwell;
      if (amounts.price) prices[count] = price;
      count++;
      ends[ends.length - 1] = count;
    },
    events: () => count,
    finish: () => {
      const chunk: Histories = {
        customers,
        offsets: Uint32Array.from([0, ...ends]),
        items: items.slice(0, count),
        actions: actions.slice(0, count),
        times: times.slice(0, count),
        ...(amounts.dwell ? { dwells: dwells.slice(0, count) } : {}),
        ...(amounts.price ? { prices: prices.slice(0, count) } : {}),
      };
      [customers, ends, count] = [[], [], 0];
      return chunk;
    },
  };
}

/** The same numbers, with room for as many again. */
function resized<A extends { readonly length: number; set(values: A): void }>(of: new (length: number) => A, values: A): A {
  const larger = new of(2 * values.length);
  larger.set(values);
  return larger;
}
