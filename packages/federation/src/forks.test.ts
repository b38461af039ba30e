/** Who signed what, where a node finds two ledgers. */
import { lineHash, parseLine, signEntry } from "@tributary/ledger";
import { type HeadStatement, signHead } from "@tributary/protocol";
import { expect, test } from "vitest";
import { forkOfHeads, forkOfLines } from "./forks.ts";
import { createWorld, nodeName, run } from "./harness.test-support.ts";
import { crypto, hash, identity } from "./parties.test-support.ts";

async function ledger() {
  const world = createWorld();
  await run(world);
  return { lines: world.coordinator.ledger, key: world.plan.coordinatorKey };
}

/** The same entry with another time, signed by whom it says. */
function rewritten(line: string, by: string): string {
  const { signature: _, ...entry } = parseLine(line);
  return signEntry(identity(by), { ...entry, at: "2030-01-01T00:00:00.000Z" } as never).line;
}

test("two lines that the coordinator signed are its fork, by both hashes", async () => {
  const { lines, key } = await ledger();
  const own = lines[1] ?? "";
  const shown = rewritten(own, "coordinator");
  const { code, details, message } = forkOfLines(1, { own, shown }, key, crypto);
  expect(code).toBe("TRB_NODE_LEDGER_FORKED");
  expect(details).toMatchObject({ entry: 1, own: lineHash(crypto, own), shown: lineHash(crypto, shown) });
  expect(message).toContain(`the coordinator signed both ${lineHash(crypto, own)}`);
});

test("a line that the coordinator did not sign, or that is none, is not laid at its door", async () => {
  const { lines, key } = await ledger();
  const own = lines[1] ?? "";
  for (const shown of [rewritten(own, nodeName(0)), own.slice(0, -9), own.replace(/"at":"2/, '"at":"3')]) {
    const { found } = forkOfLines(1, { own, shown }, key, crypto).details;
    expect(found).toContain(`${lineHash(crypto, own)}, signed by the coordinator`);
    expect(found).toContain(`${lineHash(crypto, shown)}, which the coordinator did not sign`);
  }
  // nor is the one that this node has
  const planted = rewritten(own, nodeName(0));
  const { found } = forkOfLines(1, { own: planted, shown: own }, key, crypto).details;
  expect(found).toContain(`${lineHash(crypto, planted)}, which the coordinator did not sign`);
  expect(forkOfLines(1, { own, shown: undefined }, key, crypto).details["found"]).toContain("the coordinator shows none");
});

test("of peers each is named with what it signed: those who hold something else, and those who don't", () => {
  const says = (name: string, entries: number, head: HeadStatement["head"]) =>
    signHead(identity(name), "shops", "ab".repeat(32), { node: nodeName(Number(name)), entries, head, round: 0 });
  const shown = (entries: number) => hash(`shown ${entries}`);
  const [agreeing, one, other] = [says("1", 5, shown(5)), says("2", 4, hash("a")), says("3", 5, hash("b"))];
  const fork = forkOfHeads(shown, [agreeing, other, one]);
  expect(fork?.details).toMatchObject({
    ...{ entry: 3, shown: shown(4), others: [nodeName(3), nodeName(2)], agreeing: [`${nodeName(1)} (5 entries)`] },
  });
  for (const { node, head, entries } of [one, other]) {
    expect(fork?.message).toContain(`${node} signed ${head} after ${entries} entries`);
  }
  expect(forkOfHeads(shown, [agreeing])).toBeUndefined();
  expect(forkOfHeads(shown, [])).toBeUndefined();
});
