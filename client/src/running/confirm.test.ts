/** What peers' heads are held to. */
import { emptyHead, lineHash } from "@tributary/ledger";
import { nodeId } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { expect, test } from "vitest";
import { sample, shownBy } from "./confirm.ts";

const crypto = nodeCrypto();

test("the copy's hash after each entry, and of 64 zeros after none, which a peer states that has read nothing yet", () => {
  const lines = ["first", "second"];
  const { entries, hashAfter } = shownBy({ lines: () => lines }, crypto);
  expect(entries).toBe(2);
  expect([0, 1, 2].map(hashAfter)).toEqual([emptyHead.hash, lineHash(crypto, "first"), lineHash(crypto, "second")]);
});

test("of many peers some are asked, each once and each with the same chance; of few all", () => {
  const peers = Array.from({ length: 40 }, (_, i) => nodeId.parse(`peer-${i}`));
  expect(sample(peers.slice(0, 3), 10).sort()).toEqual(peers.slice(0, 3));
  const times = new Map<string, number>();
  for (let i = 0; i < 2000; i++) {
    const asked = sample(peers, 10);
    expect(new Set(asked).size).toBe(10);
    for (const peer of asked) times.set(peer, (times.get(peer) ?? 0) + 1);
  }
  // Bin(2000, 1/4): beyond 8 standard deviations of 19.4 for one of 40 peers with a chance below 40 · 1.3e-15
  for (const peer of peers) expect(Math.abs((times.get(peer) ?? 0) - 500)).toBeLessThan(156);
});
