/** A tiny market goes the whole way: same bytes in one go, killed anywhere, or in other threads; budgets kept; twins alike but for the noise. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { afterAll, expect, test } from "vitest";
import { type MillionOptions, measureMillion } from "./market-million.ts";
import { rateAt } from "./rounds.ts";
import { attentionModel, type MillionSettings, millionSettings } from "./settings.ts";
import { restless } from "./student.ts";

const home = mkdtempSync(join(tmpdir(), "tributary-million-"));
afterAll(() => rmSync(home, { recursive: true }));

const usual = millionSettings({ seed: 5, customers: 2000 });
const settings: MillionSettings = {
  ...usual,
  ...{ market: { customers: 2000, items: 60, categories: 4 }, nodes: 4, judged: 300 },
  recipe: { ...usual.recipe, rounds: 2 },
  walks: { ...usual.walks, count: 600, epochs: 1 },
  model: { ...attentionModel(60), width: 8, length: 8 },
  training: { ...usual.training, rounds: 6, cohort: 400 },
};
const optionsOf = (folder: string): MillionOptions => ({
  ...{ settings, home: join(home, folder), threads: 1, checkpointSeconds: 0 },
  ...{ crypto: nodeCrypto(), executor: onnxruntimeExecutor() },
});

test("killed in every stage and resumed, the result has the bytes of a run in one go, and its budget is kept", async () => {
  const whole = await measureMillion(optionsOf("whole"));
  const bytes = readFileSync(join(whole.path, "result.json"));
  const { result } = whole;
  expect(result.privacy.statistics).toBeLessThanOrEqual(settings.epsilon);
  expect(result.privacy.attention).toBeLessThanOrEqual(settings.epsilon);
  expect(result.privacy.attention).toBeGreaterThan(0.99 * settings.epsilon);
  expect(result.settings.delta * result.population.customers).toBeLessThan(1);
  for (const block of [
    result.floor,
    result.popularity,
    result.federated,
    result.attention,
    result.attentionTwin,
    result.hybrid,
  ])
    expect([block.customers, block.ndcg10 > 0, block.newItems.customers > 0]).toEqual([300, true, true]);
  for (const { relative, relativeInterval } of Object.values(result.differences)) {
    expect(relativeInterval[0]).toBeLessThanOrEqual(relative);
    expect(relativeInterval[1]).toBeGreaterThanOrEqual(relative);
  }
  const { attentionOverTwin } = result.differences;
  expect(attentionOverTwin.relative).toBeCloseTo(result.attention.ndcg10 / result.attentionTwin.ndcg10 - 1, 10);
  expect(result.attention).not.toEqual(result.attentionClipped);
  expect(result.attentionClipped).not.toEqual(result.attentionTwin);

  const killedIn = new Set<string>();
  const once = () =>
    measureMillion({
      ...optionsOf("killed"),
      threads: 2,
      onProgress(what, done) {
        if (killedIn.has(what) || (what.startsWith("rounds") && done < 3)) return;
        killedIn.add(what);
        throw new RangeError("killed");
      },
    });
  let resumed: Awaited<ReturnType<typeof once>> | undefined;
  while (resumed === undefined) {
    resumed = await once().catch((error: unknown) => {
      if (!(error instanceof RangeError)) throw error;
      return undefined;
    });
  }
  expect([...killedIn].sort()).toEqual([
    ...["central training", "market", "rounds-clipped", "rounds-plain", "rounds-private"],
    ...["statistics", "walks"],
  ]);
  expect(readFileSync(join(resumed.path, "result.json"))).toEqual(bytes);
  expect(Object.keys(resumed.times)).toContain("rounds-private");
  const read = await measureMillion(optionsOf("whole"));
  expect(read.result).toEqual(result);
}, 60_000);

test("δ that is not below one over the customers is refused before anything is released", async () => {
  const wide = { ...optionsOf("wide"), settings: { ...settings, delta: 1 / 2000 } };
  await expect(measureMillion(wide)).rejects.toMatchObject({ code: "TRB_PLAN_DELTA_TOO_LARGE" });
});

test("walks stay and come back as often as they are told to (fixed seed; 7 standard errors, a false-alarm rate of 3e-12)", () => {
  const [walks, length] = [4000, 10];
  const items = Int32Array.from({ length: walks * length }, (_, event) => 1 + (event % length));
  const straight = {
    ...{ customers: Array.from({ length: walks }, (_, walk) => `w${walk}`), items, actions: new Uint8Array(items.length) },
    ...{ offsets: Uint32Array.from({ length: walks + 1 }, (_, walk) => walk * length), times: Float64Array.from(items) },
  };
  const [stay, back] = [0.3, 0.12];
  const { offsets, items: found, times } = restless(straight, { stay, back }, 3);
  expect([offsets.at(-1), times.length]).toEqual([found.length, found.length]);
  let [stays, returns, steps] = [0, 0, 0];
  for (let walk = 0; walk < walks; walk++) {
    const own = found.subarray(offsets[walk], offsets[walk + 1]);
    expect([...new Set(own)]).toEqual([...items.subarray(0, length)]);
    for (let event = 1; event < own.length; event++) {
      const [item = 0, before = 0] = [own[event], own[event - 1]];
      steps += 1;
      if (item === before) stays += 1;
      else if (own.subarray(0, event).includes(item)) returns += 1;
    }
  }
  // a step forward ends what are otherwise stays (an item comes back to itself once in as many as were seen) and returns
  const forward = (1 - stay) * (1 - back);
  expect(Math.abs(steps - (walks * (length - 1)) / forward)).toBeLessThan(
    (7 * Math.sqrt(walks * (length - 1) * (1 - forward))) / forward,
  );
  expect(stays / steps).toBeGreaterThan(stay);
  expect(stays / steps).toBeLessThan(stay + (1 - stay) * back);
  expect((stays + returns) / steps).toBeCloseTo(1 - forward, 1);
});

test("the rate climbs, stays and falls to nothing", () => {
  const of = { rounds: 100, warmUp: 5, decayFrom: 0.2 };
  expect([1, 5, 20, 21].map((round) => rateAt(of, round))).toEqual([0.2, 1, 1, 1]);
  expect(rateAt(of, 61)).toBeCloseTo(0.5, 12);
  expect(rateAt(of, 100)).toBeCloseTo(1 / 80, 12);
});

test("a million customers: the numbers that the documentation states", () => {
  const { market, delta, training, epsilon } = millionSettings();
  expect([market.customers, market.items, market.categories, epsilon, delta]).toEqual([1_000_000, 3000, 60, 2, 1e-7]);
  expect(training.cohort).toBe(10_000);
});
