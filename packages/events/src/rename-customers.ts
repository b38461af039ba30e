/** The same histories under other names. */
import { compareCodeUnits } from "./cleaning/order-events.ts";
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
  const name = (customer: number) => names[customer] ?? "";
  const order = [...names.keys()].filter((customer) => !isLeftOut(name(customer)));
  order.sort((a, b) => compareCodeUnits(name(a), name(b)));
  const { offsets } = histories;
  const begins = new Uint32Array(order.length + 1);
  for (const [place, customer] of order.entries()) {
    begins[place + 1] = (begins[place] as number) + (offsets[customer + 1] as number) - (offsets[customer] as number);
  }
  const columns = columnsOf(histories).map(([title, column]) => {
    const into = emptyLike(column, begins[order.length] as number);
    for (const [place, customer] of order.entries()) {
      into.set(column.subarray(offsets[customer], offsets[customer + 1]), begins[place]);
    }
    return [title, into] as const;
  });
  return assembled(order.map(name), begins, columns);
}
