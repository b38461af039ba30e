/**
 * Examples of `bert4rec`: a customer's last L events, of which some are masked and predicted from all others. Which ones is drawn
 * from randomness keyed by round and customer: one time in five the last event that can be a target, and it alone, since that is what
 * serving asks (Sun et al. 2019, §3.6, mix such samples in as well); otherwise a share of `spec.masked`/1000 of those that can be a
 * target, all subsets alike, rounded up or down by chance so that the mean is the share, and at least one.
 */
import { type Histories, seededRandom, shuffle } from "@tributary/events/histories";
import type { FeedTensor } from "@tributary/tensor";
import { eventFeeds, int32Feed } from "../../event-feeds.ts";
import { actionId, itemId } from "../../event-ids.ts";
import { hasActionHead } from "../../parameters.ts";
import type { ModelSpec } from "../../spec.ts";
import type { Example, Extent, RunShape, Whole } from "./examples.ts";
import { isTarget, type Target, targetWeights } from "./targets.ts";

export function maskedEvents(spec: ModelSpec, histories: Histories, { begin: first, end }: Whole): Extent | undefined {
  const begin = Math.max(first, end - spec.length);
  // a customer's only event has no other to be predicted from
  if (end - begin < 2 || maskable(spec, histories, { begin, end }).length === 0) return undefined;
  return { begin, end, inputs: end - begin };
}

function maskable(spec: ModelSpec, histories: Histories, { begin, end }: Pick<Extent, "begin" | "end">): readonly Target[] {
  const events = Array.from({ length: end - begin }, (_, column) => ({ event: begin + column, column }));
  return events.filter(({ event }) => isTarget(spec, histories, event));
}

/** One round in so many asks a customer for its last event alone. */
const lastAloneEvery = 5;

/** What the round masks of a customer. */
function drawMasked(spec: ModelSpec, histories: Histories, example: Example): readonly Target[] {
  const random = seededRandom(example.seed, "masked events", example.hash);
  const candidates = maskable(spec, histories, example);
  if (random.below(lastAloneEvery) === 0) return candidates.slice(-1);
  const thousandths = candidates.length * spec.masked;
  const count = Math.max(1, Math.floor(thousandths / 1000) + (random.below(1000) < thousandths % 1000 ? 1 : 0));
  const order = shuffle(Uint32Array.from(candidates.keys()), random);
  return Array.from(order.subarray(0, count).sort(), (place) => candidates[place]).filter((target) => target !== undefined);
}

/** Events that a history of a run's length hides at most: the same for all runs of a length, whoever is in them. */
export function mostHidden({ masked }: Pick<ModelSpec, "masked">, length: number): number {
  return Math.max(1, Math.ceil((masked * length) / 1000));
}

/**
 * The events [B, L], hidden ones without their items, `masked` [B, L] (1 where an event is hidden); of the hidden ones, all [B, M],
 * `hiddenPositions`, `hiddenItems` and, with an action head, `hiddenActions`; and their weights.
 */
export function maskedEventFeeds(
  spec: ModelSpec,
  histories: Histories,
  examples: readonly Example[],
  { rows, length }: RunShape,
): Record<string, FeedTensor> {
  const columns = mostHidden(spec, length);
  const hidden = examples.map((example) => drawMasked(spec, histories, example));
  const events = eventFeeds(spec, histories, examples, { rows, length, next: false });
  const masked = new Int32Array(rows * length);
  hidden.forEach((own, row) => {
    for (const { column } of own) masked[row * length + column] = 1;
  });
  const itemsOf = events["items"]?.data ?? new Int32Array(0);
  const positionsOf = events["positions"]?.data ?? new Int32Array(0);
  const ofHidden = (value: (target: Target, row: number) => number) =>
    int32Feed(rows, columns, (row, place) => {
      const target = hidden[row]?.[place];
      return target === undefined ? 0 : value(target, row);
    });
  const targets = hidden.map((own) => own.map(({ event }, place) => ({ event, column: place })));
  const feeds = {
    ...events,
    items: { shape: [rows, length], data: Int32Array.from(itemsOf, (item, cell) => (masked[cell] === 1 ? 0 : item)) },
    masked: { shape: [rows, length], data: masked },
    hiddenPositions: ofHidden(({ column }, row) => positionsOf[row * length + column] ?? 0),
    hiddenItems: ofHidden(({ event }) => itemId(spec, histories, event)),
    ...targetWeights(spec, histories, targets, { rows, columns }),
  };
  if (!hasActionHead(spec)) return feeds;
  return { ...feeds, hiddenActions: ofHidden(({ event }) => actionId(spec, histories, event)) };
}
