/** Sums by the threads of one process; and how work waits for a store that is away. */
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail } from "@tributary/errors";
import { nodeId, vectorOctets, vectorOf } from "@tributary/protocol";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sha256Of } from "../storage/blobs.ts";
import { type ObjectStore, openObjects } from "../storage/objects.ts";
import { doWork, sliceLength, slicesOf } from "./computations.ts";
import { makeSum } from "./sums.test-support.ts";
import { startTeam, threadQueue } from "./threads.ts";
import { patient, type SumEffect, type WorkResult } from "./work-queue.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-threads-"));
const places = { objects: folder, extensions: join(folder, "extensions") };
let objects: ObjectStore;
beforeAll(async () => {
  objects = await openObjects(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function storedSum(result: WorkResult): Promise<Uint8Array | undefined> {
  if (result.type !== "summed") throw new Error(result.type);
  return await objects.read(`blobs/${result.sumHash}`);
}

test("a vector is cut into slices that cover it once, each beginning with a word of the wire; long ones are 2¹⁷ long, a round's enough for several workers", () => {
  for (const length of [0, 1, 16_384, 16_385, 250_000, 1_000_003, 40_000_000]) {
    const slices = slicesOf({ length });
    expect(slices.reduce((covered, range) => (range.from === covered ? covered + range.length : Number.NaN), 0)).toBe(length);
    expect(slices.every(({ from }) => from % 32 === 0)).toBe(true);
  }
  expect([250_000, 1_000_003, 40_000_000].map((length) => sliceLength({ length }))).toEqual([1 << 14, 1 << 16, 1 << 17]);
  expect(slicesOf({ length: 250_000 })).toHaveLength(16);
});

test("a sum is the same by one thread and by several, packed or not, and is the uploads' without their masks", async () => {
  const queue = threadQueue(startTeam(places, 2));
  try {
    const same = await makeSum(objects, { round: 8, length: 20_000, nodes: 1 });
    const [only] = same.effect.uploads;
    if (only === undefined) throw new Error("no upload");
    const twin = { ...only, node: nodeId.parse("twin") };
    const octets = await objects.read(`uploads/8.${only.node}.${only.sha256}`);
    await objects.put(`uploads/8.${twin.node}.${twin.sha256}`, octets ?? new Uint8Array());
    const twice = { ...same.effect, uploads: [only, twin], unmasking: { ownMasks: [], pairMasks: [] } };
    const doubled = vectorOf(octets ?? new Uint8Array()).map((word) => 2 * word);
    expect(await storedSum(await queue.run({ effect: twice }, 0))).toEqual(vectorOctets(doubled));

    for (const [round, made] of [{ length: 1 }, { length: 100_003 }, { length: 64_000, bits: 18, nodes: 11 }].entries()) {
      const { effect, expected } = await makeSum(objects, { round: round + 1, ...made });
      const alone = await doWork({ objects, extensions: places.extensions }, { effect });
      expect(await storedSum(alone)).toEqual(expected);
      await objects.erase(`blobs/${alone.type === "summed" ? alone.sumHash : ""}`);
      expect(await queue.run({ effect }, 0)).toEqual(alone);
      expect(await storedSum(alone)).toEqual(expected);
    }
    const { effect } = await makeSum(objects, { round: 9, length: 40_000 });
    const [, , last] = effect.uploads;
    truncateSync(join(folder, `uploads/9.${last?.node}.${last?.sha256}`), 4 * 40_000 - 1);
    await expect(queue.run({ effect }, 0)).rejects.toMatchObject({ code: "TRB_COORDINATOR_UPLOAD_LOST" });
    for (const place of [0, 1, 2]) {
      const { effect: whole } = await makeSum(objects, { round: 10 + place, length: 40_000 });
      const upload = whole.uploads[place];
      if (upload === undefined) throw new Error("three uploads");
      const file = join(folder, `uploads/${10 + place}.${upload.node}.${upload.sha256}`);
      const octets = readFileSync(file);
      const at = 52_345 * place;
      octets[at] = (octets[at] ?? 0) ^ 1; // one bit of the many
      writeFileSync(file, octets);
      const { node, round } = { ...upload, round: 10 + place };
      await expect(queue.run({ effect: whole }, 0)).rejects.toMatchObject({
        ...{ code: "TRB_COORDINATOR_UPLOAD_LOST", details: { node, round, found: "altered" } },
      });
    }
  } finally {
    await queue.close();
  }
});

describe("a patient queue", () => {
  const log = pino({ level: "silent" });
  const effect: SumEffect = { type: "sum", round: 1, length: 0, uploads: [], unmasking: { ownMasks: [], pairMasks: [] } };
  const task = { effect };
  const summed: WorkResult = { type: "summed", sumHash: sha256Of(new Uint8Array()) };

  test("tries again while a store is away or full, and stops at what no time mends", async () => {
    const answers = [fail("TRB_COORDINATOR_BLOBS_UNREACHABLE"), fail("TRB_COORDINATOR_BLOBS_FULL"), summed];
    const queue = patient({ run: async () => answerOf(answers.shift()), close: async () => {} }, log);
    expect(await queue.run(task, 3)).toBe(summed);
    expect(answers).toEqual([]);
    const lost = () => fail("TRB_COORDINATOR_UPLOAD_LOST", { node: "north", round: 1, found: "gone" });
    const found = [lost(), lost(), fail("TRB_COORDINATOR_BLOBS_UNREACHABLE"), summed];
    const remounted = patient({ run: async () => answerOf(found.shift()), close: async () => {} }, log);
    expect(await remounted.run(task, 3)).toBe(summed);
    let looks = 0;
    const gone = patient({ run: () => Promise.reject([looks++, lost()][1]), close: async () => {} }, log);
    await expect(gone.run(task, 3)).rejects.toMatchObject({ code: "TRB_COORDINATOR_UPLOAD_LOST" });
    expect(looks).toBe(4);
    const damaged = patient({ run: () => Promise.reject(fail("TRB_COORDINATOR_STORE_DAMAGED")), close: async () => {} }, log);
    await expect(damaged.run(task, 3)).rejects.toMatchObject({ code: "TRB_COORDINATOR_STORE_DAMAGED" });
  });

  function answerOf(answer: Error | WorkResult | undefined): WorkResult {
    if (answer === undefined || answer instanceof Error) throw answer;
    return answer;
  }
});
