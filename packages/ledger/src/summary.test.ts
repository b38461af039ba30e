import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { describe, expect, test } from "vitest";
import { examplePlan } from "../../protocol/src/plan/example-plan.ts";
import { emptyHead, headAfter } from "./building.ts";
import { asBytes, exampleDrafts, exampleFederation, writeLedger } from "./example-ledger.ts";
import { parseLine } from "./parsing.ts";
import { spentAfter } from "./spending.ts";
import { type LedgerRow, summarizeLedger, summarizeLedgerStream } from "./summary.ts";
import { verifyLine } from "./verification/entry.ts";
import { initialVerification } from "./verification/state.ts";
import { verifyLedger } from "./verify.ts";

const crypto = nodeCrypto();
const federation = exampleFederation(crypto, examplePlan);
const lines = writeLedger(federation, exampleDrafts(federation));

describe("the rows of `ledger show`", () => {
  test("say for each entry what it is, whether it counts, and what was spent by then", () => {
    const rows = summarizeLedger(asBytes(lines), crypto);
    expect(rows.map(({ index, kind, round, survivors, charged }) => [index, kind, round, survivors, charged])).toEqual([
      [0, "genesis", undefined, undefined, undefined],
      [1, "round", 1, 4, true],
      [2, "aborted", 2, undefined, false],
      [3, "aborted", 3, undefined, true],
      [4, "round", 4, 3, true],
      [5, "closing", undefined, undefined, undefined],
    ]);
    expect(rows[4]?.epsilon).toBe(spentAfter(federation.plan, [3]).epsilon);
    expect(rows.at(-1)?.hash).toBe(verifyLedger(asBytes(lines), { crypto }).head);
  });

  test("are the same of a file that comes in chunks cut anywhere, and so are its refusals", async () => {
    const whole = asBytes(lines);
    const read = async (bytes: Uint8Array, size: number) => {
      async function* chunks() {
        for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
      }
      const rows: LedgerRow[] = [];
      for await (const row of summarizeLedgerStream(chunks(), crypto)) rows.push(row);
      return rows;
    };
    for (const size of [1, 7, 1000, whole.length]) expect(await read(whole, size)).toEqual(summarizeLedger(whole, crypto));
    await expect(read(new Uint8Array(), 1)).rejects.toThrow("no entries");
    await expect(read(whole.slice(0, -1), 100)).rejects.toThrow("line feed");
    await expect(read(new TextEncoder().encode("{}\n"), 2)).rejects.toThrow("not a ledger entry");
  });

  test("are refused for a file that is empty, cut off or no ledger", () => {
    expect(() => summarizeLedger(new Uint8Array(), crypto)).toThrow("no entries");
    expect(() => summarizeLedger(asBytes(lines).slice(0, -1), crypto)).toThrow("line feed");
    expect(() => summarizeLedger(new TextEncoder().encode("{}\n"), crypto)).toThrow("not a ledger entry");
  });
});

test("a line read back is the entry that was signed, and moves the head by its hash", () => {
  let head = emptyHead;
  for (const line of lines) {
    const entry = parseLine(line);
    expect(entry).toMatchObject({ index: head.entries, previous: head.hash });
    head = headAfter(crypto, head, line);
  }
  expect(head.entries).toBe(lines.length);
});

test("verification goes on from a state that was written down and read back", () => {
  let state = initialVerification;
  for (const line of lines) {
    const step = verifyLine(JSON.parse(JSON.stringify(state)) as typeof state, line, crypto);
    expect(step.failures).toEqual([]);
    state = step.state;
  }
  expect(state).toMatchObject({ closed: true, lastRound: 4, charged: [3], released: 2 });
});

test("what was spent is nothing before the first round, grows with every one, and is never rounded down", () => {
  const costs = [0, 1, 2, 3].map((rounds) => Number(spentAfter(federation.plan, [rounds]).epsilon));
  expect(costs[0]).toBe(0);
  expect(costs).toEqual([...costs].sort((a, b) => a - b));
  expect(new Set(costs).size).toBe(4);
  const { orders, rdp } = spentAfter(federation.plan, [1]);
  expect(orders).toHaveLength(66);
  expect(rdp).toHaveLength(66);
});
