import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  actions,
  encodeHistories,
  type Histories,
  importLog,
  leaveLastOut,
  readCatalogue,
  seededRandom,
  topicsOf,
} from "@tributary/events";
import {
  attributesOf,
  bytesOf,
  hybridInHouse,
  hybridScorer,
  type ItemScorer,
  initialParameters,
  itemContent,
  itemSimilarity,
  type ModelSpec,
  modelScorer,
  modelSpec,
  rankCustomers,
  statisticsRecipe,
  studentSpec,
  trainLocally,
  tuneInHouse,
} from "@tributary/model";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { afterAll, describe, expect, it } from "vitest";
import { syntheticMarket, writeMarket } from "./synthetic-market.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-searches-"));
afterAll(() => rmSync(folder, { recursive: true }));

const items = 200;
const size = { seed: 5, customers: 1600, items };
const market = syntheticMarket({ ...size, searches: 0.6 });
const { histories, catalogue } = market;
const search = actions.indexOf("search");

/** Of these histories, without what searches were about: the searches themselves stay. */
const untold = ({ topics: _, ...rest }: Histories): Histories => rest;

describe("customers who search", () => {
  it("look at the same items as without searches, and search for the category that they look at next", () => {
    const plain = syntheticMarket(size);
    const looks = histories.items.filter((item) => item > 0);
    expect(looks).toEqual(plain.histories.items);
    const topics = topicsOf(catalogue.items);
    let searches = 0;
    histories.actions.forEach((action, event) => {
      if (action !== search) {
        expect(histories.topics?.[event]).toBe(0);
        return;
      }
      searches++;
      const about = topics[(histories.topics?.[event] ?? 0) - 1];
      const next = catalogue.items[(histories.items[event + 1] ?? 0) - 1];
      expect([histories.items[event], about?.kind, about?.value]).toEqual([0, "category", next?.category]);
      expect((histories.times[event + 1] ?? 0) > (histories.times[event] ?? 0)).toBe(true);
    });
    expect(searches / looks.length).toBeGreaterThan(0.1);
    expect(plain.histories.topics).toBeUndefined();
  });

  it("are written with their keywords, and come back with the same topics", async () => {
    const small = syntheticMarket({ ...size, customers: 60, searches: 0.6 });
    const paths = await writeMarket(join(folder, "log"), small);
    const { histories: read, report } = await importLog({
      path: paths.events,
      catalogue: await readCatalogue(paths.catalogue),
    });
    expect(encodeHistories(read)).toEqual(encodeHistories(small.histories));
    expect(report.withTopic).toBe(small.histories.topics?.filter((topic) => topic > 0).length);
  });
});

/** Customers for whom the first ten have the next item with topics and don't without, and the other way round. */
async function compared(score: (log: Histories) => Promise<ItemScorer>) {
  const ranksOf = async (log: Histories) => (await rankCustomers(await score(log), leaveLastOut(log), { items })).ranks;
  const [told, bare] = [await ranksOf(histories), await ranksOf(untold(histories))];
  const hits = (ranks: Float64Array) => ranks.filter((rank) => rank <= 10).length;
  let [gained, lost] = [0, 0];
  told.forEach((rank, place) => {
    if (rank <= 10 && (bare[place] ?? 0) > 10) gained++;
    if (rank > 10 && (bare[place] ?? 0) <= 10) lost++;
  });
  const share = (ranks: Float64Array) => hits(ranks) / ranks.length;
  return { told: share(told), bare: share(bare), deviations: (gained - lost) / Math.sqrt(gained + lost) };
}

/** McNemar's test: were topics of no use, a customer gained and one lost would be equally likely. 6.1: a false-alarm rate of 6e-10 (fixed seeds besides). */
const leastDeviations = 6.1;

describe("what searches are about tells the next item (fixed seed; false-alarm rate below 1e-9)", () => {
  const similarity = itemSimilarity(catalogue.items);

  it("to the mixture that serves, whose weight of topics its own customers choose", async () => {
    const tune = (log: Histories) =>
      tuneInHouse(leaveLastOut(log).train, { similarity, recipe: statisticsRecipe(items), repeats: "keep" });
    const { told, bare, deviations } = await compared(async (log) => tune(log).score);
    expect(deviations).toBeGreaterThan(leastDeviations);
    expect(told - bare).toBeGreaterThan(0.03);
    expect(tune(histories).weights.topics).toBeGreaterThan(0);
    expect(tune(untold(histories)).weights.topics ?? 0).toBe(0);
  });

  // three seconds of training: `pnpm test:long`
  if (process.env["TRIBUTARY_LONG"] === "1") {
    it("to the hybrid, whose attention knows of no topics", { timeout: 120_000 }, async () => {
      const executor = onnxruntimeExecutor();
      const closing: (() => Promise<void>)[] = [];
      const { told, bare, deviations } = await compared(async (log) => {
        const hybrid = await hybridInHouse(leaveLastOut(log).train, {
          ...{ similarity, recipe: statisticsRecipe(items), repeats: "keep", executor, serve: { mode: "inHouse" }, seed: 1 },
          spec: studentSpec(items, { width: 16, blocks: 1, heads: 1, dropout: 0 }),
          ...{ leastWalks: 200, scratch: { epochs: 2 }, fineTuning: { epochs: 2 } },
        });
        const scorer = await hybridScorer(hybrid, similarity, executor);
        closing.push(() => scorer.close());
        return scorer.score;
      });
      for (const close of closing) await close();
      expect(deviations).toBeGreaterThan(leastDeviations);
      expect(told - bare).toBeGreaterThan(0.04);
    });
  }

  it("is of no weight where topics are not what customers look at next", () => {
    const random = seededRandom(3, "topics at random");
    const astray = histories.topics?.map((topic) => (topic === 0 ? 0 : 1 + random.below(topicsOf(catalogue.items).length)));
    const log = { ...histories, ...(astray ? { topics: astray } : {}) };
    const tuned = tuneInHouse(leaveLastOut(log).train, { similarity, recipe: statisticsRecipe(items), repeats: "keep" });
    expect(tuned.weights.topics ?? 0).toBeLessThanOrEqual(1);
  });

  it("to an attention model that reads it by the vectors that items have for their categories", {
    timeout: 60_000,
  }, async () => {
    const base = modelSpec({
      ...{ items, length: 16, width: 16, actions: actions.length },
      item: { ids: "own", attributes: attributesOf(catalogue.items, ["category"]), features: 0 },
    });
    const executor = onnxruntimeExecutor();
    const closing: (() => Promise<void>)[] = [];
    const { told, bare, deviations } = await compared(async (log) => {
      const spec: ModelSpec = log.topics === undefined ? base : { ...base, topics: topicsOf(catalogue.items).length };
      const content = itemContent(spec, catalogue.items);
      const initial = initialParameters(spec, bytesOf(seededRandom(1, "searches")));
      const course = { learningRates: [0.03], trialEpochs: 5, mostEpochs: 5 };
      const { parameters } = await trainLocally(spec, executor, leaveLastOut(log).train, {
        items,
        initial,
        content,
        seed: 1,
        ...course,
      });
      const model = await modelScorer(spec, parameters, executor, items, content);
      closing.push(() => model.close());
      return model.score;
    });
    for (const close of closing) await close();
    expect(deviations).toBeGreaterThan(leastDeviations);
    expect(told - bare).toBeGreaterThan(0.05);
  });
});
