import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Histories, mergeHistories } from "@tributary/events";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { historiesReader, readHistories, readStored, storeEdition, storeGeneration } from "../histories.ts";
import type { Layout } from "../layout.ts";
import { compactStore, needsCompaction } from "./compaction.ts";
import { doorOf, throughDoor } from "./door.ts";
import { openLiveJournal } from "./live-journal.ts";
import { readManifest } from "./manifest.ts";
import { pseudonymised } from "./opening.ts";
import { emptyHome, historiesOf, importChunks, type TestHome } from "./store.test-support.ts";

let home: TestHome;
let layout: Layout;
beforeEach(() => {
  home = emptyHome();
  layout = home.layout;
});
afterEach(() => home[Symbol.dispose]());

const coded = (code: string) => expect.objectContaining({ code });
const log = historiesOf({
  ann: [
    [1, 0, 10, 5],
    [2, 3, 30],
  ],
  bob: [[3, 1, 20]],
});
const doorKeys = () => readManifest(layout)?.manifest.door ?? [];
/** Raw ids in, as a serving process would after its door. */
const asTold = (events: Histories) => throughDoor(events, doorOf(doorKeys()));
const journals = () => readdirSync(layout.journals).map((name) => join(layout.journals, name));
const stored = (...parts: readonly Histories[]) => pseudonymised({ home: layout.home, histories: mergeHistories(parts) });

async function tell(...told: readonly Histories[]): Promise<void> {
  const journal = openLiveJournal(layout);
  for (const events of told) await journal.append(asTold(events), doorKeys().length);
  await journal.close();
}

describe("what the shop tells", () => {
  test("is part of what is read, before a segment has it and after, and again after a restart", async () => {
    await importChunks(layout, [log]);
    const read = historiesReader(layout);
    const [edition, generation, before] = [storeEdition(layout), storeGeneration(layout), read()];
    const told = [
      historiesOf({
        ann: [
          [9, 0, 20],
          [2, 3, 30],
        ],
      }),
      historiesOf({ cem: [[4, 0, 5]] }),
    ] as const;
    await tell(...told);
    expect([storeEdition(layout), before]).toEqual([edition, stored(log)]);
    expect(storeGeneration(layout)).not.toBe(generation);
    const expected = stored(log, ...told);
    expect([readHistories(layout), read()]).toEqual([expected, expected]);
    await compactStore(layout);
    expect([readHistories(layout), read(), journals()]).toEqual([expected, expected, []]);
    expect(storeEdition(layout)).not.toBe(edition);
  });

  test("is kept where nothing was imported yet, and beside what is imported later, unless that is said to go", async () => {
    const told = historiesOf({ cem: [[4, 0, 5]] });
    const journal = openLiveJournal(layout);
    await importChunks(layout, [historiesOf({ old: [[1, 0, 1]] })]);
    await journal.append(asTold(told), doorKeys().length);
    await journal.close();
    await importChunks(layout, [log]);
    expect(readHistories(layout)).toEqual(stored(log, told));
    await importChunks(layout, [log]);
    expect(readHistories(layout)).toEqual(stored(log, told));
    await importChunks(layout, [log], { dropLive: true });
    expect(readHistories(layout)).toEqual(stored(log));
  });

  test("shows no name, no pseudonym and nothing of what happened on disk", async () => {
    await importChunks(layout, [log]);
    await tell(historiesOf({ "customer-of-gamma": [[4, 0, 1234567]] }));
    for (const path of journals()) {
      const bytes = readFileSync(path);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const time = Buffer.from(Float64Array.of(1234567).buffer);
      for (const text of ["customer-of-gamma", ...readHistories(layout).customers, time])
        expect(bytes.includes(text)).toBe(false);
    }
  });

  test("is written together while the disk is busy, and every teller is answered after its own is on disk", async () => {
    await importChunks(layout, [log]);
    const journal = openLiveJournal(layout);
    const one = (n: number) => historiesOf({ [`c${n}`]: [[1, 0, n]] });
    await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        await journal.append(asTold(one(n)), doorKeys().length);
        expect(readStored(layout)?.customers).toContain(doorOf(doorKeys())(`c${n}`));
      }),
    );
    const records = readManifest(layout)?.manifest.journals.length;
    expect(records).toBe(1);
    expect(readHistories(layout).customers).toHaveLength(202);
    await journal.close();
    await expect(journal.append(asTold(one(1)), 1)).rejects.toMatchObject({ code: "TRB_SERVE_CLOSING" });
  });

  test("goes on into another journal when the store was put in order meanwhile, or replaced, and none is lost or counted twice", async () => {
    await importChunks(layout, [log]);
    const journal = openLiveJournal(layout);
    const parts: Histories[] = [log];
    for (let n = 0; n < 30; n++) {
      const told = historiesOf({ [`c${n % 7}`]: [[1 + n, 0, n]] });
      parts.push(told);
      const writing = journal.append(asTold(told), doorKeys().length);
      if (n % 4 === 1) await compactStore(layout);
      if (n % 11 === 5) await importChunks(layout, [log]);
      await writing;
    }
    await journal.close();
    expect(readHistories(layout)).toEqual(stored(...parts));
    await compactStore(layout);
    expect(readHistories(layout)).toEqual(stored(...parts));
  });
});

test("whatever a teller is at when the store is put in order, nothing that it tells is lost", async () => {
  await importChunks(layout, [log]);
  const parts: Histories[] = [log];
  const told = async (journal: ReturnType<typeof openLiveJournal>) => {
    const events = historiesOf({ [`c${parts.length}`]: [[1, 0, parts.length]] });
    parts.push(events);
    await journal.append(asTold(events), doorKeys().length);
  };
  for (let steps = 0; steps < 12; steps++) {
    const journal = openLiveJournal(layout);
    await told(journal); // its journal is open
    const ordering = compactStore(layout); // goes on in steps, as the teller does
    for (let step = 0; step < steps; step++) await Promise.resolve();
    const writing = told(journal);
    for (let step = 0; step < steps % 4; step++) await Promise.resolve();
    await Promise.all([ordering, writing, compactStore(layout)]);
    await journal.close();
    expect(readHistories(layout)).toEqual(stored(...parts));
  }
});

