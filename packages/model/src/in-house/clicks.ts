/**
 * How likely a customer is to click on an advert, from a merchant's own impressions and clicks: in-house, outside ε.
 *
 * One case an impression of an item; it was clicked if the same customer's `advertClick` on the same item follows within half an hour. Rates are
 * smoothed towards the log's own, (clicks + m·rate)/(impressions + m), and count what was before the impression only. An item's rate is looked at
 * where `minSupport` distinct customers were shown it. Probabilities are calibrated on customers who were not learnt from, as in `churn.ts`.
 */
import { actions, type Histories } from "@tributary/events/histories";
import { rocAuc } from "../metrics/probabilities.ts";
import { cosineOf, type ItemSimilarity } from "../statistics/item-similarity.ts";
import { contributionsOf, type FeatureRow, fitLogistic, type LogisticModel, logitOf, sigmoid } from "./logistic.ts";
import { defaultMinSupport } from "./own-statistics.ts";

const [impression, click] = [actions.indexOf("impression"), actions.indexOf("advertClick")];
/** Seconds. */
const clickWindow = 1800;
/** Latest item events that the profile reads. */
const profileItems = 10;
const smoothing = 5;
const mostCases = 50_000;
const leastOfEach = 20;

const clickFeatures = [
  "how often this customer clicks",
  "how often this item is clicked",
  "likeness to what the customer looked at",
  "the customer looked at this item",
  "days since the last event",
] as const;
const likenessFeature = 2;

export interface ClickModel {
  readonly model: LogisticModel;
  readonly calibration: LogisticModel;
  /** Of the log: clicks over impressions. */
  readonly rate: number;
  /** [items] log-odds of an item's smoothed rate. */
  readonly itemLogOdds: Float64Array;
  /** On customers who were not learnt from; undefined where all did the same. */
  readonly auc: number | undefined;
  readonly cases: number;
}

interface Case {
  readonly customer: number;
  readonly row: FeatureRow;
  readonly outcome: number;
}

/** @returns undefined where the log has too few impressions, or too few were clicked */
export function fitClicks(
  histories: Histories,
  similarity: ItemSimilarity,
  minSupport = defaultMinSupport,
): ClickModel | undefined {
  const shown = histories.actions.reduce((sum, action) => sum + (action === impression ? 1 : 0), 0);
  if (shown < 2 * leastOfEach) return undefined;
  const counted = clickCounts(histories, similarity.items, minSupport);
  const { rate, itemLogOdds } = counted;
  if (!(rate > 0 && rate < 1)) return undefined;
  const every = Math.max(1, Math.ceil(shown / mostCases));
  const raw: Case[] = [];
  let number = 0;
  for (let customer = 0; customer < histories.customers.length; customer++) {
    const [begin, end] = [histories.offsets[customer] as number, histories.offsets[customer + 1] as number];
    for (let event = begin; event < end; event++) {
      if (histories.actions[event] !== impression || histories.items[event] === 0 || number++ % every > 0) continue;
      const row = featuresOf(
        histories,
        { begin, end: event },
        {
          ...{ item: histories.items[event] as number, now: histories.times[event] as number },
          ...{ similarity, rate, itemLogOdds, typical: Number.NaN },
        },
      );
      raw.push({ customer, row, outcome: clicked(histories, event, end) ? 1 : 0 });
    }
  }
  const likenesses = raw.flatMap(({ row }) => (Number.isNaN(row[likenessFeature]) ? [] : [row[likenessFeature] as number]));
  const mean = likenesses.reduce((sum, likeness) => sum + likeness, 0) / Math.max(1, likenesses.length);
  const cases = raw.map((one) => ({ ...one, row: one.row.map((value) => (Number.isNaN(value) ? mean : value)) }));
  const held = (customer: number) => (Math.imul(customer + 1, 0x9e3779b1) >>> 16) % 4 === 0;
  const [learnt, calibrating] = [
    cases.filter(({ customer }) => !held(customer)),
    cases.filter(({ customer }) => held(customer)),
  ];
  const enough = [learnt, calibrating].every((list) => {
    const clicks = list.reduce((sum, { outcome }) => sum + outcome, 0);
    return clicks >= leastOfEach && list.length - clicks >= leastOfEach;
  });
  if (!enough) return undefined;
  const outcomes = (list: readonly Case[]) => list.map(({ outcome }) => outcome);
  const model = fitLogistic(
    learnt.map(({ row }) => row),
    outcomes(learnt),
    clickFeatures,
  );
  const logits = calibrating.map(({ row }) => logitOf(model, row));
  const scaling = fitLogistic(
    logits.map((logit) => [logit]),
    outcomes(calibrating),
    ["log-odds"],
    1e-3,
  );
  return { model, calibration: scaling, rate, itemLogOdds, auc: rocAuc(logits, outcomes(calibrating)), cases: cases.length };
}

