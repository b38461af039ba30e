/**
 * What the outlook heads learn, one label a position: 0 none, 1 no (stays, buys nothing), 2 yes (leaves, buys).
 *
 * **Churn**: no event in the `churnDays` after the cut. Cuts stand at whole multiples of that horizon since 1970-01-01, public constants: no
 * statistic of a log moves them. The last event before a cut gets its label, as soon as the horizon after the cut is over (`now`,
 * until when the log was watched): an event within the horizon means 1, none means 2. Other events have no label.
 *
 * **Purchase**: a `buy` later in the same session. A session ends where the next event is 30 minutes away or more; one that may still go on
 * at `now` has no labels but its purchases'.
 */
import { actions, type Histories, secondsOfDay, visitGap } from "@tributary/events/histories";
import type { FeedTensor } from "@tributary/tensor";
import { outlooksOf } from "../../graphs/heads.ts";
import type { ModelSpec } from "../../spec.ts";
import type { Example, RunShape } from "./examples.ts";

const buy = actions.indexOf("buy");

/**
 * Labels of an ordinary customer, constants: each label weighs one over it, so that a head's loss is about a mean. Not over how many the
 * customer has: who left early has one label, who stayed many, and probabilities would be those of a customer instead of those of a moment.
 */
const ordinaryLabels = { churn: 4, purchase: 16 };

/** No, yes, or unknown. */
export type Label = 0 | 1 | 2;

/** The first cut after a moment, in Unix seconds. */
export function cutAfter(time: number, churnDays: number): number {
  const horizon = churnDays * secondsOfDay;
  return (Math.floor(time / horizon) + 1) * horizon;
}

/**
 * Labels of the events `begin` up to, not including, `end`, the customer's last.
 * @param now Unix seconds until which the log was watched
 */
export function churnLabels(
  { churnDays }: Pick<ModelSpec, "churnDays">,
  { times }: Histories,
  { begin, end }: Pick<Example, "begin" | "end">,
  now: number,
): readonly Label[] {
  return Array.from({ length: end - begin }, (_, column): Label => {
    const cut = cutAfter(times[begin + column] ?? 0, churnDays);
    const horizonEnd = cut + churnDays * secondsOfDay;
    const next = begin + column + 1 < end ? (times[begin + column + 1] ?? 0) : Number.POSITIVE_INFINITY;
    if (next < cut || horizonEnd > now) return 0;
    return next < horizonEnd ? 1 : 2;
  });
}

/** The same for purchases. @param now undefined: every session is over */
export function purchaseLabels(
  { times, actions: actionOfEvent }: Pick<Histories, "times" | "actions">,
  { begin, end }: Pick<Example, "begin" | "end">,
  now = Number.POSITIVE_INFINITY,
): readonly Label[] {
  const labels: Label[] = [];
  let over = now - (times[end - 1] ?? 0) >= visitGap;
  let bought = false; // later in the session
  for (let event = end - 1; event >= begin; event--) {
    labels.unshift(bought ? 2 : over ? 1 : 0);
    bought ||= actionOfEvent[event] === buy;
    if ((times[event] ?? 0) - (times[event - 1] ?? 0) < visitGap) continue;
    over = true;
    bought = false;
  }
  return labels;
}

/** For each outlook head `<head>Labels` [rows, length] and `<head>Weights` [rows·length, 1], the same at every label. */
export function labelFeeds(
  spec: ModelSpec,
  histories: Histories,
  examples: readonly Example[],
  { rows, length }: RunShape,
): Record<string, FeedTensor> {
  const feeds: Record<string, FeedTensor> = {};
  for (const head of outlooksOf(spec)) {
    const ids = new Int32Array(rows * length);
    const weights = new Float32Array(rows * length);
    examples.forEach((example, row) => {
      const future = { begin: example.begin, end: example.historyEnd ?? example.end };
      const labels =
        head === "churn"
          ? churnLabels(spec, histories, future, example.now ?? Number.NEGATIVE_INFINITY)
          : purchaseLabels(histories, future, example.now);
      labels.slice(0, example.inputs).forEach((label, column) => {
        ids[row * length + column] = label;
        if (label > 0) weights[row * length + column] = 1 / ordinaryLabels[head];
      });
    });
    feeds[`${head}Labels`] = { shape: [rows, length], data: ids };
    feeds[`${head}Weights`] = { shape: [rows * length, 1], data: weights };
  }
  return feeds;
}
