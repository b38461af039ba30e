import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { finding } from "../finding.ts";
import { type Canary, formsOf, scan } from "./scan.ts";

const word: Canary = { name: "a word", bytes: Buffer.from("zeisig.kanarie-0x7f@shop.example") };
const key: Canary = { name: "a key", bytes: randomBytes(32) };

test("finds a planted leak in every way of writing it, between any other bytes, and below gzip", (context) => {
  const missed: string[] = [];
  for (const canary of [word, key]) {
    for (const [encoding, needle] of formsOf(canary)) {
      for (let before = 0; before < 4; before++) {
        const bytes = Buffer.concat([randomBytes(before), needle, randomBytes(50)]);
        for (const place of [bytes, gzipSync(bytes), Buffer.concat([randomBytes(9), gzipSync(bytes)])]) {
          const sightings = scan([word, key], [{ name: "here", bytes: place }]);
          if (sightings.map(({ canary: of }) => of).join() !== canary.name) missed.push(`${canary.name} ${encoding}`);
        }
      }
    }
    for (let before = 0; before < 4; before++) {
      const inside = Buffer.concat([randomBytes(before), canary.bytes, randomBytes(7)]);
      for (const coding of ["base64", "base64url", "hex"] as const) {
        const sightings = scan([canary], [{ name: "here", bytes: Buffer.from(inside.toString(coding)) }]);
        if (sightings.length !== 1) missed.push(`${canary.name} in the middle of ${coding}`);
      }
    }
  }
  expect(formsOf(word).length).toBeGreaterThan(15);
  finding(context, {
    what: "a planted leak, as the scanner would have to find it",
    result: missed.length === 0 ? `found in ${formsOf(word).length} ways of writing it` : `missed: ${missed.join(", ")}`,
    held: missed.length === 0,
  });
});

test("finds nothing where nothing is", () => {
  expect(scan([word, key], [{ name: "noise", bytes: randomBytes(1 << 20) }])).toEqual([]);
});
