/** Keys of the store are zeros once what they were asked for is done. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { layoutOf } from "../layout.ts";
import { openOrMakeStore } from "./changing.ts";
import { closeStore, readContents } from "./manifest.ts";
import { withStore } from "./opening.ts";
import { derivedKey, seal, unseal, withKey } from "./sealing.ts";
import { newStoreKey, readStoreKey, writeKey } from "./store-key.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-overwritten-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const isWiped = (key: Uint8Array | undefined) => key?.every((byte) => byte === 0);
const bound = Buffer.from("bound");

test("a purpose's key is wiped when its work is done, and when it fails; the master key stays its owner's", () => {
  const master = newStoreKey();
  const [kept, store] = [master.slice(), "ab".repeat(16)];
  let seen: Uint8Array | undefined;
  const sealed = withKey(master, store, "segment 1", (key) => {
    seen = key;
    expect(key).toEqual(derivedKey(master, store, "segment 1"));
    return seal(Buffer.from("events"), key, bound);
  });
  expect(isWiped(seen)).toBe(true);
  expect(withKey(master, store, "segment 1", (key) => unseal(sealed, key, bound))).toEqual(
    new Uint8Array(Buffer.from("events")),
  );
  const failing = () =>
    withKey(master, store, "segment 2", (key) => {
      seen = key;
      throw new Error("in between");
    });
  expect(failing).toThrow("in between");
  expect(isWiped(seen)).toBe(true);
  expect(master).toEqual(kept);
});

test("a store's master key is wiped by whoever opened it, and read again by the next", () => {
  const layout = layoutOf(join(folder, "home"));
  closeStore(openOrMakeStore(layout));
  const masters: Uint8Array[] = [];
  const copies = [1, 2].map(() =>
    withStore(layout, ({ master }) => {
      masters.push(master);
      return master.slice();
    }),
  );
  expect(masters.map(isWiped)).toEqual([true, true]);
  expect(copies[0]).toEqual(copies[1]);
  expect(isWiped(copies[0])).toBe(false);
  expect(readContents(layout)?.segments).toEqual([]);
});

test("a key's file is read and written as it always was: either case, white space around it, and nothing else", () => {
  const path = join(folder, "key");
  const key = newStoreKey();
  const digits = Buffer.from(key).toString("hex");
  writeKey(path, key);
  expect(statSync(path).size).toBe(65);
  expect(readStoreKey({ kind: "file", path })).toEqual(key);
  const read = (text: string) => {
    writeFileSync(path, text, { mode: 0o600 });
    return readStoreKey({ kind: "file", path });
  };
  for (const fine of [digits, digits.toUpperCase(), `\r\n\t ${digits} \n`]) expect(read(fine)).toEqual(key);
  expect(readStoreKey({ kind: "environment", digits })).toEqual(key);
  const wrong = [
    "",
    " ",
    digits.slice(1),
    `${digits}0`,
    `${digits.slice(2)}g0`,
    `${digits.slice(2)}é`,
    `${digits.slice(0, 32)} ${digits.slice(32)}`,
  ];
  for (const text of wrong) {
    expect(() => read(text), JSON.stringify(text.length)).toThrow(
      expect.objectContaining({ code: "TRB_NODE_STORE_KEY_INVALID" }),
    );
  }
});
