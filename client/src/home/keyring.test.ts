import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nextIdentity, openKeyring } from "./keyring.ts";
import { openIdentity } from "./keys.ts";
import { type Layout, layoutOf, makeFolders } from "./layout.ts";

const crypto = nodeCrypto();
const message = new Uint8Array([1, 2, 3]);
let folder: string;
let layout: Layout;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-keyring-"));
  layout = layoutOf(folder);
  makeFolders(layout);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a key to come is made once, beside the one that counts, and both sign as long as the change lasts", () => {
  const { key: old } = openIdentity(layout, crypto);
  const running = openKeyring(layout, crypto);
  expect(running.next()).toBeUndefined();
  const next = nextIdentity(layout, crypto);
  expect(nextIdentity(layout, crypto).key).toBe(next.key);
  // one process made it, and one that runs, or starts after a crash, has it
  for (const keyring of [running, openKeyring(layout, crypto)]) {
    expect([keyring.current().key, keyring.next()?.key]).toEqual([old, next.key]);
    for (const key of [old, next.key]) {
      expect(crypto.verify(keyring.signAs(key, message), message, fromHex(key))).toBe(true);
    }
  }
});

test("once it is in force the old key is gone, what a home is called by stays, and a key that it never had signs nothing", () => {
  const { key: old, first } = openIdentity(layout, crypto);
  const next = nextIdentity(layout, crypto);
  const keyring = openKeyring(layout, crypto);
  keyring.finish();
  keyring.finish(); // a repetition changes nothing
  expect(existsSync(layout.identityNext)).toBe(false);
  for (const one of [keyring, openKeyring(layout, crypto)]) {
    expect(one.current()).toMatchObject({ key: next.key, first });
    expect([one.next(), one.holds(old)]).toEqual([undefined, false]);
    expect(() => one.signAs(old, message)).toThrow(expect.objectContaining({ code: "TRB_NODE_IDENTITY_KEY_MISSING" }));
  }
  const third = nextIdentity(layout, crypto);
  expect(third).toMatchObject({ first: old });
  expect(third.key).not.toBe(next.key);
});
