/** One merchant's home, from who is held out to what serves: in a small federation on the real reducer. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Histories, writeCsv } from "@tributary/events";
import { initialFederationModel } from "@tributary/federation";
import { decodeModel, readHybrid } from "@tributary/model";
import { decimal, sha256Hex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestCoordinator, type TestCoordinator } from "../coordinator.test-support.ts";
import { readHistories } from "../home/histories.ts";
import { layoutOf } from "../home/layout.ts";
import { lockHome } from "../home/lock.ts";
import { withHome } from "../home/open.ts";
import { importEvents } from "../import.ts";
import { joinFederation } from "../join.ts";
import { rotateStoreKey } from "../rotate-key.ts";
import { runNode } from "../running/start.ts";
import { serveNode } from "../serving/serve.ts";
import { catalogue, historiesOf, secret } from "../serving/shop.test-support.ts";
import { healthAnswer } from "../serving/words.ts";
import { trustPeers } from "../trust.ts";
import { holdOut, inHouseSplit, permitRenaming, unlearntRule, withoutHeldOut } from "./holdout.ts";
import { type PersonalModel, personalOf, readPersonal, removePersonal, writePersonal } from "./personal-model.ts";
import { personalise } from "./personalise.ts";
import { valueReport } from "./value-report.ts";

const names = ["alpha", "beta", "gamma"] as const;
const folder = mkdtempSync(join(tmpdir(), "tributary-value-"));
const homeOf = (name: string) => join(folder, name);
const home = homeOf("alpha");
const layout = layoutOf(home);
const log = pino({ level: "silent" });
let coordinator: TestCoordinator;

const code = (expected: string) => expect.objectContaining({ code: expected });
const refused = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
};

/** Everybody walks from item i to item i + 1: pair counts, which have no direction, can't tell it from i − 1, and attention can. */
async function fill(name: string, customers: number): Promise<void> {
  const rows = Array.from({ length: customers }, (_, customer) => {
    const events = Array.from({ length: 6 + (customer % 3) }, (_, place) => ({
      ...{ item: 1 + ((5 * customer + place) % 24), action: place % 3 === 2 ? ("cart" as const) : ("view" as const) },
      time: 1_700_000_000 + 3600 * customer + 60 * place,
    }));
    return [`${name}-${secret}-${String(customer).padStart(4, "0")}`, events] as const;
  });
  const file = join(folder, `${name}.csv`);
  await writeCsv(file, historiesOf(Object.fromEntries(rows)), catalogue);
  await importEvents({ home: homeOf(name), files: [file] });
}

const many: Histories = {
  customers: Array.from({ length: 4000 }, (_, c) => `c${String(c).padStart(4, "0")}`),
  offsets: Uint32Array.from({ length: 4001 }, (_, c) => c),
  items: new Int32Array(4000).fill(1),
  actions: new Uint8Array(4000),
  times: new Float64Array(4000),
};

