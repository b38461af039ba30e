import type { Histories } from "@tributary/events";
import { statisticsRecipe } from "@tributary/model";
import { describe, expect, it } from "vitest";
import { syntheticMarket } from "../market/synthetic-market.ts";
import { identityLine, readJournal, trialLine } from "./journal.ts";
import { drawRecipes } from "./space.ts";
import { openTrials, tuningCohort } from "./trial.ts";
import { type Trial, type TuneOptions, tune } from "./tune.ts";

const usual = statisticsRecipe(2);
const recipes = drawRecipes(usual, 8, 3);
/** Recipe n is worth n hundredths, and a little more on later folds. */
const worth = (recipe: number, fold: number) => recipe / 100 + fold / 1000;

function counting(options: Partial<TuneOptions> = {}) {
  const asked: string[] = [];
  const written: Trial[] = [];
  const run = tune({
    ...{ recipes, folds: 4, method: "halving" },
    measure: async (recipe, fold) => {
      const place = recipes.indexOf(recipe);
      asked.push(`${place} ${fold}`);
      return worth(place, fold);
    },
    onTrial: (trial) => void written.push(trial),
    ...options,
  });
  return { run, asked, written };
}

describe("recipes to try", () => {
  it("begin with the usual one, differ from it in some fields within bounds, and are the same for the same seed", () => {
    const many = drawRecipes(usual, 60, 3);
    expect(many.slice(0, 8)).toEqual(recipes);
    expect(many[0]).toEqual(usual);
    expect(drawRecipes(usual, 8, 4)).not.toEqual(recipes);
    for (const recipe of many.slice(1)) {
      const moved = Object.entries(recipe).filter(([field, value]) => usual[field as keyof typeof usual] !== value);
      expect(moved.length).toBeGreaterThan(0);
      expect(moved.length).toBeLessThan(20);
      expect(recipe.popularityShare).toBeGreaterThan(0);
      expect(recipe.popularityShare).toBeLessThanOrEqual(0.5);
      expect(recipe.decay).toBeLessThan(1);
      expect(recipe.rounds).toBeGreaterThanOrEqual(2);
    }
  });
});

describe("the search", () => {
  it("by halving tries all on one fold, the better half on two, the rest on all, and keeps the usual one", async () => {
    const { run, asked } = counting();
    const { best, base, trials } = await run;
    expect(best).toMatchObject({ recipe: 7, folds: 4, least: 0.07 });
    expect(best.most).toBeCloseTo(0.073, 12);
    expect(best.ndcg10).toBeCloseTo(0.0715, 12);
    expect(base).toMatchObject({ recipe: 0, folds: 4 });
    const folds = (recipe: number) => asked.filter((one) => one.startsWith(`${recipe} `)).length;
    expect(recipes.map((_, place) => folds(place))).toEqual([4, 1, 1, 1, 2, 4, 4, 4]);
    expect(trials).toBe(asked.length);
  });

  it("at random tries all on all folds", async () => {
    const { run, asked } = counting({ method: "random" });
    expect((await run).tried.every(({ folds }) => folds === 4)).toBe(true);
    expect(asked.length).toBe(32);
  });

  it("goes on from any trial at which it was killed, asks nothing twice, and ends with the same", async () => {
    const whole = counting();
    const result = await whole.run;
    for (let killed = 0; killed <= whole.written.length; killed += 3) {
      const again = counting({ known: whole.written.slice(0, killed) });
      expect(JSON.stringify(await again.run)).toBe(JSON.stringify(result));
      expect(again.asked).toEqual(whole.asked.slice(killed));
    }
  });
});

describe("a trial", () => {
  const { histories, catalogue } = syntheticMarket({ seed: 2, customers: 150, items: 40, categories: 4 });
  const data = { histories, items: catalogue.items, repeats: "keep" } as const;
  const settings = { noiseMultiplier: 0.5, cohort: tuningCohort(6), folds: 3, seed: 1 };

  it("is the same for the same seed, and differs by fold, recipe and noise", async () => {
    const measure = openTrials(data, settings);
    const first = await measure(usual, 0);
    expect(await openTrials(data, settings)(usual, 0)).toBe(first);
    expect(await measure(usual, 1)).not.toBe(first);
    expect(await measure({ ...usual, contentWeight: 0.5, decay: 0.1 }, 0)).not.toBe(first);
    expect(await openTrials(data, { ...settings, seed: 2 })(usual, 0)).not.toBe(first);
  });

  it("ranks only customers whose events are in nothing that was released", async () => {
    // everybody goes from an item of their own to another: who has seen it once would know
    const customers = 60;
    const own: Histories = {
      customers: Array.from({ length: customers }, (_, c) => `c${c}`),
      offsets: Uint32Array.from({ length: customers + 1 }, (_, c) => 2 * c),
      items: Int32Array.from({ length: 2 * customers }, (_, event) => event + 1),
      actions: new Uint8Array(2 * customers),
      times: Float64Array.from({ length: 2 * customers }, (_, event) => event),
    };
    const pairs = { histories: own, items: Array.from({ length: 2 * customers }, () => ({})), repeats: "mask" } as const;
    const measure = openTrials(pairs, { ...settings, noiseMultiplier: 0.02 });
    const everything = Array.from({ length: settings.folds }, (_, fold) => measure(usual, fold));
    for (const ndcg10 of await Promise.all(everything)) expect(ndcg10).toBeLessThan(0.1);
  });
});

describe("the journal", () => {
  const identity = { data: "abc", seed: 1 };
  const trials: readonly Trial[] = [
    { recipe: 0, fold: 0, ndcg10: 0.25 },
    { recipe: 3, fold: 1, ndcg10: 1 / 3 },
  ];
  const text = identityLine(identity) + trials.map(trialLine).join("");
  const read = (content: string, of: Record<string, string | number> = identity) =>
    readJournal(new TextEncoder().encode(content), of, "state");

  it("comes back as it was written, cut anywhere", () => {
    expect(read(text)).toEqual({ trials, length: text.length });
    expect(read("")).toEqual({ trials: [], length: 0 });
    for (let cut = identityLine(identity).length; cut < text.length; cut++) {
      const { trials: found, length } = read(text.slice(0, cut));
      expect(found).toEqual(trials.slice(0, found.length));
      expect(text.slice(0, length).endsWith("\n")).toBe(true);
    }
  });

  it.each([
    ["TRB_TUNE_OTHER_RUN", text, { ...identity, seed: 2 }],
    ["TRB_TUNE_OTHER_RUN", text, { ...identity, more: 1 }],
    ["TRB_TUNE_STATE_DAMAGED", `${text}nonsense\n`, identity],
    ["TRB_TUNE_STATE_DAMAGED", `${text}{"recipe":-1,"fold":0,"ndcg10":0.1}\n`, identity],
    ["TRB_TUNE_STATE_DAMAGED", `${text}{"recipe":1,"fold":0,"ndcg10":2}\n`, identity],
    ["TRB_TUNE_STATE_DAMAGED", "nonsense\n", identity],
  ])("is refused with %s", (code, content, of) => {
    expect(() => read(content, of)).toThrow(expect.objectContaining({ code }));
  });
});
