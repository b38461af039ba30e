/** Why a row of a log does not become an event. A row counts under the first reason that applies, in this order. */
export const dropReasons = [
  /** It can't be taken apart: no JSON object, or a line without an item. */
  "malformedRow",
  /** No customer, no time, no action although there is such a column, or no item although the action needs one. */
  "missingField",
  "unparsableTime",
  /** It lies after the import. */
  "futureTime",
  "unknownAction",
  /** A line that takes an earlier purchase back. */
  "cancellation",
  /** The catalogue has no such item. */
  "outsideCatalogue",
  /** A purchase that was taken back. */
  "cancelled",
  /** Its customer does more in an hour than a person does. */
  "bot",
  /** Customer, item, action and time are those of an earlier row. */
  "duplicate",
  /** Its customer was erased from the store, and must not come back. */
  "erased",
] as const;
export type DropReason = (typeof dropReasons)[number];
export type DropCounts = Readonly<Record<DropReason, number>>;

/** `missingField 3, duplicate 1`: only what occurred. */
export function describeDrops(dropped: DropCounts): string {
  const parts = dropReasons.filter((reason) => dropped[reason] > 0).map((reason) => `${reason} ${dropped[reason]}`);
  return parts.length === 0 ? "nothing dropped" : parts.join(", ");
}
