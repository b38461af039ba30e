import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { decimal } from "@tributary/protocol";
import { expect, test } from "vitest";
import { readHistories } from "./home/histories.ts";
import { layoutOf } from "./home/layout.ts";
import { lockHome } from "./home/lock.ts";
import { type Home, withHome } from "./home/open.ts";
import { importEvents } from "./import.ts";
import { joinedHome } from "./joined-home.test-support.ts";
import { rotateStoreKey } from "./rotate-key.ts";
import { holdOut, permitRenaming } from "./value/holdout.ts";

const joined = joinedHome();

async function fill(): Promise<void> {
  const path = join(joined.folder, "log.csv");
  const rows = Array.from(
    { length: 40 },
    (_, n) => `customer-${n % 10},item-${String(n % 24).padStart(2, "0")},view,${1e9 + n}`,
  );
  writeFileSync(path, `customer,item,action,time\n${rows.join("\n")}\n`);
  await importEvents({ home: joined.home, files: [path] });
}
const charge = () =>
  withHome(joined.home, ({ database }) =>
    database.charge({ round: 1, release: 0, standing: "open", h1: "a".repeat(64) as never, cohort: [] }),
  );
const names = () => readHistories(layoutOf(joined.home)).customers;
const refusal = { code: "TRB_VALUE_HELD_OUT_BY_NAME" };

test("whoever holds customers out keeps their names from the first round on; the master key can be rotated all the same", async () => {
  const { home } = joined;
  await fill();
  await holdOut({ home, share: 0.3 });
  const before = names();
  await rotateStoreKey({ home, pseudonyms: true, master: false }); // nobody has learnt from anybody
  const after = names();
  expect(after.some((name) => before.includes(name))).toBe(false);
  await charge();
  for (const master of [true, false])
    await expect(rotateStoreKey({ home, pseudonyms: true, master })).rejects.toMatchObject(refusal);
  expect(names()).toEqual(after);
  expect(await rotateStoreKey({ home, pseudonyms: false, master: true })).toMatchObject({ pseudonyms: false, master: true });
  expect(names()).toEqual(after);
  await holdOut({ home, share: 0 });
  await rotateStoreKey({ home, pseudonyms: true, master: false });
  expect(names().some((name) => after.includes(name))).toBe(false);
});

test("not while the node runs, which goes by the names that it has read, and not under a plan whose metrics hold customers out", async () => {
  const { home } = joined;
  await fill();
  const withMetrics = (work: (home: Home) => void) =>
    withHome(home, (opened) => {
      const metrics = { heldOut: decimal.parse("0.2"), lossBound: decimal.parse("12") };
      work({ ...opened, plan: { ...opened.plan, metrics } });
    });
  await withMetrics((opened) => {
    const running = lockHome(opened.layout);
    expect(() => permitRenaming(opened)).toThrow(expect.objectContaining({ code: "TRB_NODE_HOME_BUSY" }));
    running.release();
    permitRenaming(opened).release();
  });
  await charge();
  await withMetrics((opened) => {
    expect(() => permitRenaming(opened)).toThrow(expect.objectContaining(refusal));
    lockHome(opened.layout).release();
  });
});
