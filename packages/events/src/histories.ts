/**
 * Per-customer histories in flat typed arrays: what every later room reads.
 */

/** The events that Tributary knows, DESIGN §3. An action's number is its place in this list. */
export const actions = [
  "view",
  "cart",
  "favourite",
  "buy",
  "search",
  "login",
  "category",
  "checkout",
  "impression",
  "advertClick",
] as const;
export type Action = (typeof actions)[number];

/** Events of customer c are `offsets[c]` up to, not including, `offsets[c + 1]`, ordered by time. */
export interface Histories {
  /** Local identifiers, ascending by code unit; they never leave the node. */
  readonly customers: readonly string[];
  /** `[customers + 1]` */
  readonly offsets: Uint32Array;
  /** `[events]`: place in the catalogue, counted from 1; 0 for an event without an item. */
  readonly items: Int32Array;
  /** `[events]`: place in `actions`. */
  readonly actions: Uint8Array;
  /** `[events]`: Unix seconds. */
  readonly times: Float64Array;
  /** `[events]`: seconds spent on the event, NaN where the log doesn't say; absent when it never does. */
  readonly dwells?: Float32Array;
  /** `[events]`: price in the shop's currency, NaN where the log doesn't say; absent when it never does. */
  readonly prices?: Float32Array;
  /**
   * `[events]`: what an event without an item is about, as a number of `topicsOf` the catalogue, counted from 1; 0 for none, and for every event with
   * an item; absent when the log never says.
   */
  readonly topics?: Int32Array;
}
