/** `ledger prove` and `check-proof`, as they are typed. What proofs prove is tested in `packages/ledger` and `test/ledger`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fingerprintOf } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { afterAll, afterEach, expect, test } from "vitest";
import { asBytes, exampleDrafts, exampleFederation, writeLedger } from "../../../../ledger/src/example-ledger.ts";
import { examplePlan } from "../../../../protocol/src/plan/example-plan.ts";
import { say } from "../../said.test-support.ts";

const crypto = nodeCrypto();
const folder = mkdtempSync(join(tmpdir(), "tributary-prove-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  process.exitCode = undefined;
});

const federation = exampleFederation(crypto, examplePlan);
const key = fingerprintOf(crypto, federation.plan.coordinatorKey);
const ledger = join(folder, "ledger.jsonl");
const lines = writeLedger(federation, exampleDrafts(federation));
writeFileSync(ledger, asBytes(lines));
const proofFile = join(folder, "proof.json");

/** Written as a shell would redirect it, perhaps changed. */
function keep(said: string, change: Record<string, unknown> = {}): string {
  writeFileSync(proofFile, JSON.stringify({ ...(JSON.parse(said) as object), ...change }));
  return proofFile;
}

test("what is proved of an entry is checked without the ledger: by the signature after it, the key, or a root from elsewhere", async () => {
  const said = await say("ledger", "prove", ledger, "--entry", "1");
  expect(said).toBe(await say("ledger", "prove", ledger, "--entry", "1", "--json"));
  const proof = JSON.parse(said) as { root: string; line: string; size: number };
  expect(proof).toMatchObject({ index: 1, size: lines.length - 1, line: lines[1], signedBy: lines.at(-1) });
  const file = keep(said);
  const checked = await say("ledger", "check-proof", file, "--key", key.toUpperCase(), "--json");
  expect(JSON.parse(checked)).toMatchObject({ included: true, root: "signed", trust: "pinned", index: 1, reasons: [] });
  expect(await say("ledger", "check-proof", file)).toContain("give --key FINGERPRINT");
  expect(await say("ledger", "check-proof", file, "--root", proof.root, "--key", key)).toContain("root      known");
  // the tree's size may be chosen: that of an earlier time
  const early = keep(await say("ledger", "prove", ledger, "--entry", "1", "--size", "3"));
  expect(JSON.parse(readFileSync(early, "utf8"))).toMatchObject({ size: 3, signedBy: lines[3] });
  expect(await say("ledger", "check-proof", early)).toContain("entry 1 is among the first 3");
  expect(process.exitCode).toBeUndefined();
});

test("of the last entry nothing is signed over it, which is said", async () => {
  const file = keep(await say("ledger", "prove", ledger, "--entry", String(lines.length - 1)));
  expect(await say("ledger", "check-proof", file, "--key", key)).toContain("only what the proof says");
});

test("a proof that doesn't hold is refused with exit 4, whatever of it was changed, and by what is known from elsewhere", async () => {
  const said = await say("ledger", "prove", ledger, "--entry", "1");
  const refuted = { code: "TRB_LEDGER_PROOF_REFUTED", exitCode: 4 };
  for (const change of [{ line: lines[2] }, { index: 2 }, { root: "00".repeat(32) }, { signedBy: lines[3] }, { path: [] }]) {
    await expect(say("ledger", "check-proof", keep(said, change))).rejects.toMatchObject(refuted);
  }
  const file = keep(said);
  await expect(say("ledger", "check-proof", file, "--key", "00".repeat(32))).rejects.toMatchObject(refuted);
  await expect(say("ledger", "check-proof", file, "--root", "00".repeat(32))).rejects.toMatchObject(refuted);
  const document = JSON.parse(await say("ledger", "check-proof", file, "--key", "00".repeat(32), "--json"));
  expect(document).toMatchObject({ included: false, error: { code: "TRB_LEDGER_PROOF_REFUTED" } });
  expect(process.exitCode).toBe(4);
});

test("what is no proof, no entry, or no whole ledger is refused by its code", async () => {
  await expect(say("ledger", "check-proof", keep("{}"))).rejects.toMatchObject({ code: "TRB_LEDGER_PROOF_INVALID" });
  const impossible = { code: "TRB_LEDGER_PROOF_IMPOSSIBLE" };
  await expect(say("ledger", "prove", ledger, "--entry", "6")).rejects.toMatchObject(impossible);
  await expect(say("ledger", "prove", ledger, "--entry", "3", "--size", "3")).rejects.toMatchObject(impossible);
  await expect(say("ledger", "prove", ledger)).rejects.toMatchObject({ code: "commander.missingMandatoryOptionValue" });
  const cut = join(folder, "cut.jsonl");
  writeFileSync(cut, asBytes(lines).slice(0, -1));
  await expect(say("ledger", "prove", cut, "--entry", "1")).rejects.toMatchObject({ code: "TRB_LEDGER_UNTERMINATED" });
  const missing = say("ledger", "prove", join(folder, "none.jsonl"), "--entry", "1");
  await expect(missing).rejects.toMatchObject({ code: "TRB_CLI_FILE_NOT_FOUND" });
});
