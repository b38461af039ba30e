/** The same histories under other names. */
import { assembled, columnsOf, emptyLike } from "./event-columns.ts";
import type { Histories } from "./histories.ts";

/**
 * @param names one for each customer, no two alike
 * @param isLeftOut whose events are not among the result's
 * @returns customers ascending by their names
 */
export function renameCustomers(
  histories: Histories,
  names: readonly string[],
  isLeftOut: (name: string) => boolean = () => false,
): Histories {
  const placeOf = new Map(names.map((name, place) => [name, place]));
  const kept = names.filter((name) => !isLeftOut(name)).sort(); // by code unit, and much quicker than with a comparison of one's own
  const order = Uint32Array.from(kept, (name) => placeOf.get(name) as number);
  const { offsets } = histories;
  const begins = new Uint32Array(order.length + 1);
  for (const [place, customer] of order.entries()) {
    begins[place + 1] = (begins[place] as number) + (offsets[customer + 1] as number) - (offsets[customer] as number);
  }
  const columns = columnsOf(histories).map(([title, column]) => {
    const into = emptyLike(column, begins[order.length] as number);
    let at = 0;
    for (const customer of order) {
      const end = offsets[customer + 1] as number;
      for (let event = offsets[customer] as number; event < end; event++) into[at++] = column[event] as number;
    }
    return [title, into] as const;
  });
  return assembled(kept, begins, columns);
}
