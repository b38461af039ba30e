/** Means of features through real nodes: bought, paid for, in each node's ledger copy, and what its report and its own models then go by. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseScale } from "@tributary/dp";
import { featureMomentsDimension, featureMomentsNorm } from "@tributary/events";
import { formatDecimal, type Plan } from "@tributary/protocol";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { nodeBudget } from "./budget.ts";
import { startTestCoordinator, statisticsTestPlan, type TestCoordinator } from "./coordinator.test-support.ts";
import { releasedMoments, storedFeatures } from "./feature-report.ts";
import { withHome } from "./home/open.ts";
import { importEvents } from "./import.ts";
import { joinFederation } from "./join.ts";
import { type RunningNode, runNode } from "./running/start.ts";
import { trustPeers } from "./trust.ts";

const names = ["alpha", "beta", "gamma"] as const;
const customers = 60;
const [day, begins] = [86_400, 1e9];
const now = begins + 30 * day;

/** A round that fails on a busy machine is charged as well, and would be another figure. */
const unhurried = {
  keys: 20_000,
  shares: 20_000,
  uploadOffset: 500,
  masked: 30_000,
  consistency: 20_000,
  unmask: 20_000,
  grace: 20_000,
};

/** The plan of statistics, with features in place of its last pairs. */
function featuresPlan(): Plan {
  const plan = statisticsTestPlan();
  const [popularity, pairs] = plan.releases;
  if (popularity === undefined || pairs === undefined) throw new Error("no statistics");
  const clipNorm = formatDecimal(featureMomentsNorm, "up");
  const shape = { dimension: featureMomentsDimension, touched: featureMomentsDimension };
  const noiseMultiplier = formatDecimal(0.5); // little, so that 180 customers are not drowned
  const { scale } = chooseScale({
    ...{ arithmetic: "exact", totalQuota: 3 * 64, clipNorm, noiseMultiplier, ...shape, maxNodes: 3, honestMinimum: 3 },
  });
  const features = {
    ...popularity,
    ...shape,
    kind: "features" as const,
    clipNorm,
    noiseMultiplier,
    scale: formatDecimal(Number(scale)),
  };
  return {
    ...plan,
    releases: [popularity, pairs, features],
    features: { now },
    epsilon: formatDecimal(60),
    deadlines: unhurried,
  };
}

let folder: string;
let coordinator: TestCoordinator;
const running: RunningNode[] = [];
const logged: string[] = [];
const homeOf = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-features-"));
  coordinator = await startTestCoordinator(featuresPlan());
  const fingerprints: string[] = [];
  for (const [place, name] of names.entries()) {
    // alpha's customers come once, beta's three times and gamma's five times, a day apart each time
    const rows = Array.from({ length: customers }, (_, customer) =>
      Array.from(
        { length: 1 + 2 * place },
        (__, visit) =>
          `${name}-private-${customer},item-${String((customer + visit) % 24).padStart(2, "0")},view,${begins + visit * day}`,
      ),
    ).flat();
    writeFileSync(join(folder, `${name}.csv`), `customer,item,action,time\n${rows.join("\n")}\n`);
    fingerprints.push((await joinFederation({ invite: coordinator.invite(name), home: homeOf(name) })).fingerprint);
    await importEvents({ home: homeOf(name), files: [join(folder, `${name}.csv`)] });
  }
  const log = pino({ base: null }, { write: (line: string) => void logged.push(line) });
  for (const name of names) {
    await trustPeers({ home: homeOf(name), fingerprints });
    running.push(await runNode({ home: homeOf(name), log, trainingThreads: 1 }, coordinator.transport));
  }
}, 120_000);
afterAll(async () => {
  await Promise.all(running.map((node) => node.close()));
  await coordinator.close();
  rmSync(folder, { recursive: true, force: true });
});

test("before the release a report has the merchant's own figures, and models go by public constants", async () => {
  const { round, features } = await storedFeatures({ home: homeOf("beta") });
  expect(round).toBeNull();
  expect(features[0]).toMatchObject({ name: "events", own: { customers, mean: expect.closeTo(3, 9) }, federation: null });
  expect(await withHome(homeOf("beta"), ({ layout, plan }) => releasedMoments(layout, plan))).toBeUndefined();
});

test("after it everybody has the federation's, each has paid, and nothing private is logged", {
  timeout: 120_000,
}, async () => {
  coordinator.begin();
  for (const node of running) expect(await node.finished).toMatchObject({ ended: "ledgerClosed", charged: 3 });
  for (const name of names) {
    expect((await nodeBudget({ home: homeOf(name) })).byKind.map(({ kind, charged }) => [kind, charged])).toEqual([
      ["popularity", 1],
      ["pairs", 1],
      ["features", 1],
    ]);
  }
  const [alpha, gamma] = [await storedFeatures({ home: homeOf("alpha") }), await storedFeatures({ home: homeOf("gamma") })];
  expect([alpha.round, alpha.now]).toEqual([3, now]);
  expect(alpha.features.map(({ federation }) => federation)).toEqual(gamma.features.map(({ federation }) => federation));
  const events = alpha.features[0];
  // noise of about 5 customers in sums over 180: mean ln(1 + x) of 2, 4 and 6 events is (ln 2 + ln 4 + ln 6)/3
  expect(events?.own?.mean).toBeCloseTo(1, 9);
  expect(events?.federation?.mean).toBeGreaterThan(1);
  expect(events?.federation?.mean).toBeLessThan(6);
  expect(alpha.features.find(({ name }) => name === "items a basket")).toMatchObject({ own: null, federation: null });
  const moments = await withHome(homeOf("alpha"), ({ layout, plan }) => releasedMoments(layout, plan));
  expect(moments?.[0]).toMatchObject({ released: true });
  expect(logged.join("")).not.toContain("private");
});