beforeAll(async () => {
  coordinator = await startTestCoordinator();
  // what a round's noise makes of so small a model is another thing each time: here the released model is the initial one
  const initial = initialFederationModel(nodeCrypto(), coordinator.plan);
  coordinator.bend = () => initial;
  const fingerprints: string[] = [];
  for (const name of names) {
    fingerprints.push((await joinFederation({ invite: coordinator.invite(name), home: homeOf(name) })).fingerprint);
    await fill(name, name === "alpha" ? 500 : 60);
  }
  for (const name of names) await trustPeers({ home: homeOf(name), fingerprints });
}, 120_000);
afterAll(async () => {
  await coordinator.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("who is held out", { timeout: 120_000 }, () => {
  test("is decided of each customer alone by a secret of the node; a larger share holds the same ones out and more", async () => {
    expect(withoutHeldOut(layout, many)).toBe(many);
    expect(await holdOut({ home })).toEqual({ share: 0, clean: false, reason: "nobody" });
    const left = async (share: number) => {
      await holdOut({ home, share });
      return withoutHeldOut(layout, many).customers;
    };
    const [few, more] = [await left(0.1), await left(0.3)];
    expect(statSync(layout.holdout).mode & 0o777).toBe(0o600);
    // 6.5 standard deviations of the binomial: false alarms below 1e-10
    expect(Math.abs(few.length - 3600)).toBeLessThan(6.5 * Math.sqrt(4000 * 0.1 * 0.9));
    expect(Math.abs(more.length - 2800)).toBeLessThan(6.5 * Math.sqrt(4000 * 0.3 * 0.7));
    expect(more.filter((customer) => !few.includes(customer))).toEqual([]);
    const gone = more[0] as string;
    const without = { ...many, customers: many.customers.map((customer) => (customer === gone ? "somebody-else" : customer)) };
    expect(withoutHeldOut(layout, without).customers.filter((customer) => customer !== "somebody-else")).toEqual(
      more.filter((customer) => customer !== gone),
    );
    await holdOut({ home: homeOf("beta"), share: 0.3 });
    expect(withoutHeldOut(layoutOf(homeOf("beta")), many).customers).not.toEqual(more);
    await holdOut({ home: homeOf("beta"), share: 0 });
  });

  test("can't be a share that is none, or be changed while the node runs, and is never guessed", async () => {
    for (const share of [-0.1, 0.6, Number.NaN]) {
      expect(() => holdOut({ home, share })).toThrow(code("TRB_VALUE_HOLDOUT_INVALID"));
    }
    const lock = lockHome(layout);
    await expect(holdOut({ home, share: 0.2 })).rejects.toThrow(code("TRB_NODE_HOME_BUSY"));
    lock.release();
    const file = readFileSync(layout.holdout);
    writeFileSync(layout.holdout, "{}");
    expect(refused(() => withoutHeldOut(layout, many))).toEqual(code("TRB_VALUE_HOLDOUT_UNREADABLE"));
    // whoever can't tell whom to leave out trains on nobody
    const start = runNode({ home, log, trainingThreads: 1 }, coordinator.transport);
    await expect(start).rejects.toThrow(code("TRB_NODE_TRAINING_FAILED"));
    await expect(start).rejects.toThrow("TRB_VALUE_HOLDOUT_UNREADABLE");
    writeFileSync(layout.holdout, file);
  });

  test("parts of the own customers are disjoint, and before a round the judged are those who are held out", async () => {
    expect(await holdOut({ home })).toEqual({ share: 0.3, clean: true, reason: null });
    const split = await withHome(home, inHouseSplit);
    expect(split).toMatchObject({ clean: true, heldOutBy: ["node"], reserved: 0.3 });
    const { customers } = readHistories(layout);
    const left = withoutHeldOut(layout, readHistories(layout)).customers;
    expect(customers.filter((customer) => split.partOf(customer) !== "judged")).toEqual(left);
    const isUnlearnt = await withHome(home, unlearntRule);
    expect(customers.filter((customer) => isUnlearnt?.(customer) !== true)).toEqual(left);
    expect(await withHome(homeOf("beta"), unlearntRule)).toBeUndefined();
  });
});

describe("after the rounds", { timeout: 300_000 }, () => {
  let kept: PersonalModel;

  test("before any model there is nothing to report or to personalise", async () => {
    await expect(valueReport({ home })).rejects.toThrow(code("TRB_VALUE_NO_MODEL"));
    await expect(personalise({ home })).rejects.toThrow(code("TRB_VALUE_NO_MODEL"));
  });

  test("a personalised model is kept where it ranks better, sealed, and reported on customers that nobody has seen", async () => {
    const nodes = [];
    for (const name of names) nodes.push(await runNode({ home: homeOf(name), log, trainingThreads: 1 }, coordinator.transport));
    coordinator.begin();
    for (const node of nodes) await node.finished;
    for (const node of nodes) await node.close();

    await expect(personalise({ home: homeOf("beta") })).rejects.toThrow(code("TRB_VALUE_TOO_FEW_CUSTOMERS"));
    await expect(personalise({ home, layers: ["haeds"] })).rejects.toThrow(code("TRB_VALUE_LAYER_UNKNOWN"));
    const personal = await personalise({ home, layers: ["all"], epochs: 12 });
    expect(personal).toMatchObject({ tuned: "attention", kept: true, level: 0.05 });
    expect(personal.gain.interval[0]).toBeGreaterThan(0);
    expect(personal.personal.ndcg10).toBeGreaterThan(personal.without.ndcg10);
    const parts = Object.values(personal.customers).reduce((sum, part) => sum + part, 0);
    expect(parts).toBe(500);

    const model = await withHome(home, ({ plan }) => readPersonal(layout, plan));
    if (model === undefined) throw new Error("nothing was written");
    kept = model;
    expect(kept).toMatchObject({ federated: personal.model.hash, layers: personal.layers, weights: personal.weights.personal });

    const { report, timelines } = await valueReport({ home, seconds: 1, samples: 3 });
    expect(report).toMatchObject({
      heldOut: { clean: true, evaluated: personal.customers.judged },
      personalisation: { state: "serves" },
      verdict: { of: "personalised", customers: personal.customers.judged },
      localAttention: { stopped: expect.any(String) },
    });
    expect(report.personalised?.ndcg10).toBeGreaterThan(report.popularity.ndcg10);
    expect(report.epsilon.spent).toBeGreaterThan(0);
    expect(report.local.againstLocal).toBeUndefined();
    expect(report.timelines).toMatchObject({ customers: 3, events: timelines.flatMap(({ events }) => events).length });
    expect(timelines.map(({ customer }) => customer)).toEqual([1, 2, 3]);
    for (const { events } of timelines) {
      for (const { rank, shown, item } of events) expect(shown[Math.ceil(rank) - 1] ?? item).toBe(item);
    }
    expect(JSON.stringify([report, timelines])).not.toContain(secret);
  });

  test("what was kept lies sealed for its owner alone, and no reader of models takes it", async () => {
    const file = readFileSync(layout.personal);
    expect(statSync(layout.personal).mode & 0o777).toBe(0o600);
    expect(file.toString("latin1")).not.toContain("inHouse");
    for (const read of [
      () => readHybrid({ "model.onnx": file, "tables.safetensors": file }),
      () => decodeModel(coordinator.plan.model, file),
    ]) {
      expect(refused(read)).toBeInstanceOf(Error);
    }
    const changed = Buffer.from(file);
    changed[changed.length - 20] = (changed[changed.length - 20] ?? 0) ^ 1;
    writeFileSync(layout.personal, changed);
    await withHome(home, ({ plan }) => {
      expect(refused(() => readPersonal(layout, plan))).toEqual(code("TRB_VALUE_PERSONAL_UNREADABLE"));
      expect(personalOf(layout, plan, { hash: kept.federated })).toEqual({ state: "unreadable" });
      expect(refused(() => readPersonal(layout, { ...plan, federation: "another" }))).toEqual(
        code("TRB_VALUE_PERSONAL_UNREADABLE"),
      );
    });
    await writePersonal(layout, kept);
    expect(await withHome(home, ({ plan }) => readPersonal(layout, plan))).toEqual(kept);
  });

  test("it serves, until the federated model that it came from is not the last one any more; then that serves, and both say so", async () => {
    const serving = await serveNode({ home, port: 0, token: "a-token-of-the-tests", reloadEvery: 50, log });
    try {
      const model = async () => healthAnswer.parse(await (await fetch(`${serving.url}/v1/health`)).json()).model;
      const until = async (state: string | undefined) => {
        for (let tries = 0; tries < 600 && (await model()).personal !== state; tries++)
          await new Promise((r) => setTimeout(r, 50));
        return await model();
      };
      expect(await until("serves")).toMatchObject({ source: "released", hash: kept.federated, personal: "serves" });
      await writePersonal(layout, { ...kept, federated: sha256Hex.parse("a".repeat(64)) });
      expect(await until("stale")).toMatchObject({ source: "released", hash: kept.federated, personal: "stale" });
      removePersonal(layout);
      expect(await until(undefined)).toMatchObject({ hash: kept.federated });
      expect(await model()).not.toHaveProperty("personal");
    } finally {
      await serving.close();
    }
  });

  test("customers whom rounds may have learnt from make no clean report, and a stale model isn't judged", async () => {
    await writePersonal(layout, { ...kept, federated: sha256Hex.parse("a".repeat(64)) });
    expect(await holdOut({ home, share: 0.2 })).toEqual({ share: 0.2, clean: true, reason: null }); // fewer of the same
    expect(await holdOut({ home, share: 0.4 })).toEqual({ share: 0.4, clean: false, reason: "rounds" });
    expect(await withHome(home, unlearntRule)).toBeUndefined();
    const { report, timelines } = await valueReport({ home, seconds: 1, samples: 0 });
    expect(report.heldOut).toMatchObject({ clean: false, by: [] });
    expect(report.personalisation).toMatchObject({ state: "stale", code: "TRB_VALUE_PERSONAL_STALE" });
    expect(report).not.toHaveProperty("personalised");
    expect(report.verdict.verdict).not.toBe("pays");
    expect(timelines).toEqual([]);
  });

  test("customers who are renamed once the ledger is closed are judged by the plan's share no more: rounds may have learnt from them", async () => {
    expect(await rotateStoreKey({ home, pseudonyms: true, master: false })).toMatchObject({ pseudonyms: true });
    await withHome(home, (opened) => {
      const metered = {
        ...opened,
        plan: { ...opened.plan, metrics: { heldOut: decimal.parse("0.2"), lossBound: decimal.parse("12") } },
      };
      expect(inHouseSplit(metered)).toMatchObject({ clean: true, heldOutBy: ["plan"], reserved: 0 });
      permitRenaming(metered).release();
      expect(inHouseSplit(metered)).toMatchObject({ clean: false, heldOutBy: [], reserved: 0.4 });
    });
  });
});
