import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Histories } from "@tributary/events";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readHistories, seal, storeGeneration, unseal, writeHistories } from "./histories.ts";
import { type Layout, layoutOf, makeFolders } from "./layout.ts";

let layout: Layout;
beforeEach(() => {
  layout = layoutOf(mkdtempSync(join(tmpdir(), "tributary-client-")));
  makeFolders(layout);
});
afterEach(() => rmSync(layout.home, { recursive: true, force: true }));

const histories: Histories = {
  customers: ["customer-of-alpha", "customer-of-beta"],
  offsets: new Uint32Array([0, 2, 3]),
  items: new Int32Array([5, 0, 7]),
  actions: new Uint8Array([0, 4, 3]),
  times: new Float64Array([1000, 1001, 1002.5]),
};

describe("the encrypted store", () => {
  test("gives back what was put in, and shows none of it on disk", async () => {
    await writeHistories(layout, histories);
    expect(readHistories(layout)).toEqual(histories);
    expect(readFileSync(layout.histories).includes("customer-of-alpha")).toBe(false);
    expect(statSync(layout.histories).mode & 0o777).toBe(0o600);
    expect(statSync(layout.storeKey).mode & 0o777).toBe(0o600);
  });

  test("says that it is empty, and tells one import from the next", async () => {
    expect(() => readHistories(layout)).toThrow(expect.objectContaining({ code: "TRB_NODE_NO_HISTORIES" }));
    expect(storeGeneration(layout)).toBeUndefined();
    await writeHistories(layout, histories);
    const first = storeGeneration(layout);
    await writeHistories(layout, histories);
    expect(storeGeneration(layout)).not.toBe(first);
  });

  test("refuses another key and any changed byte", async () => {
    const key = new Uint8Array(32).fill(1);
    const sealed = seal(new TextEncoder().encode("some histories"), key);
    expect(() => unseal(sealed, new Uint8Array(32).fill(2))).toThrow(
      expect.objectContaining({ code: "TRB_NODE_STORE_UNREADABLE" }),
    );
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Uint8Array.from(sealed);
        changed[at] = (changed[at] ?? 0) ^ flip;
        expect(() => unseal(changed, key)).toThrow(expect.objectContaining({ code: "TRB_NODE_STORE_UNREADABLE" }));
      }),
    );
    expect(() => unseal(sealed.subarray(0, 20), key)).toThrow(expect.objectContaining({ code: "TRB_NODE_STORE_UNREADABLE" }));
  });

  test("refuses a store that another home's key made", async () => {
    await writeHistories(layout, histories);
    writeFileSync(layout.storeKey, `${"0".repeat(64)}\n`);
    expect(() => readHistories(layout)).toThrow(expect.objectContaining({ code: "TRB_NODE_STORE_UNREADABLE" }));
  });
});
