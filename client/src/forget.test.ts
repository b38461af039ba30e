import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { actions } from "@tributary/events";
import { parameterCount } from "@tributary/model";
import { hashOf, planHash } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestCoordinator, type TestCoordinator } from "./coordinator.test-support.ts";
import { forgetCustomers } from "./forget.ts";
import { openDatabase } from "./home/database.ts";
import { readHistories } from "./home/histories.ts";
import { type Layout, layoutOf } from "./home/layout.ts";
import { withHome } from "./home/open.ts";
import { doorOf, throughDoor } from "./home/store/door.ts";
import { openLiveJournal } from "./home/store/live-journal.ts";
import { openDoor, openStore } from "./home/store/opening.ts";
import { historiesOf } from "./home/store/store.test-support.ts";
import { importEvents } from "./import.ts";
import { joinFederation } from "./join.ts";
import { personalOf, writePersonal } from "./value/personal-model.ts";

let folder: string;
let home: string;
let layout: Layout;
let coordinator: TestCoordinator;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-forget-"));
  home = join(folder, "home");
  layout = layoutOf(home);
  coordinator = await startTestCoordinator();
  await joinFederation({ invite: coordinator.invite("alpha"), home });
});
afterEach(async () => {
  await coordinator.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Fifty events of ten customers. */
const csv = () => {
  const path = join(folder, "log.csv");
  const line = (n: number) => `customer-${n % 10},item-${String(n % 24).padStart(2, "0")},view,${1_600_000_000 + n}`;
  writeFileSync(path, `customer,item,action,time\n${Array.from({ length: 50 }, (_, n) => line(n)).join("\n")}\n`);
  return path;
};

async function tell(customer: string): Promise<void> {
  const journal = openLiveJournal(layout);
  const keys = openStore(layout)?.manifest.door ?? [];
  const events = historiesOf({ [customer]: [[1, actions.indexOf("buy"), 1_600_000_100]] });
  await journal.append(throughDoor(events, doorOf(keys)), keys.length);
  await journal.close();
}

/** Every file below the home, byte for byte: names included. */
function everything(): Buffer {
  const names = readdirSync(home, { recursive: true, encoding: "utf8" });
  const files = names.flatMap((name) => {
    try {
      return [Buffer.from(name), readFileSync(join(home, name))];
    } catch {
      return [Buffer.from(name)]; // a folder
    }
  });
  return Buffer.concat(files);
}

test("who is forgotten is in no file, neither by id nor by pseudonym; the record says when and how many, and what was released", async () => {
  const file = csv();
  await importEvents({ home, files: [file] });
  await tell("customer-3");
  await tell("customer-4");
  await withHome(home, ({ database }) => {
    const h1 = "a".repeat(64) as never;
    database.charge({ round: 2, release: 0, standing: "final", h1, cohort: [] });
    database.charge({ round: 3, release: 0, standing: "refunded", h1, cohort: [] });
  });
  const pseudonym = openDoor(layout)?.("customer-3") ?? "";
  const before = readdirSync(layout.segments);
  expect(readHistories(layout).customers).toContain(pseudonym);
  const forgotten = await forgetCustomers({ home, customers: ["customer-3", "nobody", "customer-3"] });
  expect(forgotten).toMatchObject({ customers: 2, found: 1, events: 6, suppressed: false, personalModelRemoved: false });
  expect(forgotten.released.rounds).toEqual([2]);
  expect(forgotten.released.epsilon).toBeGreaterThan(0);
  const left = readHistories(layout);
  expect([left.customers.length, left.items.length, left.customers.includes(pseudonym)]).toEqual([9, 46, false]);
  expect(readdirSync(layout.segments).some((name) => before.includes(name))).toBe(false);
  const bytes = everything();
  for (const trace of ["customer-3", pseudonym, Buffer.from(pseudonym, "hex")]) expect(bytes.includes(trace)).toBe(false);
  const database = openDatabase(layout);
  expect(database.erasures()).toEqual([
    { at: forgotten.at, customers: 2, suppressed: false, planHash: forgotten.released.planHash, rounds: [2] },
  ]);
  database.close();
  expect((await importEvents({ home, files: [file] })).customers).toBe(10);
});

test("who is suppressed does not come back, by an import or by what is told; the report counts it", async () => {
  const file = csv();
  await importEvents({ home, files: [file] });
  await forgetCustomers({ home, customers: ["customer-3"], suppress: true });
  const report = await importEvents({ home, files: [file] });
  expect(report).toMatchObject({ rows: 50, kept: 45, customers: 9, dropped: { erased: 5 }, actions: { view: 45 } });
  const dropped = Object.values(report.dropped).reduce((sum, count) => sum + count, 0);
  expect(report.kept + dropped).toBe(report.rows);
  await tell("customer-3");
  expect(readHistories(layout).customers).toHaveLength(9);
  const added = await importEvents({ home, files: [file], add: true });
  expect([added.dropped.erased, readHistories(layout).items.length]).toEqual([5, 45]);
});

test("a model that was personalised with customers' exact histories goes with the first of them who had one, and is written over", async () => {
  await importEvents({ home, files: [csv()] });
  const [plan, federated] = await withHome(
    home,
    (opened) => [opened.plan, hashOf(opened.crypto, "the last released")] as const,
  );
  const parameters = new Float32Array(parameterCount(plan.model)).fill(0.5);
  const mixture = { content: 20, released: 1, own: 1, history: 2, topics: 3 };
  await writePersonal(layout, {
    ...{ version: 1, scope: "inHouse", plan: planHash(nodeCrypto(), plan), federated, round: 2, layers: ["blocks.0"] },
    ...{ weights: { mixture, popularity: 0, attention: 0.25 }, reserved: 0.1, parameters },
  });
  const serves = { state: "serves", weights: { mixture, popularity: 0, attention: 0.25 } };
  expect(personalOf(layout, plan, { hash: federated })).toMatchObject(serves);
  expect(await forgetCustomers({ home, customers: ["nobody"] })).toMatchObject({ found: 0, personalModelRemoved: false });
  expect(personalOf(layout, plan, { hash: federated })).toMatchObject(serves);
  writeFileSync(layout.value, "{}"); // a value report's figures, which may have counted somebody
  expect(await forgetCustomers({ home, customers: ["nobody"] })).toMatchObject({ found: 0 });
  expect(existsSync(layout.value)).toBe(true);

  const file = openSync(layout.personal, "r");
  expect(await forgetCustomers({ home, customers: ["customer-3"] })).toMatchObject({ found: 1, personalModelRemoved: true });
  expect([existsSync(layout.personal), existsSync(layout.value)]).toEqual([false, false]);
  expect(readFileSync(file).every((byte) => byte === 0)).toBe(true); // whoever holds it open sees what stays of it
  closeSync(file);
  expect(await forgetCustomers({ home, customers: ["customer-4"] })).toMatchObject({ found: 1, personalModelRemoved: false });
});
