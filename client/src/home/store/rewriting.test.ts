import { appendFileSync, chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Histories, mergeHistories, renameCustomers } from "@tributary/events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readHistories, storeEdition } from "../histories.ts";
import { readItemNames, writeItemNames } from "../item-names.ts";
import type { Layout } from "../layout.ts";
import { changeManifest } from "./changing.ts";
import { doorOf } from "./door.ts";
import { createJournal, journalPath, recordSealer } from "./journal.ts";
import { openLiveJournal } from "./live-journal.ts";
import { lockImporting } from "./locks.ts";
import { readManifest } from "./manifest.ts";
import { openDoor, openStore, pseudonymised } from "./opening.ts";
import { rewriteStore } from "./rewriting.ts";
import { rotateKeys } from "./rotation.ts";
import { emptyHome, historiesOf, importChunks, type TestHome } from "./store.test-support.ts";
import { nextOf } from "./store-key.ts";

let home: TestHome;
let layout: Layout;
beforeEach(() => {
  home = emptyHome();
  layout = home.layout;
});
afterEach(() => {
  for (const name of ["TRIBUTARY_STORE_KEY", "TRIBUTARY_STORE_KEY_FILE"]) delete process.env[name];
  home[Symbol.dispose]();
});

const coded = (code: string) => expect.objectContaining({ code });
const log = historiesOf({
  ann: [
    [1, 0, 10, 5],
    [2, 3, 30],
  ],
  bob: [[3, 1, 20]],
});
const told = historiesOf({ cem: [[4, 0, 5]], ann: [[2, 3, 40]] });
const names = () => readManifest(layout)?.manifest.door ?? [];
const through = (events: Histories) => renameCustomers(events, events.customers.map(doorOf(names())));
const expected = (...parts: readonly Histories[]) => pseudonymised({ home: layout.home, histories: mergeHistories(parts) });

async function fill(): Promise<void> {
  await importChunks(layout, [log]);
  const journal = openLiveJournal(layout);
  await journal.append(through(told), names().length);
  await journal.close();
}

describe("a rotation of keys", () => {
  test("of pseudonyms goes on top of the old ones: ids find the same histories, and imports bring the same names", async () => {
    await fill();
    const [before, edition] = [readHistories(layout), storeEdition(layout)];
    for (const rotation of [1, 2]) {
      await rotateKeys(layout, { pseudonyms: true, master: false });
      expect(names()).toHaveLength(1 + rotation);
      expect(readHistories(layout)).toEqual(expected(log, told));
      expect(readHistories(layout).customers.some((name) => before.customers.includes(name))).toBe(false);
    }
    expect(storeEdition(layout)).not.toBe(edition);
    await importChunks(layout, [log]);
    expect(readHistories(layout)).toEqual(expected(log, told));
  });

  test("of the master key seals everything anew, what lies beside the store too, and leaves no file that the old key opens", async () => {
    await fill();
    await writeItemNames(layout, { seen: new Map([["sku", "item"]]) });
    const [before, key] = [readHistories(layout), readFileSync(layout.storeKey)];
    const files = [...readdirSync(layout.segments), ...readdirSync(layout.journals)];
    await rotateKeys(layout, { pseudonyms: false, master: true });
    expect(readFileSync(layout.storeKey)).not.toEqual(key);
    expect(readHistories(layout)).toEqual(before);
    expect(readItemNames(layout)?.seen.get("sku")).toBe("item");
    const now = [...readdirSync(layout.segments), ...readdirSync(layout.journals)];
    expect(now.filter((name) => files.includes(name))).toEqual([]);
    expect(existsSync(nextOf(layout.storeKey))).toBe(false);
    writeFileSync(layout.storeKey, key);
    expect(() => readHistories(layout)).toThrow(coded("TRB_NODE_STORE_KEY_WRONG"));
  });

  test("that was killed before the store counted left the old one; after that the waiting key takes its place", async () => {
    await fill();
    await writeItemNames(layout, { seen: new Map([["sku", "item"]]) });
    const before = readHistories(layout);
    writeFileSync(nextOf(layout.storeKey), `${"ab".repeat(32)}\n`, { mode: 0o600 }); // as left by one that was killed early
    expect(readHistories(layout)).toEqual(before);
    const old = { key: readFileSync(layout.storeKey), names: readFileSync(layout.itemNames) };
    await rotateKeys(layout, { pseudonyms: true, master: true });
    // as if the process had ended just after the manifest was replaced
    for (const [path, bytes] of [
      [layout.storeKey, old.key],
      [layout.itemNames, old.names],
    ] as const) {
      copyFileSync(path, nextOf(path));
      chmodSync(nextOf(path), 0o600);
      writeFileSync(path, bytes);
    }
    expect(readHistories(layout)).toEqual(expected(log, told));
    expect(readItemNames(layout)?.seen.get("sku")).toBe("item");
    expect(readFileSync(layout.storeKey)).not.toEqual(old.key);
  });

  test("of a master key that lies elsewhere takes the new one from a file", async () => {
    process.env["TRIBUTARY_STORE_KEY"] = "ab".repeat(32);
    await fill();
    const before = readHistories(layout);
    await expect(rotateKeys(layout, { pseudonyms: true, master: true })).rejects.toMatchObject({
      code: "TRB_NODE_STORE_NEW_KEY_NEEDED",
    });
    const newKeyFile = join(layout.home, "new-key");
    writeFileSync(newKeyFile, "cd".repeat(32), { mode: 0o600 });
    await rotateKeys(layout, { pseudonyms: false, master: true, newKeyFile });
    expect(() => readHistories(layout)).toThrow(coded("TRB_NODE_STORE_KEY_WRONG"));
    process.env["TRIBUTARY_STORE_KEY"] = "cd".repeat(32);
    expect(readHistories(layout)).toEqual(before);
  });
});

