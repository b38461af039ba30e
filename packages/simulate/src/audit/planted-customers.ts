/** Made-up customers beside the real ones of a population, and a log with only some of its customers. */
import { type Columns, historiesOf, type Population, populationOf } from "../scale/population.ts";

/** One made-up customer: views of these items, an hour apart. */
export interface PlantedCustomer {
  readonly items: readonly number[];
  readonly node: number;
}

const hour = 3600;

/** The same population with these customers at their nodes, after those who were there. */
export function withCustomers(population: Population, planted: readonly PlantedCustomer[]): Population {
  const nodeOf = nodesOf(population);
  return populationOf(
    joined(population, planted),
    Uint32Array.from([...nodeOf, ...planted.map(({ node }) => node)]),
    population.nodes,
  );
}

/**
 * The customers who are in.
 * @param included `[customers]`, 1 for in
 * @throws TRB_SIMULATE_EMPTY_NODES
 */
export function onlyCustomers(population: Population, included: Uint8Array): Population {
  const nodeOf = nodesOf(population);
  const kept = [...included.keys()].filter((customer) => included[customer] === 1);
  const { offsets, items, actions, times } = population;
  const bounds = kept.map((customer) => [offsets[customer] as number, offsets[customer + 1] as number] as const);
  const events = bounds.flatMap(([begin, end]) => Array.from({ length: end - begin }, (_, i) => begin + i));
  const ends = new Uint32Array(kept.length + 1);
  bounds.forEach(([begin, end], place) => {
    ends[place + 1] = (ends[place] as number) + end - begin;
  });
  const columns: Columns = {
    offsets: ends,
    items: Int32Array.from(events, (event) => items[event] as number),
    actions: Uint8Array.from(events, (event) => actions[event] as number),
    times: Float64Array.from(events, (event) => times[event] as number),
  };
  return populationOf(
    columns,
    Uint32Array.from(kept, (customer) => nodeOf[customer] as number),
    population.nodes,
  );
}

/** `[customers]` */
function nodesOf({ nodes, nodeOffsets }: Population): Uint32Array {
  const nodeOf = new Uint32Array(nodeOffsets[nodes] as number);
  for (let node = 0; node < nodes; node++) nodeOf.fill(node, nodeOffsets[node], nodeOffsets[node + 1]);
  return nodeOf;
}

function joined({ offsets, items, actions, times }: Population, planted: readonly PlantedCustomer[]): Columns {
  const begins = Math.max(0, times[0] ?? 0);
  const added = planted.flatMap((customer) => customer.items.map((item, place) => ({ item, time: begins + place * hour })));
  let end = items.length;
  const ends = planted.map((customer) => (end += customer.items.length));
  return {
    offsets: Uint32Array.from([...offsets, ...ends]),
    items: Int32Array.from([...items, ...added.map(({ item }) => item)]),
    actions: Uint8Array.from([...actions, ...added.map(() => 0)]), // views
    times: Float64Array.from([...times, ...added.map(({ time }) => time)]),
  };
}

/** All customers' histories in one place: for attackers, who are asked about anybody. */
export const wholeLog = (population: Population) =>
  historiesOf(
    {
      ...population,
      nodes: 1,
      nodeOffsets: population.nodeOffsets.filter(
        (_, node) => node === 0 || node === population.nodes,
      ) as Population["nodeOffsets"],
    },
    0,
  );
