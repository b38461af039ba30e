import { createHash } from "node:crypto";
import type { Sha256 } from "@tributary/protocol";
import { expect, test } from "vitest";
import { seenHashes } from "./replays.ts";

const hashOf = (text: string) => createHash("sha256").update(text).digest("hex") as Sha256;

test("each is new once, however many there are", () => {
  const seen = seenHashes();
  const told = new Set<string>();
  for (let i = 0; i < 6000; i++) {
    const h1 = hashOf(String(i % 4500));
    expect(seen(h1)).toBe(told.has(h1));
    told.add(h1);
  }
});

test("those that fall on one place, at the end of the table too, are told apart; zeros are one like others", () => {
  const seen = seenHashes();
  const crowd = Array.from({ length: 20 }, (_, i) => `0000003f${i.toString(16).padStart(8, "0")}`.padEnd(64, "7") as Sha256);
  for (const h1 of [...crowd, "0".repeat(64) as Sha256]) expect(seen(h1)).toBe(false);
  for (const h1 of [...crowd, "0".repeat(64) as Sha256]) expect(seen(h1)).toBe(true);
});
