/** The ledger file of a replica that doesn't lead. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail } from "@tributary/errors";
import { createCoordinator, genesisEntry, stepCoordinator } from "@tributary/federation";
import { softwareHash } from "@tributary/ledger/software";
import { nodeId, signMember } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { coordinatorIdentity } from "../home/identity.ts";
import { systemRandom } from "../home/random.ts";
import { testIdentity, testPlan } from "../scripted-node.test-support.ts";
import { followLedger, type LedgerFollower } from "./ledger-follower.ts";

const log = pino({ level: "silent" });
let folder: string;
let path: string;
let lines: string[];
let away: boolean;
let follower: LedgerFollower;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-follower-"));
  path = join(folder, "ledger.jsonl");
  [lines, away] = [[], false];
});
afterEach(async () => {
  await follower.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A ledger of two entries: a federation that is closed as soon as it has begun. */
function shortLedger(home: string): string[] {
  const plan = testPlan(home);
  const { sign } = coordinatorIdentity(home);
  const members = ["east", "north", "south", "west"].map((name) => {
    const who = testIdentity();
    return signMember(who, plan.federation, { node: nodeId.parse(name), key: who.key, kind: "merchant" });
  });
  const software = softwareHash(import.meta.url);
  const context = { crypto: nodeCrypto(), random: systemRandom, sign, now: new Date().toISOString(), software };
  const { entry, line, head } = genesisEntry({ plan, roster: members }, context);
  const { effects } = stepCoordinator(
    createCoordinator({ genesis: entry, head }),
    { type: "close", reason: "a test" },
    context,
  );
  return [line, ...effects.flatMap((effect) => (effect.type === "persist" && effect.entry ? [effect.entry.line] : []))];
}
const written = () => readFileSync(path, "utf8");

const text = (entries: readonly string[]) => entries.map((line) => `${line}\n`).join("");
const follow = (finished = () => {}) => {
  const ledgerLines = async (from: number) => {
    if (away) throw fail("TRB_COORDINATOR_DATABASE_UNREACHABLE", { where: "nowhere", reason: "away" });
    return lines.slice(from);
  };
  follower = followLedger({ path, store: { ledgerLines }, finished, log });
  return follower;
};

test("follows whatever is announced, each line once, whatever stood in the file before, and says when the ledger is closed", async () => {
  let finished = 0;
  writeFileSync(path, "what another life left\n");
  const whole = shortLedger(join(folder, "home"));
  expect(whole).toHaveLength(2);
  lines = whole.slice(0, 1);
  const following = follow(() => finished++);
  await following.catchUp();
  expect([written(), finished]).toEqual([text(lines), 0]);
  lines = whole;
  await Promise.all([following.catchUp(), following.catchUp(), following.catchUp()]);
  expect([written(), finished]).toEqual([text(whole), 1]);
  await following.close();
  await follow(() => finished++).catchUp(); // of a ledger that is closed when it starts
  expect([written(), finished]).toEqual([text(whole), 2]);
});

test("waits for a database that is away, and takes everything over once it is back", async () => {
  lines = shortLedger(join(folder, "home"));
  away = true;
  const following = follow();
  await following.catchUp();
  expect(existsSync(path)).toBe(false);
  away = false;
  await following.catchUp();
  expect(written()).toBe(text(lines));
});
