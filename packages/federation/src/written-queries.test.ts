/** Who is held out, and that plan, model room and ledger mean the same by metrics. */

import { customerFeatureNames, featureMomentsDimension, featureMomentsVector } from "@tributary/events/histories";
import { verifyLedger } from "@tributary/ledger";
import {
  contentScorer,
  finishStatistics,
  type ItemScorer,
  itemSimilarity,
  metricsQuery,
  metricsVectorNames,
  modelScorer,
  modelSpec,
  type PublicItem,
  registerExtension,
  releasedScorer,
} from "@tributary/model";
import {
  type Decimal,
  featureCoordinates,
  featureNames,
  metricCoordinates,
  type Plan,
  type Release,
} from "@tributary/protocol";
import { describe, expect, test } from "vitest";
import { float64Interpreter } from "../../tensor/src/index.ts";
import { initialFederationModel } from "./agreed-model.ts";
import { createWorld, noFaults, run, type World } from "./harness.test-support.ts";
import { crypto, dimension, hash, identity, planOf } from "./parties.test-support.ts";
import { nextModel } from "./release.ts";
import { recipeOf } from "./statistics.ts";
import { featuresQuery, heldOutRule, openQuery, requireShape } from "./written-queries.ts";

const customers = Array.from({ length: 4000 }, (_, c) => `customer ${c}`);
const ruleOf = (heldOut: string, federation = "shops"): ((customer: string) => boolean) | undefined => {
  const metrics: NonNullable<Plan["metrics"]> = { heldOut: heldOut as Decimal, lossBound: "10" as Decimal };
  return heldOutRule(crypto, { federation, metrics });
};
const heldOutAt = (...rule: Parameters<typeof ruleOf>) => customers.filter((customer) => ruleOf(...rule)?.(customer));

test("a metrics vector has the same coordinates for plan and model", () => {
  expect(metricsVectorNames).toEqual(metricCoordinates);
});

test("moments of features have the same names and coordinates for plan and events", () => {
  expect(featureNames).toEqual(customerFeatureNames);
  expect(featureCoordinates).toBe(featureMomentsDimension);
});

test("features are asked at the plan's moment: later events change nothing, and who has none before it adds nothing", async () => {
  const eventsUntil = (count: number) => ({
    items: Int32Array.of(1, 2, 1, 3).subarray(0, count),
    actions: Uint8Array.of(0, 1, 3, 0).subarray(0, count),
    times: Float64Array.of(10, 90_000, 200_000, 300_000).subarray(0, count),
  });
  const query = featuresQuery(Int32Array.of(0, 1, 1, 2), 200_000);
  const [whole, before] = [await query.answer(eventsUntil(4)), await query.answer(eventsUntil(3))];
  expect(whole).toEqual(before);
  expect(whole).not.toEqual(await query.answer(eventsUntil(2)));
  expect((await featuresQuery(Int32Array.of(0, 1, 1, 2), 9).answer(eventsUntil(4))).coordinates).toHaveLength(0);
  // at the very moment of an event it has happened
  const first = await featuresQuery(Int32Array.of(0, 1, 1, 2), 10).answer(eventsUntil(4));
  expect(first.coordinates.length).toBeGreaterThan(0);
  const moments = featureMomentsVector({
    ...{ ...eventsUntil(1), begin: 0, end: 1, now: 10, categories: Int32Array.of(0, 1, 1, 2) },
  });
  const dense = new Float64Array(moments.length);
  for (const [i, place] of first.coordinates.entries()) dense[place] = first.values[i] ?? Number.NaN;
  expect(dense).toEqual(Float64Array.from(moments));
});

test("a plan without metrics holds nobody out", () => {
  expect(heldOutRule(crypto, { federation: "shops" })).toBeUndefined();
});

test("the share that the plan says is held out, the same customers at every larger share, others in another federation", () => {
  const [tenth, fifth, elsewhere] = [heldOutAt("0.1"), heldOutAt("0.2"), heldOutAt("0.1", "other shops")];
  // the ids are fixed, so this either holds or does not: 400 and 800 expected, standard deviations 19 and 25
  expect(Math.abs(tenth.length - 400)).toBeLessThan(100);
  expect(Math.abs(fifth.length - 800)).toBeLessThan(130);
  expect(tenth.every((customer) => fifth.includes(customer))).toBe(true);
  expect(elsewhere.filter((customer) => tenth.includes(customer)).length).toBeLessThan(100);
  expect(heldOutAt("1")).toEqual(customers);
});

