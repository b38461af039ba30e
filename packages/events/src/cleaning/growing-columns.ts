/** Cleaned rows, as they come, in typed arrays that double when full: 17 bytes a row instead of an object, and 4 for each of what only some logs have. */

export interface GrowingColumns {
  readonly count: () => number;
  /**
   * @param customer place in the order of first appearance
   * @param dwell seconds, NaN for none; `price` likewise
   * @param topic 0 for none
   */
  readonly push: (
    customer: number,
    item: number,
    action: number,
    time: number,
    dwell?: number,
    price?: number,
    topic?: number,
  ) => void;
  /** Views of what has been pushed; `push` must not be called any more. */
  readonly finish: () => RowColumns;
}

/** One element a row, in order of arrival. */
export interface RowColumns {
  readonly customers: Uint32Array;
  readonly items: Int32Array;
  readonly actions: Uint8Array;
  readonly times: Float64Array;
  /** Undefined when no row had one. */
  readonly dwells: Float32Array | undefined;
  readonly prices: Float32Array | undefined;
  readonly topics: Int32Array | undefined;
}

const firstCapacity = 4096;

export function growingColumns(): GrowingColumns {
  let count = 0;
  let customers = new Uint32Array(firstCapacity);
  let items = new Int32Array(firstCapacity);
  let actions = new Uint8Array(firstCapacity);
  let times = new Float64Array(firstCapacity);
  const dwells = sparseColumn();
  const prices = sparseColumn();
  const topics = sparseColumn();
  const grow = () => {
    const capacity = 2 * count;
    const [oldCustomers, oldItems, oldActions, oldTimes] = [customers, items, actions, times];
    (customers = new Uint32Array(capacity)).set(oldCustomers);
    (items = new Int32Array(capacity)).set(oldItems);
    (actions = new Uint8Array(capacity)).set(oldActions);
    (times = new Float64Array(capacity)).set(oldTimes);
  };
  return {
    count: () => count,
    push: (customer, item, action, time, dwell = Number.NaN, price = Number.NaN, topic = 0) => {
      if (count === times.length) grow();
      customers[count] = customer;
      items[count] = item;
      actions[count] = action;
      times[count] = time;
      dwells.put(count, dwell);
      prices.put(count, price);
      topics.put(count, topic === 0 ? Number.NaN : topic);
      count++;
    },
    finish: () => ({
      customers: customers.subarray(0, count),
      items: items.subarray(0, count),
      actions: actions.subarray(0, count),
      times: times.subarray(0, count),
      dwells: dwells.finish(count),
      prices: prices.finish(count),
      topics: wholeNumbers(topics.finish(count)),
    }),
  };
}

/** Float32 holds whole numbers to 2²⁴ exactly: more topics than a catalogue has. */
const wholeNumbers = (column: Float32Array | undefined) => column && Int32Array.from(column, (value) => value || 0);

/** Numbers of which some rows, most often all or none, have one; it takes no memory before the first. */
function sparseColumn() {
  let values: Float32Array | undefined;
  return {
    put: (row: number, value: number) => {
      if (Number.isNaN(value)) return; // where nothing is put, NaN stands already
      if (values === undefined || row >= values.length) {
        const wider = new Float32Array(Math.max(firstCapacity, 2 * row)).fill(Number.NaN);
        if (values) wider.set(values);
        values = wider;
      }
      values[row] = value;
    },
    finish: (count: number): Float32Array | undefined => {
      if (values === undefined || values.length >= count) return values?.subarray(0, count);
      const whole = new Float32Array(count).fill(Number.NaN);
      whole.set(values);
      return whole;
    },
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Numbers for strings, in order of first appearance. */
export interface Interner {
  number(text: string): number;
  readonly texts: readonly string[];
}

export function interner(): Interner {
  const numbers = new Map<string, number>();
  const texts: string[] = [];
  return {
    texts,
    number: (text) => {
      const known = numbers.get(text);
      if (known !== undefined) return known;
      const own = decoder.decode(encoder.encode(text)); // a string cut from a line would keep the whole line in memory
      numbers.set(own, texts.length);
      texts.push(own);
      return texts.length - 1;
    },
  };
}
