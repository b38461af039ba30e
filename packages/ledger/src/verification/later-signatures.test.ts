/** Signatures that are answered later: the verdict is the one of `verifyLedger`, whatever is wrong and in whatever order answers come. */
import { type Crypto, portableCrypto } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { VerifyLater } from "@tributary/protocol/web-crypto";
import { expect, test } from "vitest";
import { examplePlan } from "../../../protocol/src/plan/example-plan.ts";
import { type Draft, exampleDrafts, exampleFederation, roundDraft, writeLedger } from "../example-ledger.ts";
import { verifyLedger, verifyLedgerStream } from "../verify.ts";
import { foreseeing, signaturesLater } from "./later-signatures.ts";
import type { Failure } from "./state.ts";

const crypto = nodeCrypto();
const federation = exampleFederation(crypto, examplePlan);
const lines = writeLedger(federation, exampleDrafts(federation));
const octets = (some: readonly string[]) => new TextEncoder().encode(some.map((line) => `${line}\n`).join(""));

/** Answers after one to seven turns, the later question often before the earlier one. */
function outOfOrder(): { readonly verify: VerifyLater; readonly most: () => number } {
  let [asked, open, most] = [0, 0, 0];
  return {
    async verify(...question) {
      open += 1;
      most = Math.max(most, open);
      asked += 1;
      for (let turn = (asked * 5) % 7; turn >= 0; turn--) await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
      return crypto.verify(...question);
    },
    most: () => most,
  };
}

async function verdictOf(text: readonly string[], verify: VerifyLater, own: Crypto = crypto) {
  const settled: [place: number, codes: string[]][] = [];
  const checks = signaturesLater(verify, own, {
    settled: (place, failures) => settled.push([place, failures.map(({ code }) => code)]),
  });
  async function* chunks() {
    for (const line of text) yield octets([line]);
  }
  return { verdict: await verifyLedgerStream(chunks(), { crypto: own }, checks), settled };
}

/** Failures of one entry may come in another order. */
const inOrder = (failures: readonly Failure[]) =>
  failures.map(({ entry, code, message }) => `${entry} ${code} ${message}`).toSorted();

/** Every line with one of its signatures changed, for each signature in it. */
function tamperings(): string[][] {
  return lines.flatMap((line, place) =>
    [...line.matchAll(/"(?:s|nodeS)ignature":"([0-9a-f])/g)].map(({ index, 0: found }) => {
      const at = index + found.length - 1;
      const other = line[at] === "0" ? "1" : "0";
      return lines.with(place, line.slice(0, at) + other + line.slice(at + 1));
    }),
  );
}

test("a ledger that holds: the same verdict, and each entry but the first, which is verified where it is read, is told once", async () => {
  const { verdict, settled } = await verdictOf(lines, outOfOrder().verify);
  expect(verdict).toEqual(verifyLedger(octets(lines), { crypto }));
  expect(verdict.verified).toBe(true);
  expect(settled.map(([place]) => place).toSorted()).toEqual([1, 2, 3, 4, 5]);
  expect(settled.flatMap(([, codes]) => codes)).toEqual([]);
});

test("any signature of any entry changed: the same things don't hold", async () => {
  const all = tamperings();
  expect(all.length).toBeGreaterThan(20);
  for (const tampered of all) {
    const whole = verifyLedger(octets(tampered), { crypto });
    const { verdict } = await verdictOf(tampered, outOfOrder().verify);
    expect(whole.verified).toBe(false);
    expect(inOrder(verdict.failures)).toEqual(inOrder(whole.failures));
    expect({ ...verdict, failures: [] }).toEqual({ ...whole, failures: [] });
  }
});

test("a stranger's vote is refused though nobody is asked about it", async () => {
  const drafts = exampleDrafts(federation).map((draft): Draft => {
    if (draft.kind !== "round") return draft;
    const [first, ...others] = draft.votes;
    return { ...draft, votes: [{ node: "stranger", signature: first?.signature }, ...others] } as unknown as Draft;
  });
  const text = writeLedger(federation, drafts);
  const { verdict, settled } = await verdictOf(text, outOfOrder().verify);
  expect(inOrder(verdict.failures)).toEqual(inOrder(verifyLedger(octets(text), { crypto }).failures));
  expect(settled.flatMap(([, codes]) => codes)).toContain("TRB_LEDGER_VOTES_INVALID");
});

test("reading waits while too many signatures do", async () => {
  // not one after another, as they should be, but signed
  const rounds = Array.from({ length: 200 }, (_, place) =>
    roundDraft(federation, { round: 1 + (place % 70), charged: 1, model: 0x33 }),
  );
  const text = writeLedger(federation, [...exampleDrafts(federation).slice(0, 1), ...rounds]);
  const { verify, most } = outOfOrder();
  const { verdict } = await verdictOf(text, verify);
  expect(verdict.entries).toBe(201);
  // 201 entries have 1,800 signatures; one more entry may be asked for than the bound has room for
  expect(most()).toBeGreaterThan(500);
  expect(most()).toBeLessThan(512 + 10);
});

test("a verifier that breaks is no verdict", async () => {
  const breaks: VerifyLater = () => Promise.reject(new Error("the threads are gone"));
  await expect(verdictOf(lines, breaks)).rejects.toThrow("the threads are gone");
});

test("what is signed in the first entry is asked for ahead, and held to the answers", async () => {
  const asked: string[] = [];
  const portable = portableCrypto();
  const counting: Crypto = {
    ...portable,
    verify(...question) {
      asked.push("slowly");
      return portable.verify(...question);
    },
  };
  const [genesis = "", ...others] = lines;
  const known = await foreseeing(genesis, counting, outOfOrder().verify);
  expect((await verdictOf(lines, outOfOrder().verify, known)).verdict.verified).toBe(true);
  expect(asked).toEqual([]);

  // the answers are for that very entry: of another one, everything is asked
  const places = [...genesis.matchAll(/"signature":"/g)].map(({ index, 0: found }) => index + found.length);
  expect(places.length).toBe(5);
  for (const at of places) {
    const changed = `${genesis.slice(0, at)}${genesis[at] === "0" ? "1" : "0"}${genesis.slice(at + 1)}`;
    const text = [changed, ...others];
    const whole = inOrder(verifyLedger(octets(text), { crypto }).failures);
    for (const own of [known, await foreseeing(changed, counting, outOfOrder().verify)]) {
      const { verdict } = await verdictOf(text, outOfOrder().verify, own);
      expect(verdict.verified).toBe(false);
      expect(inOrder(verdict.failures)).toEqual(whole);
    }
  }
  await expect(foreseeing("no entry", counting, outOfOrder().verify)).resolves.toBeDefined();
});
