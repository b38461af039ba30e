import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromHex, type NodeId, type Sha256 } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { afterAll, expect, test } from "vitest";
import { sha256Of } from "../storage/blobs.ts";
import { bytesOfWords } from "../storage/uploads.ts";
import { heavyWorker } from "./heavy.ts";
import { doHeavyWork, partsOf, type SumEffect } from "./heavy-work.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-heavy-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const folders = { blobs: join(folder, "blobs"), uploads: join(folder, "uploads"), extensions: folder };
for (const one of [folders.blobs, folders.uploads]) mkdirSync(one);

const length = 300_007; // two whole parts and some more
const ownMasks = ["a", "b", "c"].map((node) => sha256Of(Buffer.from(`own mask of ${node}`)));
const pairMask = sha256Of(Buffer.from("mask of c and a node that dropped out"));
const vectors = ownMasks.map(() => new Uint32Array(Uint8Array.from(randomBytes(4 * length)).buffer));
const uploads = vectors.map((vector, place) => {
  const masked = vector.slice();
  for (const key of place === 2 ? [ownMasks[place], pairMask] : [ownMasks[place]]) {
    const stream = new Uint32Array(length);
    nodeCrypto()
      .keystream(fromHex(key ?? ""))
      .words(0, stream);
    for (let i = 0; i < length; i++) masked[i] = (masked[i] ?? 0) + (stream[i] ?? 0);
  }
  const octets = bytesOfWords(masked);
  const upload = { node: `node-${place}` as NodeId, sha256: sha256Of(octets) };
  writeFileSync(join(folders.uploads, `7.${upload.node}.${upload.sha256}`), octets);
  return upload;
});
const effect: SumEffect = {
  ...{ type: "sum", round: 7, length, uploads },
  unmasking: { ownMasks, pairMasks: [{ key: pairMask, sign: -1 }] },
};
const expected = vectors.reduce((sum, vector) => sum.map((word, i) => word + (vector[i] ?? 0)), new Uint32Array(length));
const stored = (sumHash: Sha256) => readFileSync(join(folders.blobs, sumHash)).equals(bytesOfWords(expected));

test("a sum is the same by one thread and by several, and is the uploads' without their masks", async () => {
  expect(partsOf(effect)).toBe(3);
  const alone = await doHeavyWork({ folders, effect });
  if (alone.type !== "summed") throw new Error(alone.type);
  expect(stored(alone.sumHash)).toBe(true);
  rmSync(join(folders.blobs, alone.sumHash));
  const heavy = heavyWorker(2);
  try {
    expect(await heavy.run({ folders, effect })).toEqual(alone);
    expect(stored(alone.sumHash)).toBe(true);
  } finally {
    await heavy.close();
  }
});

test("a masked vector that was cut short on disk is found out by whichever thread reads it", async () => {
  const [first] = uploads;
  truncateSync(join(folders.uploads, `7.${first?.node}.${first?.sha256}`), 4 * length - 1);
  const heavy = heavyWorker(2);
  try {
    await expect(heavy.run({ folders, effect })).rejects.toMatchObject({ code: "TRB_COORDINATOR_STORE_DAMAGED" });
  } finally {
    await heavy.close();
  }
});