describe("a journal", () => {
  const two = [historiesOf({ cem: [[4, 0, 5]] }), historiesOf({ dan: [[5, 0, 6]] })] as const;
  const lengthOfFirst = (bytes: Buffer) => 8 + 4 + bytes.readUInt32LE(8);

  test("that was cut off in its last record has the others; beyond them it is written over", async () => {
    await importChunks(layout, [log]);
    await tell(...two);
    const [path = ""] = journals();
    const whole = readFileSync(path);
    for (let length = lengthOfFirst(whole); length < whole.length; length += 7) {
      truncateSync(path, length);
      expect(readHistories(layout)).toEqual(stored(log, two[0]));
      writeFileSync(path, whole);
    }
    truncateSync(path, lengthOfFirst(whole));
    appendFileSync(path, Buffer.alloc(300)); // room that the file system gave, and nothing written to it
    expect(readHistories(layout)).toEqual(stored(log, two[0]));
  });

  test("that was changed, exchanged or taken away is refused", async () => {
    await importChunks(layout, [log]);
    await tell(...two);
    const [path = ""] = journals();
    const whole = readFileSync(path);
    const first = lengthOfFirst(whole);
    fc.assert(
      fc.property(fc.integer({ min: 12, max: first - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Uint8Array.from(whole);
        changed[at] = (changed[at] ?? 0) ^ flip;
        writeFileSync(path, changed);
        expect(() => readHistories(layout)).toThrow(coded("TRB_NODE_STORE_UNREADABLE"));
      }),
      { numRuns: 30 },
    );
    const swapped = Buffer.concat([whole.subarray(0, 8), whole.subarray(first), whole.subarray(8, first)]);
    writeFileSync(path, swapped);
    expect(() => readHistories(layout)).toThrow(coded("TRB_NODE_STORE_UNREADABLE"));
    writeFileSync(path, whole);
    await tell(two[1], two[0]);
    const [a = "", b = ""] = journals();
    const contents = readFileSync(b);
    writeFileSync(b, readFileSync(a));
    expect(() => readHistories(layout)).toThrow(coded("TRB_NODE_STORE_UNREADABLE"));
    writeFileSync(b, contents);
    expect(readHistories(layout)).toEqual(stored(log, ...two));
  });
});

describe("putting the store in order", () => {
  test("makes many small segments few, and changes nothing of what is read, whichever of equal events came first", async () => {
    const parts: Histories[] = [];
    for (let n = 0; n < 12; n++) {
      const part = historiesOf({
        ann: [
          [1, 0, 10, n],
          [n, 0, 100 + n],
        ],
        [`c${n}`]: [[n, 1, n]],
      });
      parts.push(part);
      await importChunks(layout, [part], { add: true });
      expect(readHistories(layout)).toEqual(stored(...parts));
    }
    const count = readManifest(layout)?.manifest.segments.length ?? 0;
    expect(count).toBeLessThan(12);
    expect(readdirSync(layout.segments)).toHaveLength(count);
  });

  test("keeps only what the policy's retention lets stay; nothing older is read before that either", async () => {
    const now = Date.now() / 1000;
    const day = 86_400;
    const aged = (days: number) => now - days * day;
    await importChunks(layout, [
      historiesOf({
        ann: [
          [1, 0, aged(40)],
          [2, 0, aged(1)],
        ],
        bob: [[3, 0, aged(31)]],
      }),
      historiesOf({ cem: [[4, 0, aged(29)]] }),
    ]);
    await tell(
      historiesOf({
        dan: [
          [5, 0, aged(30.2)],
          [6, 0, aged(3)],
        ],
        eve: [[7, 0, aged(50)]],
      }),
    );
    const read = historiesReader(layout);
    expect(read().customers).toHaveLength(5);
    const [edition, generation] = [storeEdition(layout), storeGeneration(layout)];
    writeFileSync(layout.policy, JSON.stringify({ ...policy, retentionDays: 30 }));
    const left = stored(historiesOf({ ann: [[2, 0, aged(1)]], cem: [[4, 0, aged(29)]], dan: [[6, 0, aged(3)]] }));
    expect([storeEdition(layout), storeGeneration(layout)]).not.toEqual([edition, generation]);
    expect([readHistories(layout), read(), needsCompaction(layout, false)]).toEqual([left, left, true]);
    await compactStore(layout);
    writeFileSync(layout.policy, JSON.stringify({ ...policy, retentionDays: null }));
    expect([readHistories(layout), needsCompaction(layout, true)]).toEqual([left, false]);
  });

  test("is begun by a running node once enough was told", async () => {
    await importChunks(layout, [log]);
    expect([needsCompaction(layout, true), needsCompaction(layout, false)]).toEqual([false, false]);
    await tell(historiesOf({ cem: [[4, 0, 5]] }));
    expect([needsCompaction(layout, true), needsCompaction(layout, false)]).toEqual([true, false]);
    const many = historiesOf(Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`c${n}`, [[1, 0, n]] as const])));
    await tell(many);
    expect(needsCompaction(layout, false)).toBe(true);
    expect(existsSync(layout.staging)).toBe(false);
  });
});

const policy = {
  ...{ version: 1, maxEpsilon: 8, delta: 1e-6, minCohort: 4, permittedReleases: ["training"], trustedPeers: [] },
  acceptLogCatalogue: false,
};
