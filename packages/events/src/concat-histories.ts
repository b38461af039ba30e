/** Chunks of one log, put together. */
import type { Histories } from "./histories.ts";

/**
 * One value out of chunks whose customers follow on one another, as imports deliver them and stores read them back.
 * @param chunks customers ascending over all of them, each customer in one of them; with dwell times (prices, topics) in all of them or in none
 */
export function concatHistories(chunks: readonly Histories[]): Histories {
  const [first] = chunks;
  if (first !== undefined && chunks.length === 1) return first;
  const events = chunks.reduce((sum, { items }) => sum + items.length, 0);
  const customers = chunks.reduce((sum, chunk) => sum + chunk.customers.length, 0);
  const joined = {
    customers: chunks.flatMap((chunk) => chunk.customers),
    offsets: new Uint32Array(customers + 1),
    items: new Int32Array(events),
    actions: new Uint8Array(events),
    times: new Float64Array(events),
  };
  const dwells = first?.dwells === undefined ? undefined : new Float32Array(events).fill(Number.NaN);
  const prices = first?.prices === undefined ? undefined : new Float32Array(events).fill(Number.NaN);
  const topics = first?.topics === undefined ? undefined : new Int32Array(events);
  let [customer, event] = [0, 0];
  for (const chunk of chunks) {
    for (const end of chunk.offsets.subarray(1)) joined.offsets[++customer] = event + end;
    joined.items.set(chunk.items, event);
    joined.actions.set(chunk.actions, event);
    joined.times.set(chunk.times, event);
    if (chunk.dwells) dwells?.set(chunk.dwells, event);
    if (chunk.prices) prices?.set(chunk.prices, event);
    if (chunk.topics) topics?.set(chunk.topics, event);
    event += chunk.items.length;
  }
  return { ...joined, ...(dwells ? { dwells } : {}), ...(prices ? { prices } : {}), ...(topics ? { topics } : {}) };
}
