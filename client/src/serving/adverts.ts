/**
 * Which advert to show: candidates in the order of what showing them is worth,
 *
 *   expected value = bid × P(click) × pace
 *
 * Pace holds a campaign that runs ahead of its time back, min(1, budget left over time left), both as shares of the whole; one whose budget is spent is
 * not shown. Where the merchant has too few impressions to learn clicks from, P is the chance that the item is the customer's next one.
 */
import { type ClickModel, clickProbability, sharesOf } from "@tributary/model";
import type { z } from "zod";
import { type Asked, itemNumber } from "./asked.ts";
import { basisOf } from "./recommend.ts";
import type { ServedModel, Shelf } from "./served-model.ts";
import type { adsAnswer, adsBody, Candidate } from "./words.ts";

type Answer = z.infer<typeof adsAnswer>;

/** @throws TRB_SERVE_ITEM_UNKNOWN */
export async function rankAdverts(
  model: ServedModel,
  shelf: Shelf,
  asked: Asked,
  { candidates, floor, k, now }: Pick<z.infer<typeof adsBody>, "candidates" | "floor" | "k"> & { readonly now: number },
): Promise<Answer> {
  const { prepared } = model;
  const numbers = candidates.map(({ item }, place) => itemNumber(shelf, item, `candidates.${place}.item`));
  const probabilities =
    prepared.clicks === undefined
      ? await nextItemShares(model, asked, numbers)
      : clickShares(prepared.clicks, model, asked, numbers, now);
  const valued = candidates.map((candidate, place) => {
    const [probability, pace] = [probabilities[place] as number, paceOf(candidate)];
    return { ...candidate, probability, pace, expectedValue: candidate.bid * probability * pace };
  });
  const shown = valued
    .filter(({ pace, expectedValue }) => pace > 0 && expectedValue >= floor)
    .sort((a, b) => b.expectedValue - a.expectedValue);
  const withheld = valued.flatMap(({ item, pace, expectedValue }): Answer["withheld"] => {
    if (pace === 0) return [{ item, reason: "budget" }];
    return expectedValue < floor ? [{ item, reason: "floor" }] : [];
  });
  return {
    ranked: shown.slice(0, k).map(({ item, bid, probability, pace, expectedValue }) => ({
      ...{ item, bid, probability, pace, expectedValue },
    })),
    withheld: [...withheld, ...shown.slice(k).map(({ item }) => ({ item, reason: "notAmongBest" as const }))],
    by: prepared.clicks === undefined ? "nextItemShare" : "ownClicks",
    calibrated: prepared.clicks !== undefined,
    basis: basisOf(prepared, asked),
    model: { ...prepared.origin, parts: [...prepared.origin.parts] },
  };
}

function paceOf({ campaign }: Pick<Candidate, "campaign">): number {
  if (campaign === undefined) return 1;
  const { budget, spent, elapsed } = campaign;
  if (spent >= budget) return 0;
  const [budgetLeft, timeLeft] = [1 - spent / budget, 1 - elapsed];
  return timeLeft <= budgetLeft ? 1 : budgetLeft / timeLeft;
}

async function nextItemShares(
  { ranker }: ServedModel,
  { events }: Asked,
  numbers: readonly number[],
): Promise<readonly number[]> {
  const shares = sharesOf(await ranker.scores(events));
  return numbers.map((number) => shares[number - 1] as number);
}

function clickShares(
  clicks: ClickModel,
  { prepared: { similarity } }: ServedModel,
  { events }: Asked,
  numbers: readonly number[],
  now: number,
): readonly number[] {
  const at = Math.max(now, events.times.at(-1) ?? 0);
  return numbers.map((item) => clickProbability(clicks, events, { item, now: at, similarity }).probability);
}
