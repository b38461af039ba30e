/** Statistics rounds at a node: what it answers, and what it refuses before anything is computed. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FederationModel } from "@tributary/federation";
import type { PairQuery } from "@tributary/model";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeBudget } from "./budget.ts";
import { startTestCoordinator, statisticsTestPlan, type TestCoordinator } from "./coordinator.test-support.ts";
import { importEvents } from "./import.ts";
import { joinFederation } from "./join.ts";
import { type RunningNode, runNode } from "./running/start.ts";
import { trustPeers } from "./trust.ts";

const names = ["alpha", "beta", "gamma"] as const;
let folder: string;
let coordinator: TestCoordinator;
let running: RunningNode[] = [];
let logged: string[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-client-"));
  coordinator = await startTestCoordinator(statisticsTestPlan());
  running = [];
  logged = [];
});
afterEach(async () => {
  await Promise.all(running.map((node) => node.close()));
  await coordinator.close();
  rmSync(folder, { recursive: true, force: true });
});

const homeOf = (name: string) => join(folder, name);

async function startAll(): Promise<void> {
  const fingerprints: string[] = [];
  for (const name of names) {
    const rows = Array.from(
      { length: 60 },
      (_, n) => `${name}-private-${n % 10},item-${String((n * 7) % 24).padStart(2, "0")},view,${1e9 + n}`,
    );
    writeFileSync(join(folder, `${name}.csv`), `customer,item,action,time\n${rows.join("\n")}\n`);
    fingerprints.push((await joinFederation({ invite: coordinator.invite(name), home: homeOf(name) })).fingerprint);
    await importEvents({ home: homeOf(name), files: [join(folder, `${name}.csv`)] });
  }
  const log = pino({ base: null }, { write: (line: string) => void logged.push(line) });
  for (const name of names) {
    await trustPeers({ home: homeOf(name), fingerprints });
    running.push(await runNode({ home: homeOf(name), log, trainingThreads: 1 }, coordinator.transport));
  }
  coordinator.begin();
}

test("nodes answer popularity and pairs, pay for each kind, and log nothing private", async () => {
  await startAll();
  for (const node of running) expect(await node.finished).toMatchObject({ ended: "ledgerClosed", charged: 3 });
  expect(coordinator.ledger.map((line) => JSON.parse(line).release)).toEqual([undefined, 0, 1, 2, undefined]);
  expect((await nodeBudget({ home: homeOf("alpha") })).byKind).toMatchObject([
    { kind: "popularity", charged: 1, open: 0, refunded: 0, left: 0 },
    { kind: "pairs", charged: 2, open: 0, refunded: 0, left: 0 },
  ]);
  expect(logged.join("")).not.toContain("private");
});

const query = (model: FederationModel): PairQuery => {
  const asked = model.statistics?.query;
  if (asked === undefined) throw new Error("nothing is asked");
  return asked;
};
/** The same model with another query, which its cells are then about. */
const asking = (model: FederationModel, change: (asked: PairQuery) => PairQuery): FederationModel => {
  const { statistics } = model;
  if (statistics?.evidence === undefined) throw new Error("nothing is known");
  const changed = change(query(model));
  const { firsts, seconds } = changed;
  return { ...model, statistics: { ...statistics, query: changed, evidence: { ...statistics.evidence, firsts, seconds } } };
};
const swapped = (values: Uint32Array) =>
  Uint32Array.from([...values.subarray(1, 2), ...values.subarray(0, 1), ...values.subarray(2)]);

test.each<[string, (model: FederationModel) => FederationModel, string]>([
  [
    "weights that are no numbers",
    (model) =>
      asking(model, (asked) => ({ ...asked, weights: asked.weights.map((weight, c) => (c === 7 ? Number.NaN : weight)) })),
    "TRB_MODEL_NOT_FINITE",
  ],
  [
    "cells of items that the catalogue doesn't have",
    (model) => asking(model, (asked) => ({ ...asked, seconds: asked.seconds.map((item, c) => (c === 22 ? 25 : item)) })),
    "TRB_MODEL_FILE_MALFORMED",
  ],
  [
    "cells out of order, so that one could be named twice",
    (model) => asking(model, (asked) => ({ ...asked, seconds: swapped(asked.seconds) })),
    "TRB_MODEL_FILE_MALFORMED",
  ],
  [
    "no query at all",
    (model) => {
      const { query: _, ...statistics } = model.statistics ?? { released: 1 };
      return { ...model, statistics };
    },
    "TRB_MODEL_QUERY_MISSING",
  ],
  ["a model without statistics", (model) => ({ ...model, statistics: undefined }), "TRB_MODEL_QUERY_MISSING"],
])("a round that starts from %s is refused by every node: nothing is uploaded, nobody pays", async (_, bend, code) => {
  coordinator.bend = (model, round) => (round === 1 ? bend(model) : model);
  await startAll();
  const refusals = () => logged.filter((line) => line.includes("training failed") && line.includes(code));
  for (let wait = 0; refusals().length < 3 && wait < 200; wait++) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(refusals().length).toBeGreaterThanOrEqual(3);
  expect(coordinator.uploads.map(({ round }) => round)).toEqual([1, 1, 1]);
  const { byKind } = await nodeBudget({ home: homeOf("alpha") });
  expect(byKind.map(({ kind, charged }) => [kind, charged])).toEqual([
    ["popularity", 1],
    ["pairs", 0],
  ]);
});