/** P(click) of one customer who is shown an item. @param events oldest first; may be none */
export function clickProbability(
  { model, calibration, rate, itemLogOdds }: ClickModel,
  events: Pick<Histories, "items" | "actions" | "times">,
  { item, now, similarity }: { readonly item: number; readonly now: number; readonly similarity: ItemSimilarity },
): { readonly probability: number; readonly drivers: readonly { readonly feature: string; readonly logOdds: number }[] } {
  const typical = model.means[likenessFeature] as number;
  const row = featuresOf(events, { begin: 0, end: events.items.length }, { item, now, similarity, rate, itemLogOdds, typical });
  const drivers = contributionsOf(model, row).map((logOdds, f) => ({ feature: clickFeatures[f] as string, logOdds }));
  return { probability: sigmoid(logitOf(calibration, [logitOf(model, row)])), drivers };
}

interface Asked {
  /** Likeness where the customer looked at nothing yet. */
  readonly typical: number;
  readonly item: number;
  readonly now: number;
  readonly similarity: ItemSimilarity;
  readonly rate: number;
  readonly itemLogOdds: Float64Array;
}

function featuresOf(
  { items, actions: done, times }: Pick<Histories, "items" | "actions" | "times">,
  { begin, end }: { readonly begin: number; readonly end: number },
  { item, now, similarity, rate, itemLogOdds, typical }: Asked,
): FeatureRow {
  let [shown, clicks, seen] = [0, 0, 0];
  for (let event = begin; event < end; event++) {
    if (done[event] === impression) shown += 1;
    else if (done[event] === click) clicks += 1;
    else if (items[event] === item) seen = 1;
  }
  let [likeness, looked] = [0, 0];
  for (let event = end - 1; event >= begin && looked < profileItems; event--) {
    const other = items[event] as number;
    if (other === 0 || done[event] === impression) continue;
    likeness += cosineOf(similarity, other, item);
    looked += 1;
  }
  const since = end === begin ? 0 : Math.max(0, now - (times[end - 1] as number)) / 86_400;
  return [
    logOdds((clicks + smoothing * rate) / (Math.max(shown, clicks) + smoothing)),
    itemLogOdds[item - 1] as number,
    looked === 0 ? typical : likeness / looked,
    seen,
    Math.log1p(since),
  ];
}

function clickCounts(
  { customers, offsets, items: events, actions: done, times }: Histories,
  items: number,
  minSupport: number,
): Pick<ClickModel, "rate" | "itemLogOdds"> {
  const [shown, clicks, support] = [new Float64Array(items), new Float64Array(items), new Float64Array(items)];
  const last = new Int32Array(items).fill(-1);
  let [all, allClicked] = [0, 0];
  for (let customer = 0; customer < customers.length; customer++) {
    const end = offsets[customer + 1] as number;
    for (let event = offsets[customer] as number; event < end; event++) {
      const place = (events[event] as number) - 1;
      if (done[event] !== impression || place < 0 || place >= items) continue;
      const hit = clicked({ items: events, actions: done, times }, event, end) ? 1 : 0;
      [all, allClicked] = [all + 1, allClicked + hit];
      shown[place] = (shown[place] as number) + 1;
      clicks[place] = (clicks[place] as number) + hit;
      if (last[place] !== customer) support[place] = (support[place] as number) + 1;
      last[place] = customer;
    }
  }
  const rate = all === 0 ? 0 : allClicked / all;
  const itemLogOdds = Float64Array.from({ length: items }, (_, place) => {
    if ((support[place] as number) < minSupport) return logOdds(rate);
    return logOdds(((clicks[place] as number) + smoothing * rate) / ((shown[place] as number) + smoothing));
  });
  return { rate, itemLogOdds };
}

function clicked({ items, actions: done, times }: Pick<Histories, "items" | "actions" | "times">, event: number, end: number) {
  for (let later = event + 1; later < end; later++) {
    if ((times[later] as number) - (times[event] as number) > clickWindow) return false;
    if (done[later] === click && items[later] === items[event]) return true;
  }
  return false;
}

function logOdds(share: number): number {
  const bounded = Math.min(1 - 1e-6, Math.max(1e-6, share));
  return Math.log(bounded / (1 - bounded));
}
