/**
 * Why an item stands where it stands: the parts of its score, and for each of the customer's latest events what share of the next item is lost if
 * the event had not been. Deletion is exact for any mixture of parts, whatever the model; it costs one scoring an event.
 */
import { actions } from "@tributary/events";
import { type CustomerEvents, sharesOf } from "@tributary/model";
import type { z } from "zod";
import { type Asked, itemNumber } from "./asked.ts";
import { basisOf } from "./recommend.ts";
import type { ServedModel, Shelf } from "./served-model.ts";
import type { explainAnswer } from "./words.ts";

/** Events that are taken away, the latest: those before move next to nothing, and each costs a scoring. */
const mostDeleted = 20;

/** @throws TRB_SERVE_ITEM_UNKNOWN */
export async function explain(
  { prepared, ranker }: ServedModel,
  shelf: Shelf,
  asked: Asked,
  item: string,
): Promise<z.infer<typeof explainAnswer>> {
  const number = itemNumber(shelf, item, "item");
  const { events } = asked;
  const whole = await ranker.scores(events);
  const score = whole.values[number - 1] as number;
  const shareAfter = async (left: CustomerEvents) => sharesOf(await ranker.scores(left))[number - 1] as number;
  const share = sharesOf(whole)[number - 1] as number;
  const told: z.infer<typeof explainAnswer>["events"] = [];
  for (let event = Math.max(0, events.items.length - mostDeleted); event < events.items.length; event++) {
    const contribution = share - (await shareAfter(without(events, event)));
    const at = events.items[event] as number;
    told.push({
      item: at === 0 ? null : shelf.idOf(at),
      ...skuAt(shelf, at),
      action: actions[events.actions[event] as number] ?? "view",
      time: events.times[event] as number,
      contribution,
    });
  }
  return {
    item: shelf.idOf(number),
    ...skuAt(shelf, number),
    rank: 1 + whole.values.reduce((higher, other) => higher + (other > score ? 1 : 0), 0),
    score,
    parts: await ranker.parts(events, number),
    events: told.sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution)),
    method: "deletion",
    basis: basisOf(prepared, asked),
    model: { ...prepared.origin, parts: [...prepared.origin.parts] },
  };
}

/** Beside an item's id what the merchant calls it. */
function skuAt({ names }: Shelf, item: number): { readonly sku?: string } {
  const sku = names?.skuOf(item);
  return sku === undefined ? {} : { sku };
}

function without(events: CustomerEvents, gone: number): CustomerEvents {
  const kept = (_: number, place: number) => place !== gone;
  const { items, actions: done, times, dwells, prices, topics } = events;
  return {
    items: items.filter(kept),
    actions: done.filter(kept),
    times: times.filter(kept),
    ...(dwells ? { dwells: dwells.filter(kept) } : {}),
    ...(prices ? { prices: prices.filter(kept) } : {}),
    ...(topics ? { topics: topics.filter(kept) } : {}),
  };
}