describe("while the store is written anew", () => {
  test("what is told is in the new one, under its names, or not there where its customer was erased", async () => {
    await fill();
    const journal = openLiveJournal(layout);
    const passed = names().length;
    const late = historiesOf({ dan: [[7, 0, 70]], bob: [[8, 0, 80]] });
    const first = through(late);
    let writing: Promise<void> | undefined;
    const gone = doorOf(names())("bob");
    await rewriteStore(layout, () => ({
      change: (histories) => renameCustomers(histories, histories.customers, (name) => name === gone),
      contents: () => ({ erased: [gone] }),
      before: () => {
        writing = journal.append(first, passed);
      },
    }));
    await writing;
    await rotateKeys(layout, { pseudonyms: true, master: true });
    await journal.append(first, passed); // by a process that has not heard of the rotation
    await journal.close();
    const rest = historiesOf({
      ann: [
        [1, 0, 10, 5],
        [2, 3, 30],
      ],
      dan: [[7, 0, 70]],
    });
    expect(readHistories(layout)).toEqual(expected(rest, told));
    await importChunks(layout, [log]);
    expect(readHistories(layout)).toEqual(expected(rest, told));
    expect(openDoor(layout)?.("bob")).toBe(openStore(layout)?.manifest.erased[0]);
  });

  test("what another process was just told, in a journal that it began meanwhile, is in the new one", async () => {
    await fill();
    const late = historiesOf({ dan: [[7, 0, 70]] });
    const id = "ab".repeat(16);
    await rewriteStore(layout, (now) => ({
      change: (histories) => histories,
      contents: () => ({}),
      before: () => {
        createJournal(layout, id);
        appendFileSync(journalPath(layout, id), recordSealer(now, id).record(0, through(late)));
        changeManifest(layout, ({ manifest }) => ({ journals: [...manifest.journals, { id, closed: false }] }));
      },
    }));
    expect(readManifest(layout)?.manifest.journals).toEqual([]);
    expect(readHistories(layout)).toEqual(expected(log, told, late));
  });

  test("nobody imports, and nobody else writes it anew", async () => {
    await fill();
    const importing = lockImporting(layout);
    await expect(rotateKeys(layout, { pseudonyms: true, master: false })).rejects.toMatchObject({
      code: "TRB_NODE_STORE_BUSY",
    });
    await expect(importChunks(layout, [log])).rejects.toMatchObject({ code: "TRB_NODE_STORE_BUSY" });
    importing.release();
    await importChunks(layout, [log]);
  });
});