test("the rule is the one that the docs state, to the bit", () => {
  const hash = crypto.sha256(new TextEncoder().encode("tributary held out\nshops\ncustomer 7"));
  const first48 = hash.slice(0, 6).reduce((value, byte) => 256 * value + byte, 0);
  const at = (value: number) => `0.${String(Math.round((value / 2 ** 48) * 1e15)).padStart(15, "0")}`;
  expect(ruleOf(at(first48 + 2))?.("customer 7")).toBe(true);
  expect(ruleOf(at(first48 - 2))?.("customer 7")).toBe(false);
});

test("the hash's first 48 bits are below the share's part of 2^48, and a hash at it is not: no bit behind them counts", () => {
  const hashing = (first: string) => ({ sha256: () => Uint8Array.from(Buffer.from(first + "ff".repeat(26), "hex")) });
  const metrics = (heldOut: string) => ({ heldOut: heldOut as Decimal, lossBound: "10" as Decimal });
  const isHeldOut = (first: string, share: string) =>
    heldOutRule(hashing(first), { federation: "shops", metrics: metrics(share) })?.("customer");
  // 0.5 is 2^47 exactly, 0.1 of 2^48 is 0x199999999999.99…: what is below it counts
  expect([isHeldOut("7fffffffffff", "0.5"), isHeldOut("800000000000", "0.5")]).toEqual([true, false]);
  expect([isHeldOut("199999999999", "0.1"), isHeldOut("19999999999a", "0.1")]).toEqual([true, false]);
});

const decimal = (text: string) => text as Decimal;
const query: Release = {
  ...{ kind: "query", query: "hours", arithmetic: "exact", clipNorm: decimal("1"), samplingRate: decimal("1") },
  ...{ noiseMultiplier: decimal("9"), rounds: 1, dimension, touched: 4, scale: decimal("1000"), fractionBits: 4 },
};
const extensions = [{ name: "hours", sha256: hash("hours.ts") }];
const roundsOf = ({ coordinator }: World) =>
  coordinator.ledger.map(
    (line) => JSON.parse(line) as { kind: string; sum?: number[]; modelHash?: string; nextModelHash?: string },
  );

function worldOf(accepted: readonly string[]): World {
  const plan: Partial<Plan> = { releases: [query], extensions, epsilon: decimal("40") };
  const policy = {
    releases: ["query" as const],
    maxEpsilon: decimal("40"),
    extensions: accepted as (typeof extensions)[0]["sha256"][],
  };
  return createWorld({ plan, policy });
}

test("a node takes part in no round of a plan with an extension that its policy doesn't accept, by hash", async () => {
  for (const accepted of [[], [hash("other.ts")]]) {
    const world = worldOf(accepted);
    await run(world, noFaults, 40);
    expect(new Set(world.journal.refusals.filter((one) => one.includes("offer")))).toEqual(
      new Set(world.nodes.map(({ id }) => `${id} offer TRB_POLICY_EXTENSION_UNKNOWN`)),
    );
    expect(roundsOf(world).some(({ kind }) => kind === "round")).toBe(false);
  }
});

test("with it accepted the round runs, and its sum stands in the ledger, which verifies, with the model as it was", async () => {
  const world = worldOf([hash("hours.ts")]);
  await run(world);
  const released = roundsOf(world).filter(({ kind }) => kind === "round");
  expect(released).toHaveLength(1);
  expect(released[0]?.sum).toHaveLength(dimension);
  expect(released[0]?.nextModelHash).toBe(released[0]?.modelHash);
  const bytes = new TextEncoder().encode(world.coordinator.ledger.map((line) => `${line}\n`).join(""));
  expect(verifyLedger(bytes, { crypto })).toMatchObject({ failures: [], complete: true });
});

