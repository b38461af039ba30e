import { createHash } from "node:crypto";
import type { Sha256 } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { expect, test } from "vitest";
import { seenHashes } from "./replays.ts";

const hashOf = (text: string) => createHash("sha256").update(text).digest("hex") as Sha256;

test("each is new once, however many there are", () => {
  const seen = seenHashes(nodeCrypto());
  const told = new Set<string>();
  for (let i = 0; i < 6000; i++) {
    const h1 = hashOf(String(i % 4500));
    expect(seen(h1)).toBe(told.has(h1));
    told.add(h1);
  }
});

test("those that fall on one place of the table, at its end too, are told apart", () => {
  const at = (first: number) => (_: unknown, i: number) => {
    const hash = new Uint8Array(32);
    new DataView(hash.buffer).setUint32(0, first, true);
    hash[8] = i;
    return hash;
  };
  const crowd = Array.from({ length: 20 }, at(63));
  let asked = 0;
  const seen = seenHashes({ sha256: () => crowd[asked++ % 20] ?? new Uint8Array(32) });
  const answers = Array.from({ length: 40 }, (_, i) => seen(hashOf(String(i))));
  expect(answers).toEqual([...Array(20).fill(false), ...Array(20).fill(true)]);
});
