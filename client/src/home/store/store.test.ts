import { createCipheriv, createHmac, randomBytes } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeHistories, type Histories, sliceHistories } from "@tributary/events";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readHistories, storeGeneration } from "../histories.ts";
import type { Layout } from "../layout.ts";
import { doorOf, newDoorKey, throughDoor } from "./door.ts";
import { readManifest } from "./manifest.ts";
import { openDoor, pseudonymised } from "./opening.ts";
import { emptyHome, importChunks, type TestHome } from "./store.test-support.ts";

let home: TestHome;
let layout: Layout;
beforeEach(() => {
  home = emptyHome();
  layout = home.layout;
});
afterEach(() => {
  for (const name of ["TRIBUTARY_STORE_KEY", "TRIBUTARY_STORE_KEY_FILE", "CREDENTIALS_DIRECTORY"]) delete process.env[name];
  home[Symbol.dispose]();
});

const histories: Histories = {
  customers: ["customer-of-alpha", "customer-of-beta", "customer-of-gamma"],
  offsets: new Uint32Array([0, 2, 3, 4]),
  items: new Int32Array([5, 0, 7, 1]),
  actions: new Uint8Array([0, 4, 3, 0]),
  times: new Float64Array([1000, 1001, 1002.5, 7]),
};
const only = (...customers: readonly number[]) => sliceHistories(histories, customers);
const put = (...chunks: readonly Histories[]) => importChunks(layout, chunks);
const coded = (code: string) => expect.objectContaining({ code });
const segments = () => readdirSync(layout.segments).map((name) => join(layout.segments, name));

describe("the encrypted store", () => {
  test("gives back what was put in, chunk by chunk, under pseudonyms, and shows none of it on disk", async () => {
    await put(only(0, 1), only(2));
    const stored = readHistories(layout);
    expect(stored).toEqual(pseudonymised({ home: layout.home, histories }));
    expect(stored.customers.some((name) => name.includes("customer"))).toBe(false);
    expect(segments()).toHaveLength(2);
    for (const path of [layout.manifest, layout.storeKey, ...segments()]) {
      expect(readFileSync(path).includes("customer-of")).toBe(false);
      for (const name of stored.customers) expect(readFileSync(path).includes(name)).toBe(false);
      expect(statSync(path).mode & 0o777).toBe(0o600);
    }
  });

  test("says that it is empty, and tells one import from the next; what it was replaced by is all that stays", async () => {
    expect(() => readHistories(layout)).toThrow(coded("TRB_NODE_NO_HISTORIES"));
    expect([storeGeneration(layout), openDoor(layout)]).toEqual([undefined, undefined]);
    await put(only(0), only(1));
    const first = storeGeneration(layout);
    await put(only(1));
    expect(storeGeneration(layout)).not.toBe(first);
    expect(readHistories(layout)).toEqual(pseudonymised({ home: layout.home, histories: only(1) }));
    expect([segments().length, existsSync(layout.staging)]).toEqual([1, false]);
  });

  test("another key is told from damage", async () => {
    await put(histories);
    const own = readFileSync(layout.storeKey, "utf8");
    writeFileSync(layout.storeKey, `${"0".repeat(64)}\n`);
    expect(() => readHistories(layout)).toThrow(coded("TRB_NODE_STORE_KEY_WRONG"));
    writeFileSync(layout.storeKey, own);
    const manifest = readFileSync(layout.manifest);
    writeFileSync(layout.manifest, manifest.subarray(0, 30));
    expect(() => readHistories(layout)).toThrow(coded("TRB_NODE_STORE_UNREADABLE"));
    for (const path of [layout.manifest, ...segments()]) {
      const whole = path === layout.manifest ? manifest : readFileSync(path);
      fc.assert(
        fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
          const changed = Uint8Array.from(whole);
          changed[at] = (changed[at] ?? 0) ^ flip;
          writeFileSync(path, changed);
          // ids and the check of the key stand in the first 40 bytes of the manifest: to change them is to have another key
          const isKey = path === layout.manifest && at >= 8 && at < 40;
          expect(() => readHistories(layout)).toThrow(coded(isKey ? "TRB_NODE_STORE_KEY_WRONG" : "TRB_NODE_STORE_UNREADABLE"));
        }),
        { numRuns: 60 },
      );
      writeFileSync(path, whole);
    }
    expect(readHistories(layout).customers).toHaveLength(3);
  });

  test("segments can be neither exchanged, nor dropped, nor put back as they were", async () => {
    await put(only(0), only(1));
    const [a = "", b = ""] = segments();
    const bytes = [readFileSync(a), readFileSync(b)] as const;
    writeFileSync(a, bytes[1]);
    writeFileSync(b, bytes[0]);
    expect(() => readHistories(layout)).toThrow(coded("TRB_NODE_STORE_UNREADABLE"));
    writeFileSync(a, bytes[0]);
    rmSync(b);
    expect(() => readHistories(layout)).toThrow(coded("TRB_NODE_STORE_UNREADABLE"));
    await put(only(0), only(2)); // a store that can't be read can be imported into
    const [c = ""] = segments();
    writeFileSync(c, bytes[0]);
    expect(() => readHistories(layout)).toThrow(coded("TRB_NODE_STORE_UNREADABLE"));
  });
});

