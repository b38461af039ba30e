/** Who is whose customer: everybody once, sizes and mixtures as asked for, and coded refusals. Seeds are fixed; false alarms at most 1e-9. */
import { expect, test } from "vitest";
import { holdOutLast } from "./held-out.ts";
import { customersOf, eventsOf, historiesOf, type Population } from "./population.ts";
import { type Log, type SplitSettings, splitLog } from "./split.ts";

/** Customer c has c % 3 + 1 events; item 10k + 1 is of category k, and customer c is of category c % categories. */
function logOf(customers: number, categories: number): Log {
  const offsets = new Uint32Array(customers + 1);
  for (let c = 0; c < customers; c++) offsets[c + 1] = (offsets[c] as number) + (c % 3) + 1;
  const events = offsets[customers] as number;
  const items = new Int32Array(events);
  const times = new Float64Array(events);
  for (let c = 0; c < customers; c++) {
    for (let e = offsets[c] as number; e < (offsets[c + 1] as number); e++) {
      items[e] = 10 * (c % categories) + 1 + ((e + c) % 10);
      times[e] = 1e6 * c + e;
    }
  }
  const categoryOf = Uint16Array.from({ length: 10 * categories + 1 }, (_, item) => Math.max(0, Math.floor((item - 1) / 10)));
  return { columns: { offsets, items, actions: new Uint8Array(events), times }, items: 10 * categories, categoryOf };
}

const even: Omit<SplitSettings, "nodes"> = { seed: 5, sizeZipf: 0, disjointCatalogues: false };

/** Every event, by its time, which names it. */
const allTimes = ({ times }: Pick<Population, "times">) => [...times].sort((a, b) => a - b);
const sizesOf = ({ nodes, nodeOffsets }: Population) =>
  Array.from({ length: nodes }, (_, node) => (nodeOffsets[node + 1] as number) - (nodeOffsets[node] as number));

/** How much of a node is of its commonest category, over nodes. */
function concentration(population: Population, { categoryOf }: Log): number {
  let [most, all] = [0, 0];
  for (let node = 0; node < population.nodes; node++) {
    const { offsets, items } = historiesOf(population, node);
    const counts = new Map<number, number>();
    for (let c = 0; c < offsets.length - 1; c++) {
      const category = categoryOf[items[offsets[c] as number] as number] as number;
      counts.set(category, (counts.get(category) ?? 0) + 1);
    }
    most += Math.max(...counts.values());
    all += offsets.length - 1;
  }
  return most / all;
}

test("everybody is somewhere once, with all events in order, whatever the split", () => {
  const log = logOf(600, 6);
  const splits: Partial<SplitSettings>[] = [
    {},
    { sizeZipf: 1.2 },
    { skew: { by: "category", concentration: 0.5 } },
    { skew: { by: "item", concentration: 0.2 }, sizeZipf: 0.8 },
  ];
  for (const split of splits) {
    const population = splitLog(log, { ...even, nodes: 20, ...split });
    expect(customersOf(population)).toBe(600);
    expect(allTimes(population)).toEqual(allTimes({ times: log.columns.times } as Population));
    expect(Math.min(...sizesOf(population))).toBeGreaterThanOrEqual(1);
    expect(eventsOf(population).reduce((sum, events) => sum + events, 0)).toBe(log.columns.times.length);
    for (let node = 0; node < 20; node++) {
      const { customers, offsets, times } = historiesOf(population, node);
      expect(offsets.length).toBe(customers.length + 1);
      for (let c = 0; c < customers.length; c++) {
        const own = [...times.subarray(offsets[c], offsets[c + 1])];
        expect(new Set(own.map((time) => Math.floor(time / 1e6))).size).toBe(1); // one customer's
        expect(own).toEqual(own.toSorted((a, b) => a - b));
      }
    }
  }
});

