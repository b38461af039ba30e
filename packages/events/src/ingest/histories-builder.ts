/** Events in order → chunks of histories, each event once, in arrays that grow with what comes and are begun anew with each chunk. */
import type { Histories } from "../histories.ts";

export interface HistoriesBuilder {
  /** The events that follow are this customer's. */
  readonly startCustomer: (id: string) => void;
  /** False for an event that is there already; customers' events come by time. */
  readonly add: (item: number, action: number, time: number, dwell: number, price: number, topic?: number) => boolean;
  readonly events: () => number;
  /** What there is, in arrays of its own. */
  readonly finish: () => Histories;
  /** Forgets what there is. */
  readonly clear: () => void;
}

const firstCapacity = 2 ** 14;
/** Events at one moment that are looked through one by one; more are kept in a set. */
const fewEvents = 32;

/** @param amounts which of them there are */
export function historiesBuilder(amounts: {
  readonly dwell: boolean;
  readonly price: boolean;
  readonly topic?: boolean;
}): HistoriesBuilder {
  let customers: string[] = [];
  let ends: number[] = [];
  let count = 0;
  let items = new Int32Array(firstCapacity);
  let actions = new Uint8Array(firstCapacity);
  let times = new Float64Array(firstCapacity);
  let dwells = new Float32Array(amounts.dwell ? firstCapacity : 0);
  let prices = new Float32Array(amounts.price ? firstCapacity : 0);
  let topics = new Int32Array(amounts.topic ? firstCapacity : 0);
  let momentStart = 0; // the customer's first event at the time of the last one
  let atMoment = new Set<number>(); // filled when there are more than a few
  const grow = () => {
    items = enlarged(Int32Array, items);
    actions = enlarged(Uint8Array, actions);
    times = enlarged(Float64Array, times);
    dwells = enlarged(Float32Array, dwells);
    prices = enlarged(Float32Array, prices);
    topics = enlarged(Int32Array, topics);
  };
  /** Of events without an item below 0, by what they are about. */
  const keyOf = (item: number, action: number, topic: number) => (topic > 0 ? -topic : item) * 256 + action;
  const topicAt = (event: number) => (amounts.topic ? (topics[event] ?? 0) : 0);
  const isThere = (item: number, action: number, topic: number): boolean => {
    if (count - momentStart < fewEvents) {
      for (let event = momentStart; event < count; event++) {
        if (items[event] === item && actions[event] === action && topicAt(event) === topic) return true;
      }
      return false;
    }
    for (let event = momentStart + atMoment.size; event < count; event++)
      atMoment.add(keyOf(items[event] ?? 0, actions[event] ?? 0, topicAt(event)));
    return atMoment.has(keyOf(item, action, topic));
  };
  const clear = () => {
    [customers, ends, count, momentStart] = [[], [], 0, 0];
    if (atMoment.size > 0) atMoment = new Set();
  };
  return {
    startCustomer: (id) => {
      customers.push(id);
      ends.push(count);
      momentStart = count;
      if (atMoment.size > 0) atMoment = new Set();
    },
    add: (item, action, time, dwell, price, topic = 0) => {
      if (momentStart < count && times[momentStart] === time) {
        if (isThere(item, action, topic)) return false;
      } else {
        momentStart = count;
        if (atMoment.size > 0) atMoment = new Set();
      }
      if (count === items.length) grow();
      items[count] = item;
      actions[count] = action;
      times[count] = time;
      if (amounts.dwell) dwells[count] = dwell;
      if (amounts.price) prices[count] = price;
      if (amounts.topic) topics[count] = topic;
      count++;
      ends[ends.length - 1] = count;
      return true;
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
        ...(amounts.topic ? { topics: topics.slice(0, count) } : {}),
      };
      clear();
      return chunk;
    },
    clear,
  };
}

/** The same numbers, with room for as many again. */
function enlarged<A extends { readonly length: number; set(values: A): void }>(of: new (length: number) => A, values: A): A {
  const larger = new of(2 * values.length);
  larger.set(values);
  return larger;
}