describe("the key", () => {
  const key = "ab".repeat(32);
  const folderFile = (name: string, text: string, mode = 0o600) => {
    const path = join(layout.home, name);
    writeFileSync(path, text, { mode });
    chmodSync(path, mode);
    return path;
  };

  test("comes from the environment, a file or systemd, and then no key is made in the home", async () => {
    process.env["TRIBUTARY_STORE_KEY"] = key;
    await put(histories);
    const stored = readHistories(layout);
    delete process.env["TRIBUTARY_STORE_KEY"];
    expect(() => readHistories(layout)).toThrow(coded("TRB_NODE_STORE_KEY_MISSING"));
    process.env["TRIBUTARY_STORE_KEY_FILE"] = folderFile("key", `${key}\n`);
    expect(readHistories(layout)).toEqual(stored);
    delete process.env["TRIBUTARY_STORE_KEY_FILE"];
    process.env["CREDENTIALS_DIRECTORY"] = layout.home;
    folderFile("tributary-store-key", key, 0o440);
    expect(readHistories(layout)).toEqual(stored);
    expect(existsSync(layout.storeKey)).toBe(false);
  });

  test.skipIf(process.platform === "win32").each([0o640, 0o604, 0o644])("in a file of mode %o is refused", async (mode) => {
    await put(histories);
    chmodSync(layout.storeKey, mode);
    expect(() => readHistories(layout)).toThrow(coded("TRB_NODE_STORE_KEY_EXPOSED"));
  });

  test.each(["", "ab", `${key}00`, "xy".repeat(32)])("that is none (%j) is refused, and not repeated", async (text) => {
    process.env["TRIBUTARY_STORE_KEY_FILE"] = folderFile("key", text);
    const error = await put(histories).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "TRB_NODE_STORE_KEY_INVALID" });
    if (text.length > 2) expect(JSON.stringify(error)).not.toContain(text);
  });
});

describe("the door", () => {
  test("is HMAC-SHA-256, one key after the other, whatever the id's length and script", () => {
    const keys = [newDoorKey(), newDoorKey()];
    const hmac = (key: string, text: string) =>
      createHmac("sha256", Buffer.from(key, "hex")).update(text, "utf8").digest("hex").slice(0, 32);
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 2000, size: "max" }), (id) => {
        const first = hmac(keys[0] ?? "", id);
        expect(doorOf(keys)(id)).toBe(hmac(keys[1] ?? "", first));
        expect(doorOf(keys, 1)(first)).toBe(doorOf(keys)(id));
      }),
    );
  });

  test("moves every customer's events with it", () => {
    const door = doorOf([newDoorKey()]);
    const moved = throughDoor(histories, door);
    expect(moved.customers).toEqual(histories.customers.map(door).sort());
    for (const [place, id] of histories.customers.entries()) {
      const at = moved.customers.indexOf(door(id));
      const stretch = ({ items, offsets }: Histories, c: number) => [...items.subarray(offsets[c], offsets[c + 1])];
      expect(stretch(moved, at)).toEqual(stretch(histories, place));
    }
  });

  test("gives the same names to a store that was lost and is made again with its key", async () => {
    await put(histories);
    const before = readHistories(layout);
    rmSync(layout.store, { recursive: true });
    await put(histories);
    expect(readHistories(layout)).toEqual(before);
  });
});

test("a store of the old form is read as one of the new, and the old file goes", async () => {
  const key = randomBytes(32);
  writeFileSync(layout.storeKey, `${key.toString("hex")}\n`, { mode: 0o600 });
  const [magic, nonce] = [Buffer.from("TRBSTOR1"), randomBytes(12)];
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(magic);
  const sealed = Buffer.concat([magic, nonce, cipher.update(encodeHistories(histories)), cipher.final(), cipher.getAuthTag()]);
  writeFileSync(layout.oldHistories, sealed);
  const generation = storeGeneration(layout);
  expect(generation).toBeDefined();
  expect(readHistories(layout)).toEqual(pseudonymised({ home: layout.home, histories }));
  expect([storeGeneration(layout), existsSync(layout.oldHistories)]).toEqual([generation, false]);
  renameSync(layout.storeKey, `${layout.storeKey}.away`);
  expect(() => readManifest(layout)).toThrow(coded("TRB_NODE_STORE_KEY_MISSING"));
});
