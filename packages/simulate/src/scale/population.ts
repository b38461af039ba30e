/**
 * The customers of thousands of nodes in one set of flat arrays that all threads read: nodes are numbers, a node's customers stand together,
 * and a customer is a place. A million customers are some 13 bytes an event and 4 bytes a customer, whatever the number of nodes.
 *
 *   node n      customers  nodeOffsets[n], …, nodeOffsets[n + 1] − 1
 *   customer c  events     offsets[c], …, offsets[c + 1] − 1
 */
import { fail } from "@tributary/errors";
import type { Histories } from "@tributary/events";

type Shared<Column> = Column & { readonly buffer: SharedArrayBuffer };

export interface Population {
  readonly nodes: number;
  /** `[nodes + 1]` */
  readonly nodeOffsets: Shared<Uint32Array>;
  /** `[customers + 1]` */
  readonly offsets: Shared<Uint32Array>;
  /** `[events]`, as in `Histories`. */
  readonly items: Shared<Int32Array>;
  readonly actions: Shared<Uint8Array>;
  readonly times: Shared<Float64Array>;
}

/** Events of customers in no order that matters: what a population is made from. */
export interface Columns extends Pick<Histories, "offsets" | "items" | "actions" | "times"> {}

/**
 * Puts every customer at its node.
 * @param nodeOf `[customers]`: the node of each customer
 * @throws TRB_SIMULATE_EMPTY_NODES when a node has nobody
 */
export function populationOf(columns: Columns, nodeOf: Uint32Array, nodes: number): Population {
  const customers = nodeOf.length;
  const nodeOffsets = shared(Uint32Array, nodes + 1);
  for (const node of nodeOf) nodeOffsets[node + 1] = (nodeOffsets[node + 1] as number) + 1;
  requireNobodyEmpty(nodeOffsets);
  for (let node = 0; node < nodes; node++)
    nodeOffsets[node + 1] = (nodeOffsets[node + 1] as number) + (nodeOffsets[node] as number);
  const next = nodeOffsets.slice(0, nodes);
  const source = new Uint32Array(customers); // by node, and in the order in which they came
  nodeOf.forEach((node, customer) => {
    source[next[node] as number] = customer;
    next[node] = (next[node] as number) + 1;
  });
  const offsets = shared(Uint32Array, customers + 1);
  const from = columns.offsets;
  source.forEach((customer, place) => {
    offsets[place + 1] = (offsets[place] as number) + (from[customer + 1] as number) - (from[customer] as number);
  });
  const events = offsets[customers] as number;
  const [items, actions, times] = [shared(Int32Array, events), shared(Uint8Array, events), shared(Float64Array, events)];
  source.forEach((customer, place) => {
    const [begin, end] = [from[customer] as number, from[customer + 1] as number];
    items.set(columns.items.subarray(begin, end), offsets[place]);
    actions.set(columns.actions.subarray(begin, end), offsets[place]);
    times.set(columns.times.subarray(begin, end), offsets[place]);
  });
  return { nodes, nodeOffsets, offsets, items, actions, times };
}

/** @param counts `[nodes + 1]`: of node n at n + 1 */
function requireNobodyEmpty(counts: Uint32Array): void {
  const empty = counts.subarray(1).reduce((count, customers) => count + (customers === 0 ? 1 : 0), 0);
  if (empty > 0) throw fail("TRB_SIMULATE_EMPTY_NODES", { empty, nodes: counts.length - 1 });
}

export function customersOf({ offsets }: Pick<Population, "offsets">): number {
  return offsets.length - 1;
}

/**
 * One node's histories: views of the shared arrays, and identifiers that are made for the occasion, because a million strings would be most
 * of the memory. A customer's identifier is its place in the population.
 */
export function historiesOf(population: Population, node: number): Histories {
  const [first, end] = [population.nodeOffsets[node] as number, population.nodeOffsets[node + 1] as number];
  return {
    customers: Array.from({ length: end - first }, (_, place) => `c${first + place}`),
    offsets: population.offsets.subarray(first, end + 1),
    items: population.items,
    actions: population.actions,
    times: population.times,
  };
}

/** How many events each node has. `[nodes]` */
export function eventsOf({ nodes, nodeOffsets, offsets }: Population): Uint32Array {
  const bound = (node: number) => offsets[nodeOffsets[node] as number] as number;
  return Uint32Array.from({ length: nodes }, (_, node) => bound(node + 1) - bound(node));
}

type Kind<Column> = new (buffer: SharedArrayBuffer) => Column;

/** Zeros that all threads see. */
export function shared<Column extends Uint8Array | Int32Array | Uint32Array | Float32Array | Float64Array>(
  kind: Kind<Column> & { readonly BYTES_PER_ELEMENT: number },
  length: number,
): Shared<Column> {
  return new kind(new SharedArrayBuffer(kind.BYTES_PER_ELEMENT * length)) as Shared<Column>;
}
