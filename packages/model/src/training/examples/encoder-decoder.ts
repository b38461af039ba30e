/**
 * Examples of `seq2seq`: a customer's history up to a cut, and the next `steps` events after it (fewer where the history ends).
 * The cut is drawn from randomness keyed by round and customer, all alike among those places in the last length + steps events
 * that have an event before them and a target after them: the rounds together learn from all of a history.
 */
import { type Histories, seededRandom } from "@tributary/events/histories";
import type { FeedTensor } from "@tributary/tensor";
import { eventFeeds, int32Feed } from "../../event-feeds.ts";
import { actionId, itemId } from "../../event-ids.ts";
import { hasActionHead } from "../../parameters.ts";
import type { ModelSpec } from "../../spec.ts";
import type { Example, Extent, RunShape, Whole } from "./examples.ts";
import { isTarget, targetWeights } from "./targets.ts";

export function followingEvents(spec: ModelSpec, histories: Histories, whole: Whole): Extent | undefined {
  const { end } = whole;
  const earliest = Math.max(whole.begin, end - spec.length - spec.steps);
  const stop = (cut: number) => Math.min(end, cut + spec.steps);
  const cuts: number[] = [];
  for (let cut = earliest + 1; cut < end; cut++) {
    for (let event = cut; event < stop(cut); event++) {
      if (isTarget(spec, histories, event)) {
        cuts.push(cut);
        break;
      }
    }
  }
  if (cuts.length === 0) return undefined;
  const cut = cuts[seededRandom(whole.seed, "cut", whole.hash).below(cuts.length)] ?? end;
  const begin = Math.max(earliest, cut - spec.length);
  return { begin, end: stop(cut), inputs: cut - begin };
}

/**
 * The history's events [B, L]; of the events after it, all [B, steps]: `nextItems` and, with an action head,
 * `nextActions`, `previousItems` (what stands before each, none at the first step), `starts` (1 at the first step),
 * `decoderPositions` (counted from 1, 0 beyond the last target); and the targets' weights.
 */
export function followingEventFeeds(
  spec: ModelSpec,
  histories: Histories,
  examples: readonly Example[],
  { rows, length }: RunShape,
): Record<string, FeedTensor> {
  const { steps } = spec;
  const cutOf = ({ begin, inputs }: Example) => begin + inputs;
  const history = examples.map((example) => ({ begin: example.begin, end: cutOf(example) }));
  const targets = examples.map((example) =>
    Array.from({ length: example.end - cutOf(example) }, (_, column) => ({ event: cutOf(example) + column, column })),
  );
  const eventAt = (row: number, step: number) => targets[row]?.[step]?.event;
  const idAt = (id: typeof itemId) => (row: number, step: number) => {
    const event = eventAt(row, step);
    return event === undefined ? 0 : id(spec, histories, event);
  };
  const feeds = {
    ...eventFeeds(spec, histories, history, { rows, length, next: false }),
    nextItems: int32Feed(rows, steps, idAt(itemId)),
    previousItems: int32Feed(rows, steps, (row, step) => (eventAt(row, step) === undefined ? 0 : idAt(itemId)(row, step - 1))),
    decoderPositions: int32Feed(rows, steps, (row, step) => (eventAt(row, step) === undefined ? 0 : step + 1)),
    starts: int32Feed(rows, steps, (row, step) => (eventAt(row, step) === undefined || step > 0 ? 0 : 1)),
    ...targetWeights(spec, histories, targets, { rows, columns: steps }),
  };
  return hasActionHead(spec) ? { ...feeds, nextActions: int32Feed(rows, steps, idAt(actionId)) } : feeds;
}
