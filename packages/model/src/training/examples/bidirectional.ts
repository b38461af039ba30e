/**
 * Examples of `bert4rec`: a customer's last L events, of which some are masked and predicted from all others. Which ones is drawn
 * from randomness keyed by round and customer: one time in five the last event that can be a target, and it alone, since that is what
 * serving asks (Sun et al. 2019, §3.6, mix such samples in as well); otherwise each event that can be a target with
 * probability `spec.masked`/1000, and one of them, all alike, where that left none.
 */
import { type Histories, seededRandom } from "@tributary/events/histories";
import type { FeedTensor } from "@tributary/tensor";
import { eventFeeds } from "../../event-feeds.ts";
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
  const chosen = candidates.filter(() => random.below(1000) < spec.masked);
  return chosen.length > 0 ? chosen : candidates.slice(random.below(candidates.length)).slice(0, 1);
}

/** Those of the events, `masked` [B, L] (1 where an event is hidden), and the weights of the masked positions. */
export function maskedEventFeeds(
  spec: ModelSpec,
  histories: Histories,
  examples: readonly Example[],
  { rows, length }: RunShape,
): Record<string, FeedTensor> {
  const targets = examples.map((example) => drawMasked(spec, histories, example));
  const masked = new Int32Array(rows * length);
  targets.forEach((own, row) => {
    for (const { column } of own) masked[row * length + column] = 1;
  });
  return {
    ...eventFeeds(spec, histories, examples, { rows, length, next: false }),
    masked: { shape: [rows, length], data: masked },
    ...targetWeights(spec, histories, targets, { rows, columns: length }),
  };
}
