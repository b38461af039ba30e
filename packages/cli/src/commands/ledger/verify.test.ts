/** What `ledger verify` says of how complete a file is, and by whose word. What it checks is tested in `packages/ledger` and `test/ledger`. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lineHash } from "@tributary/ledger";
import { fingerprintOf } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { afterAll, expect, test } from "vitest";
import { asBytes, exampleDrafts, exampleFederation, writeLedger } from "../../../../ledger/src/example-ledger.ts";
import { examplePlan } from "../../../../protocol/src/plan/example-plan.ts";
import { say } from "../../said.test-support.ts";

const crypto = nodeCrypto();
const folder = mkdtempSync(join(tmpdir(), "tributary-verify-command-"));
afterAll(() => rmSync(folder, { recursive: true }));

const federation = exampleFederation(crypto, examplePlan);
const key = fingerprintOf(crypto, federation.plan.coordinatorKey);
const lines = writeLedger(federation, exampleDrafts(federation));
const [closed, open] = [join(folder, "closed.jsonl"), join(folder, "open.jsonl")];
writeFileSync(closed, asBytes(lines));
writeFileSync(open, asBytes(lines.slice(0, 4)));
const headOf = (entries: number) => lineHash(crypto, lines[entries - 1] ?? "");

test.each([
  ["closed, the key unknown", [closed], "unpinned", true, "closed, by an unpinned key", false],
  ["closed, under the key that is known", [closed, "--key", key], "pinned", true, "proven", true],
  ["closed, with the head that is known", [closed, "--head", headOf(6)], "unpinned", true, "proven", false],
  ["open, under the key that is known", [open, "--key", key], "pinned", false, "unproven", false],
  ["open, with the head that is known", [open, "--key", key, "--head", headOf(4)], "pinned", true, "proven", true],
] as const)("%s", async (_, words, trust, complete, completeness, fullyVerified) => {
  const document = JSON.parse(await say("ledger", "verify", ...words, "--json"));
  expect(document).toMatchObject({ verified: true, trust, complete, completeness, fullyVerified });
  const said = await say("ledger", "verify", ...words);
  expect(said).toContain(fullyVerified ? "ledger fully verified" : "not fully verified");
  expect(said).toContain(`completeness: ${completeness}\n`);
  expect(said.includes("which whoever made the file can write")).toBe(completeness.startsWith("closed"));
  expect(said.includes("no closing entry, and no --head")).toBe(!complete);
});