describe("a node's half of a release that is read", () => {
  const catalogue: readonly PublicItem[] = Array.from({ length: 6 }, (_, i) => ({ category: i < 3 ? "left" : "right" }));
  const similarity = itemSimilarity(catalogue);
  const executor = float64Interpreter();
  const categories = Int32Array.of(0, 1, 1, 1, 2, 2, 2);
  const surroundings = {
    ...{ executor, items: 6, similarity: () => similarity, content: undefined },
    categories: () => categories,
  };
  const events = { items: Int32Array.of(1, 2, 1, 3), actions: Uint8Array.of(0, 1, 3, 0), times: Float64Array.of(1, 2, 3, 4) };
  const base = planOf(identity("coordinator").key, { model: modelSpec({ items: 6, length: 4, width: 4 }) });
  const releaseOf = (kind: Release["kind"], changes: Partial<Release> = {}): Release => {
    const { query: _, ...others } = query;
    return { ...others, kind, ...changes };
  };
  const metrics: NonNullable<Plan["metrics"]> = { heldOut: decimal("0.5"), lossBound: decimal("9") };
  const judged: Plan = { ...base, metrics, releases: [releaseOf("metrics")] };
  const start = initialFederationModel(crypto, base);
  const unread = { code: "TRB_PLAN_METRICS_UNFIT" };

  registerExtension({
    name: "shaped",
    query: {
      shape: ({ items }) => ({ dimension: items + 1, touched: 3, clipNorm: 1 }),
      query: ({ items, dimension: length, content }) => ({
        answer: () => ({
          coordinates: Uint32Array.of(0, 1, 2),
          values: Float64Array.of(items, length, content === undefined ? 0 : 1),
        }),
      }),
    },
  });
  const shaped = (changes: Partial<Release> = {}): Plan => ({
    ...base,
    releases: [releaseOf("query", { query: "shaped", dimension: 7, touched: 3, ...changes })],
  });

  test("of an extension is the extension's, told what is public of the catalogue", async () => {
    const { query: opened, close } = await openQuery(shaped(), 0, start, surroundings);
    expect(await opened.answer(events)).toEqual({
      coordinates: Uint32Array.of(0, 1, 2),
      values: Float64Array.of(6, 7, 0),
    });
    await close();
  });

  test("is of the vector that the extension makes: as long, and with no less room for what a customer moves", async () => {
    const refusal = (changes: Partial<Release>) => {
      try {
        requireShape(shaped(changes), 0, 6);
      } catch (error) {
        return (error as { code?: string }).code;
      }
      return "accepted";
    };
    expect([{}, { touched: 4 }].map(refusal)).toEqual(["accepted", "accepted"]);
    expect([{ dimension: 8 }, { dimension: 6 }, { touched: 2 }].map(refusal)).toEqual(Array(3).fill("TRB_EXTENSION_UNFIT"));
    expect(refusal({ query: "nobody's" })).toBe("TRB_EXTENSION_MISSING");
    expect(() => requireShape(base, 0, 6)).not.toThrow(); // training is of no extension
    await expect(openQuery(shaped({ dimension: 8 }), 0, start, surroundings)).rejects.toMatchObject({
      code: "TRB_EXTENSION_UNFIT",
    });
  });

  test("of features asks at the plan's moment, with the catalogue's categories", async () => {
    const features = { now: 3 } as NonNullable<Plan["features"]>;
    const plan: Plan = { ...base, features, releases: [releaseOf("features")] };
    const { query: opened, close } = await openQuery(plan, 0, start, surroundings);
    expect(await opened.answer(events)).toEqual(await featuresQuery(categories, 3).answer(events));
    expect(await opened.answer(events)).not.toEqual(await featuresQuery(categories, 4).answer(events));
    await close();
    const { features: _, ...without } = plan;
    await expect(openQuery(without, 0, start, surroundings)).rejects.toMatchObject(unread);
  });

  test("of metrics judges the model where the plan has no statistics", async () => {
    const { query: opened, close } = await openQuery(judged, 0, start, surroundings);
    const { score, ...scorer } = await modelScorer(base.model, start.parameters, executor, 6);
    const expected = await metricsQuery({ score, items: 6, lossBound: 9, scores: "logits" }).answer(events);
    expect(expected.values[0]).toBe(1);
    expect(await opened.answer(events)).toEqual(expected);
    await Promise.all([close(), scorer.close()]);
    // features beside metrics change nothing
    const both = await openQuery({ ...judged, features: { now: 3 } as NonNullable<Plan["features"]> }, 0, start, surroundings);
    expect(await both.query.answer(events)).toEqual(expected);
    await both.close();
  });

  test("of metrics judges statistics where the plan has them: public content at first, and what was released then", async () => {
    const statistics = {
      ...{ window: 3, weighBy: "probability", latest: 20 },
      ...{ firstPopularity: "0.5", firstContent: "2", firstNorm: "1.5", aliveAbove: "0.001", weightFloor: "0.1" },
      ...{ weightPower: "0.5", laterNorm: "0.5", priorMean: "3", priorPopularity: "1", roundOdds: "1", finalOdds: "0.5" },
      ...{ roundContent: "2", finalContent: "1", keepAbove: "0.02", targetPopularity: "0", contentWeight: "12" },
      ...{ contentSharpness: "14", decay: "0.5" },
    } as unknown as NonNullable<Plan["statistics"]>;
    const popularity = releaseOf("popularity", { dimension: 6 });
    const plan: Plan = {
      ...{ ...judged, statistics, caps: { maxEvents: 9, maxItems: 4, maxPairs: 4, localSteps: 1 } },
      releases: [popularity, releaseOf("pairs", { dimension: 15 }), releaseOf("metrics")],
    };
    const before = initialFederationModel(crypto, plan);
    const sum = new Uint32Array(Int32Array.from({ length: 6 }, (_, i) => 10_000 * (i + 1)).buffer);
    const step = { plan, release: 0, sum, survivors: 3, optimiserState: null, similarity: () => similarity };
    const { model: after } = nextModel({ ...step, model: before });
    const recipe = recipeOf(plan);
    const answerOf = (score: ItemScorer) => metricsQuery({ score, items: 6, lossBound: 9, scores: "shares" }).answer(events);
    const known = after.statistics;
    if (known === undefined) throw new Error("nothing was released");
    const [byContent, byStatistics] = [
      await answerOf(contentScorer(similarity, recipe)),
      await answerOf(releasedScorer(finishStatistics(recipe, similarity, known), similarity, recipe)),
    ];
    expect(byContent).not.toEqual(byStatistics);
    for (const [model, expected] of [
      [before, byContent],
      [{ ...before, statistics: undefined }, byContent],
      [after, byStatistics],
    ] as const) {
      const { query: opened, close } = await openQuery(plan, 2, model, surroundings);
      expect(await opened.answer(events)).toEqual(expected);
      await close();
    }
  });

  test("is refused of a release that is not read, or that the plan says nothing of", async () => {
    const { metrics: _, ...unjudged } = judged;
    const unnamed = (() => {
      const { query: _name, ...others } = shaped().releases[0] as Release;
      return { ...shaped(), metrics, releases: [others as Release] };
    })();
    const features = { now: 3 } as NonNullable<Plan["features"]>;
    for (const plan of [
      unjudged,
      unnamed,
      { ...judged, features, releases: base.releases },
      { ...judged, releases: [releaseOf("training", { query: "shaped", dimension: 7, touched: 3 })] },
    ]) {
      await expect(openQuery(plan, 0, start, surroundings)).rejects.toMatchObject(unread);
    }
  });

  test("leaves model and optimiser as they were, and writes its sum with its signs", () => {
    const sum = new Uint32Array(Int32Array.of(3, -4, 0, 2 ** 31 - 1, -(2 ** 31)).buffer);
    const optimiserState = { steps: 2 } as never;
    const step = { plan: judged, release: 0, sum, survivors: 3, model: start, similarity: () => similarity };
    const next = nextModel({ ...step, optimiserState });
    expect(next.sum).toEqual([3, -4, 0, 2 ** 31 - 1, -(2 ** 31)]);
    expect(next.model).toBe(start);
    expect(next.optimiserState).toBe(optimiserState);
  });
});