test("sizes follow Zipf: the r-th largest has r^-s of the largest, up to the one that everybody has", () => {
  const sizes = sizesOf(splitLog(logOf(50_000, 6), { ...even, nodes: 50, sizeZipf: 1 })).sort((a, b) => b - a);
  for (const rank of [2, 5, 10, 50])
    expect(((sizes[0] as number) - 1) / ((sizes[rank - 1] as number) - 1)).toBeCloseTo(rank, 0);
  expect(new Set(sizesOf(splitLog(logOf(600, 6), { ...even, nodes: 20 }))).size).toBe(1);
});

/**
 * Share of the commonest of 10 classes among a node's 100 customers, over 200 nodes: the mean of a Dirichlet's largest part. For α = 0.1·10 parts
 * (concentration 1 over ten equal classes) it is 0.74 ± 0.02 by simulation of Dirichlets; without skew 0.15. Bounds 8 deviations wide.
 */
test("skew is Dirichlet: the smaller the concentration, the more of one kind a node is", () => {
  const log = logOf(20_000, 10);
  const at = (alpha: number) =>
    concentration(splitLog(log, { ...even, nodes: 200, skew: { by: "category", concentration: alpha } }), log);
  const [single, strong, weak] = [at(0.01), at(1), at(1000)];
  expect(single).toBeGreaterThan(0.95);
  expect(strong).toBeGreaterThan(0.6);
  expect(strong).toBeLessThan(0.85);
  expect(weak).toBeLessThan(0.25);
  const none = concentration(splitLog(log, { ...even, nodes: 200 }), log);
  expect(weak - none).toBeLessThan(0.03);
});

test("with disjoint catalogues no two nodes have an item in common, and no event is lost", () => {
  const log = logOf(600, 6);
  const population = splitLog(log, { ...even, nodes: 5, disjointCatalogues: true });
  const owners = new Map<number, number>();
  for (let node = 0; node < 5; node++) {
    const { offsets, items } = historiesOf(population, node);
    for (const item of items.subarray(offsets[0], offsets.at(-1))) {
      expect(owners.get(item) ?? node).toBe(node);
      owners.set(item, node);
    }
  }
  expect(allTimes(population)).toEqual(allTimes({ times: log.columns.times } as Population));
});

test("the last item event of everybody with two is held out, in place", () => {
  const log = logOf(300, 6);
  const whole = splitLog(log, { ...even, nodes: 10 });
  const copy = { ...whole, items: whole.items.slice(), times: whole.times.slice(), offsets: whole.offsets.slice() };
  const { population, targets } = holdOutLast(whole);
  for (let c = 0; c < 300; c++) {
    const [begin, end] = [copy.offsets[c] as number, copy.offsets[c + 1] as number];
    const own = [...population.times.subarray(population.offsets[c], population.offsets[c + 1])];
    const judged = end - begin >= 2;
    expect(own).toEqual([...copy.times.subarray(begin, judged ? end - 1 : end)]);
    expect(targets[c]).toBe(judged ? copy.items[end - 1] : 0);
  }
});

test("what can't be split is refused by code", () => {
  const log = logOf(30, 2);
  const code = (split: Partial<SplitSettings> & { nodes: number }, given = log) => {
    try {
      return String(splitLog(given, { ...even, ...split }).nodes);
    } catch (error) {
      return (error as { code?: string }).code;
    }
  };
  expect(code({ nodes: 31 })).toBe("TRB_SIMULATE_EMPTY_NODES");
  expect(code({ nodes: 40, disjointCatalogues: true }, { ...logOf(50, 2), items: 40 })).toBe("TRB_SIMULATE_EMPTY_NODES"); // half are never bought
  expect(code({ nodes: 21, disjointCatalogues: true })).toBe("TRB_SIMULATE_SCALE_OPTION");
  expect(code({ nodes: 0 })).toBe("TRB_SIMULATE_SCALE_OPTION");
  expect(code({ nodes: 3, sizeZipf: -1 })).toBe("TRB_SIMULATE_SCALE_OPTION");
  expect(code({ nodes: 3, skew: { by: "item", concentration: 0 } })).toBe("TRB_SIMULATE_SCALE_OPTION");
  expect(code({ nodes: 3, disjointCatalogues: true, skew: { by: "item", concentration: 1 } })).toBe(
    "TRB_SIMULATE_SCALE_OPTION",
  );
});
