import { fingerprintOf, type IdentityKey, type NodeId, type Plan, portableCrypto, type Sha256 } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { examplePlan } from "../../protocol/src/plan/example-plan.ts";
import { emptyHead, headAfter, placeAfter, signEntry, type UnsignedEntry } from "./building.ts";
import {
  abortedDraft,
  asBytes,
  type Draft,
  exampleDrafts,
  exampleFederation,
  exampleSecret,
  genesisDraft,
  roundDraft,
  votesFor,
  writeLedger,
} from "./example-ledger.ts";
import { mechanismOf } from "./mechanism.ts";
import { spentAfter } from "./spending.ts";
import { verifyLedger } from "./verify.ts";

const crypto = nodeCrypto();
const federation = exampleFederation(crypto, examplePlan);
const drafts = exampleDrafts(federation);
const file = asBytes(writeLedger(federation, drafts));
const key = fingerprintOf(crypto, federation.plan.coordinatorKey);

/** What verification says about drafts that the coordinator itself signed. */
const judge = (changed: readonly Draft[]) => verifyLedger(asBytes(writeLedger(federation, changed)), { crypto });
const codesOf = (changed: readonly Draft[]) => judge(changed).failures.map(({ entry, code }) => `${entry} ${code}`);
/** The example with one entry replaced. */
const withEntry = (place: number, change: object) =>
  drafts.map((draft, i) => (i === place ? ({ ...draft, ...change } as Draft) : draft));
/** The example with another plan. */
const withPlan = (change: Partial<Plan>) => {
  const other = exampleFederation(crypto, (coordinatorKey) => ({ ...examplePlan(coordinatorKey), ...change }));
  return verifyLedger(asBytes(writeLedger(other, exampleDrafts(other))), { crypto }).failures.map(
    ({ entry, code }) => `${entry} ${code}`,
  );
};

describe("a ledger that holds", () => {
  test("is self-consistent without a key, and no more than that", () => {
    const verdict = verifyLedger(file, { crypto });
    expect(verdict.failures).toEqual([]);
    expect(verdict).toMatchObject({ verified: true, fullyVerified: false, trust: "unpinned", complete: true, entries: 6 });
    expect(verdict.rounds).toEqual({ released: 2, abortedCharged: 1, abortedRefunded: 1 });
    expect(verdict.epsilon).toBe(spentAfter(federation.plan, [3]).epsilon);
  });

  test("is fully verified with the coordinator's key and a closing entry", () => {
    expect(verifyLedger(file, { crypto, key })).toMatchObject({ fullyVerified: true, trust: "pinned", complete: true });
  });

  test("is not complete without a closing entry, unless the head is known from elsewhere", () => {
    const open = asBytes(writeLedger(federation, drafts.slice(0, 5)));
    const verdict = verifyLedger(open, { crypto, key });
    expect(verdict).toMatchObject({ verified: true, complete: false, fullyVerified: false });
    expect(verifyLedger(open, { crypto, key, head: verdict.head })).toMatchObject({ complete: true, fullyVerified: true });
  });

  test("says the same with the portable crypto", () => {
    const portable = portableCrypto();
    const short = asBytes(writeLedger(federation, drafts.slice(0, 2)));
    expect(verifyLedger(short, { crypto: portable })).toEqual(verifyLedger(short, { crypto }));
  });

  test("holds for sampled customers of three merchants: sensitivity times three, three rounds at z√3 for each", () => {
    const of = (maxMerchantsPerCustomer: number) => ({ ...federation.plan, maxMerchantsPerCustomer });
    const other = exampleFederation(crypto, () => of(3));
    const entries = exampleDrafts(other);
    const verdict = verifyLedger(asBytes(writeLedger(other, entries)), { crypto });
    expect(verdict).toMatchObject({ verified: true, failures: [] });
    expect(Number(verdict.epsilon)).toBeLessThan(Number(spentAfter(of(1), [3]).epsilon)); // three times the noise
    expect(Number(entries.flatMap((entry) => (entry.kind === "round" ? entry.mechanism.sensitivity : []))[0])).toBeCloseTo(
      3 * Number(mechanismOf(of(1), 0).sensitivity),
      3,
    );
    // what nine merchants would be charged is less, and is not enough
    const wrong = entries.map((entry, i) => (i === 4 ? { ...entry, spent: spentAfter(of(9), [3]) } : entry) as Draft);
    const { failures } = verifyLedger(asBytes(writeLedger(other, wrong)), { crypto });
    expect(failures.map(({ code }) => code)).toContain("TRB_LEDGER_EPSILON_UNDERSTATED");
    const single = entries.map(
      (entry) => ("mechanism" in entry ? { ...entry, mechanism: mechanismOf(of(1), 0) } : entry) as Draft,
    );
    expect(verifyLedger(asBytes(writeLedger(other, single)), { crypto }).verified).toBe(false);
  });

  test("names the condition when the catalogue came from the log", () => {
    const other = exampleFederation(crypto, (coordinatorKey) => ({
      ...examplePlan(coordinatorKey),
      catalogueProvenance: "log",
    }));
    expect(verifyLedger(asBytes(writeLedger(other, exampleDrafts(other))), { crypto })).toMatchObject({
      verified: true,
      conditional: "catalogue treated as public",
    });
  });
});

describe("a ledger that was altered", () => {
  const lineStarts = [...file.entries()].filter(([, byte]) => byte === 0x0a).map(([place]) => place + 1);
  const entryAt = (offset: number) => lineStarts.filter((start) => start <= offset).length;

  test("fails after a change of any one byte, and names the entry", () => {
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), (offset, change) => {
        const altered = Uint8Array.from(file);
        altered[offset] = (altered[offset] ?? 0) ^ change;
        const verdict = verifyLedger(altered, { crypto });
        expect(verdict.verified).toBe(false);
        expect(verdict.failures[0]).toMatchObject({ entry: entryAt(offset), line: entryAt(offset) + 1 });
      }),
      { numRuns: 400 },
    );
  });

  test("fails after any one byte is taken out or put in", () => {
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.nat(255), fc.boolean(), (offset, byte, insert) => {
        const altered = insert
          ? Uint8Array.from([...file.subarray(0, offset), byte, ...file.subarray(offset)])
          : Uint8Array.from([...file.subarray(0, offset), ...file.subarray(offset + 1)]);
        expect(verifyLedger(altered, { crypto }).verified).toBe(false);
      }),
      { numRuns: 150 },
    );
  });

  test("fails when an entry is left out, doubled or moved", () => {
    const lines = writeLedger(federation, drafts);
    const at = (place: number) => lines[place] as string;
    const first = (changed: readonly string[]) => verifyLedger(asBytes(changed), { crypto }).failures[0];
    expect(first(lines.toSpliced(2, 1))).toMatchObject({ entry: 2, code: "TRB_LEDGER_CHAIN_BROKEN" });
    expect(first(lines.toSpliced(2, 0, at(1)))).toMatchObject({ entry: 2, code: "TRB_LEDGER_CHAIN_BROKEN" });
    expect(first(lines.with(2, at(3)).with(3, at(2)))).toMatchObject({ entry: 2, code: "TRB_LEDGER_CHAIN_BROKEN" });
    expect(first([...lines, at(0)])).toMatchObject({ entry: 6, code: "TRB_LEDGER_CHAIN_BROKEN" });
  });

  test("fails in another spelling of the same values, even in its last line, whose hash nothing else names", () => {
    const lines = writeLedger(federation, drafts);
    const last = lines[5] as string;
    const reordered = JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(last) as object).reverse()));
    for (const spelling of [
      last.replace("{", "{ "),
      `${last} `,
      `${last}\r`,
      last.replace('"index":5', '"index":5.0'),
      last.replace('"closing"', '"clo\\u0073ing"'),
      last.replace('"index":5', '"index":4,"index":5'),
      reordered,
    ]) {
      expect(spelling).not.toBe(last);
      expect(verifyLedger(asBytes(lines.with(5, spelling)), { crypto }).failures).toMatchObject([
        { entry: 5, line: 6, code: "TRB_LEDGER_NOT_CANONICAL" },
      ]);
    }
    const marked = Uint8Array.from([0xef, 0xbb, 0xbf, ...file]);
    expect(verifyLedger(marked, { crypto }).failures[0]).toMatchObject({ entry: 0, code: "TRB_LEDGER_LINE_INVALID" });
  });

  test("fails without its first entry, without any, and as any bytes", () => {
    expect(verifyLedger(asBytes(writeLedger(federation, drafts.slice(1))), { crypto }).failures[0]?.code).toBe(
      "TRB_LEDGER_NO_GENESIS",
    );
    expect(verifyLedger(new Uint8Array(), { crypto }).failures[0]?.code).toBe("TRB_LEDGER_EMPTY");
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(verifyLedger(bytes, { crypto }).verified).toBe(false);
      }),
    );
  });

  test("fails against another key and against a head that it doesn't have", () => {
    const other = fingerprintOf(crypto, "ab".repeat(32) as IdentityKey);
    expect(verifyLedger(file, { crypto, key: other })).toMatchObject({ verified: false, trust: "unpinned" });
    expect(verifyLedger(file, { crypto, key: other }).failures[0]).toMatchObject({ entry: 0, code: "TRB_LEDGER_KEY_MISMATCH" });
    const cut = asBytes(writeLedger(federation, drafts.slice(0, 4)));
    const { head } = verifyLedger(file, { crypto });
    expect(verifyLedger(cut, { crypto, key, head }).failures[0]).toMatchObject({ entry: 3, code: "TRB_LEDGER_HEAD_MISMATCH" });
  });
});

describe("a ledger that its own coordinator falsified", () => {
  test("can't count a round number twice, or go back", () => {
    for (const round of [3, 1]) {
      const repeated = [...drafts.slice(0, 4), roundDraft(federation, { round, charged: 3, model: 0x34 })];
      expect(codesOf(repeated)).toEqual(["4 TRB_LEDGER_ROUND_REPEATED", "4 TRB_LEDGER_H1_REPEATED"]);
    }
  });

  test("can't leave a round uncharged, or charge another number of them than the entries show", () => {
    expect(codesOf(withEntry(4, { spent: spentAfter(federation.plan, [2]) }))).toContain("4 TRB_LEDGER_CHARGE_WRONG");
    expect(codesOf(withEntry(4, { spent: spentAfter(federation.plan, [2]) }))).toContain("4 TRB_LEDGER_EPSILON_UNDERSTATED");
    expect(codesOf(withEntry(4, { spent: spentAfter(federation.plan, [4]) }))).toEqual(["4 TRB_LEDGER_CHARGE_WRONG"]);
    expect(codesOf(withEntry(5, { rounds: 3 }))).toEqual(["5 TRB_LEDGER_CLOSING_WRONG"]);
  });

  test("can't refund a round without a quorum of votes once vectors may have been sent", () => {
    const uncharged = { charged: false, spent: spentAfter(federation.plan, [1]) };
    expect(codesOf(withEntry(3, uncharged))).toContain("3 TRB_LEDGER_REFUND_UNFOUNDED");
    const early = abortedDraft(federation, { round: 5, charged: 3, model: 0x35, step: "shares", refunded: false });
    expect(codesOf([...drafts.slice(0, 5), { ...early, charged: false, h1: null, cohort: [] }])).toEqual([]);
    expect(codesOf([...drafts.slice(0, 5), { ...early, charged: false, step: "masked" }])).toEqual([
      "5 TRB_LEDGER_REFUND_UNFOUNDED",
    ]);
  });

  test("can bar whoever ended a round by refusing to reveal, nobody else, and never has one that is barred again", () => {
    const draft = { round: 5, charged: 3, model: 0x35, step: "reveal", refunded: false };
    const revealed = { ...abortedDraft(federation, draft), charged: false, barred: ["shop-4"] };
    const after = (last: object, ...more: Draft[]) => codesOf([...drafts.slice(0, 5), last as Draft, ...more]);
    expect(after(revealed)).toEqual([]);
    const wrong = ["5 TRB_LEDGER_BARRED_INVALID"];
    expect(after({ ...revealed, barred: ["shop-9"] })).toEqual(wrong);
    expect(after({ ...revealed, barred: ["shop-4", "shop-3"] })).toEqual(wrong);
    expect(after({ ...revealed, step: "shares" })).toEqual(wrong);
    const again = abortedDraft(federation, { round: 6, charged: 3, model: 0x35, step: "shares", refunded: false });
    expect(after(revealed, { ...again, charged: false })).toEqual(["6 TRB_LEDGER_BARRED_INVALID"]);
    const next = abortedDraft(federation, { round: 6, charged: 3, model: 0x35, step: "shares", refunded: false });
    const others = (next.cohort ?? []).filter((node) => node !== "shop-4");
    expect(after(revealed, { ...next, charged: false, cohort: others })).toEqual([]);
  });

  test("can't shrink the cohort to make a quorum of abort votes smaller than the plan's smallest", () => {
    const [, , refunded] = drafts;
    if (refunded?.kind !== "aborted") throw new Error("the example has a refunded round at 2");
    const two = { cohort: ["shop-1", "shop-2"], votes: refunded.votes.slice(0, 2) };
    expect(codesOf(withEntry(2, two))).toEqual(["2 TRB_LEDGER_REFUND_UNFOUNDED"]);
  });

  test("can claim more ε than was spent, never less, at 1e-9", () => {
    const spent = spentAfter(federation.plan, [3]);
    const scaled = (factor: number) => ({ spent: { ...spent, epsilon: String(Number(spent.epsilon) * factor) } });
    expect(codesOf(withEntry(4, scaled(1.5)))).toEqual([]);
    expect(codesOf(withEntry(4, scaled(1 - 1e-10)))).toEqual([]);
    expect(codesOf(withEntry(4, scaled(1 - 1e-8)))).toEqual(["4 TRB_LEDGER_EPSILON_UNDERSTATED"]);
    const low = { spent: { ...spent, rdp: spent.rdp.with(7, "0" as Plan["delta"]) } };
    expect(codesOf(withEntry(4, low))).toEqual(["4 TRB_LEDGER_EPSILON_UNDERSTATED"]);
    const fewer = { spent: { ...spent, rdp: spent.rdp.slice(1), orders: spent.orders.slice(1) } };
    expect(codesOf(withEntry(4, fewer))).toEqual(["4 TRB_LEDGER_EPSILON_UNDERSTATED"]);
  });

  test("can't run more rounds than the plan permits", () => {
    const [release] = federation.plan.releases;
    const codes = withPlan({ releases: [{ ...release, rounds: 2 } as Plan["releases"][number]] });
    expect(codes).toEqual(["4 TRB_LEDGER_ROUNDS_EXCEEDED", "5 TRB_LEDGER_ROUNDS_EXCEEDED"]);
  });

  test("can't run another mechanism than the plan's", () => {
    const [, round] = drafts;
    if (round?.kind !== "round") throw new Error("the example has a round at 1");
    for (const [field, value] of Object.entries({
      sampler: "fast",
      sensitivity: "1",
      nodeVariance: "16",
      honestNodes: 4,
      samplingRate: "0.06",
      noiseMultiplier: "1.3",
    })) {
      const verdict = judge(withEntry(1, { mechanism: { ...round.mechanism, [field]: value } }));
      expect(verdict.failures).toMatchObject([{ entry: 1, code: "TRB_LEDGER_MECHANISM_MISMATCH", details: { field } }]);
    }
  });

  test("can't break the chain of models, or bind an entry to another plan", () => {
    expect(codesOf(withEntry(4, { modelHash: "00".repeat(32) }))).toContain("4 TRB_LEDGER_MODEL_CHAIN_BROKEN");
    expect(codesOf(withEntry(1, { nextModelHash: "00".repeat(32) }))).toContain("2 TRB_LEDGER_MODEL_CHAIN_BROKEN");
    expect(codesOf(withEntry(5, { modelHash: "00".repeat(32) }))).toEqual(["5 TRB_LEDGER_MODEL_CHAIN_BROKEN"]);
    expect(codesOf(withEntry(1, { planHash: "00".repeat(32) }))).toContain("1 TRB_LEDGER_PLAN_MISMATCH");
    expect(codesOf(withEntry(1, { release: 1 }))).toContain("1 TRB_LEDGER_RELEASE_UNKNOWN");
  });

  test("can't count its entries wrongly", () => {
    const sign = (message: Uint8Array) => crypto.sign(message, federation.coordinator);
    const lines = writeLedger(federation, drafts.slice(0, 2));
    const head = lines.reduce((before, line) => headAfter(crypto, before, line), emptyHead);
    const [, , third] = drafts;
    const skipped = signEntry({ sign }, {
      ...third,
      ...placeAfter(crypto, head),
      index: 3,
      at: "2026-01-02T03:04:05Z",
      software: "5f".repeat(32),
    } as UnsignedEntry<"aborted">);
    const codes = verifyLedger(asBytes([...lines, skipped.line]), { crypto }).failures;
    expect(codes).toMatchObject([{ entry: 2, code: "TRB_LEDGER_CHAIN_BROKEN", details: { field: "index" } }]);
  });

  test("can't go on after closing, or found itself twice", () => {
    const late = roundDraft(federation, { round: 5, charged: 4, model: 0x35 });
    expect(codesOf([...drafts, late])).toEqual(["6 TRB_LEDGER_AFTER_CLOSING"]);
    expect(codesOf([...drafts.slice(0, 2), genesisDraft(federation)])).toEqual(["2 TRB_LEDGER_SECOND_GENESIS"]);
  });

  test("can't invent survivors, votes or an order", () => {
    const [, round] = drafts;
    if (round?.kind !== "round") throw new Error("the example has a round at 1");
    const { h1, modelHash, sharers, cohort } = round;
    const ballot = { round: 1, modelHash, h1 };
    const votes = (survivors: readonly NodeId[], voters: readonly NodeId[] = survivors) =>
      votesFor(federation, voters, ballot, { for: "survivors", sharers, survivors: [...survivors] });
    const nodes = (...numbers: number[]) => numbers.map((number) => `shop-${number}` as NodeId);

    // fewer than minCohort, with honest votes
    expect(codesOf(withEntry(1, { survivors: nodes(1, 2), votes: votes(nodes(1, 2)) }))).toEqual([
      "1 TRB_LEDGER_COHORT_TOO_SMALL",
      "1 TRB_LEDGER_QUORUM_MISSING",
    ]);
    // votes for another set
    expect(codesOf(withEntry(1, { survivors: nodes(1, 2, 3) }))).toContain("1 TRB_LEDGER_VOTES_INVALID");
    // one vote short of the quorum ⌊(4 + 1)/2⌋ + 1 = 3
    expect(codesOf(withEntry(1, { votes: votes(cohort, nodes(1, 2)) }))).toEqual(["1 TRB_LEDGER_QUORUM_MISSING"]);
    // one vote counted twice
    const [one, two] = votes(cohort);
    expect(codesOf(withEntry(1, { votes: [one, one, two] }))).toContain("1 TRB_LEDGER_VOTES_INVALID");
    // a vote from outside the survivors
    expect(codesOf(withEntry(1, { survivors: nodes(1, 2, 3), votes: votes(nodes(1, 2, 3), nodes(1, 2, 3, 4)) }))).toEqual([
      "1 TRB_LEDGER_VOTES_INVALID",
    ]);
    // not ascending; a survivor who is no sharer; a member who is not in the roster
    expect(codesOf(withEntry(1, { cohort: nodes(2, 1, 3, 4) }))).toEqual([
      "1 TRB_LEDGER_SETS_INVALID",
      "1 TRB_LEDGER_HEADS_INVALID",
    ]);
    expect(codesOf(withEntry(1, { sharers: nodes(1, 2, 3) }))).toContain("1 TRB_LEDGER_SETS_INVALID");
    expect(codesOf(withEntry(1, { cohort: nodes(1, 2, 3, 4, 5) }))).toContain("1 TRB_LEDGER_SETS_INVALID");
  });

  test("can't found itself on a plan or a roster that breaks a rule", () => {
    expect(withPlan({ minCohort: 6 })).toContain("0 TRB_LEDGER_ROSTER_INVALID");
    expect(withPlan({ delta: "0.001" as Plan["delta"] })).toContain("0 TRB_LEDGER_PLAN_REFUSED");
    const [genesis] = drafts;
    if (genesis?.kind !== "genesis") throw new Error("the example begins with genesis");
    const [one, two, ...others] = genesis.roster;
    const shuffled = codesOf(withEntry(0, { roster: [two, one, ...others] }));
    expect(shuffled).toContain("0 TRB_LEDGER_ROSTER_INVALID");
    const stolen = { ...two, key: one?.key };
    expect(codesOf(withEntry(0, { roster: [one, stolen, ...others] }))).toContain("0 TRB_LEDGER_ROSTER_INVALID");
    expect(codesOf(withEntry(0, { planHash: "00".repeat(32) }))).toContain("0 TRB_LEDGER_GENESIS_INVALID");
    expect(codesOf(withEntry(0, { federation: "another" }))).toContain("0 TRB_LEDGER_GENESIS_INVALID");
  });

  test("can't be another coordinator's after genesis", () => {
    const lines = writeLedger(federation, drafts);
    const usurped = writeLedger({ ...federation, coordinator: exampleSecret(98) }, drafts);
    const mixed = asBytes([lines[0] as string, ...usurped.slice(1)]);
    const codes = verifyLedger(mixed, { crypto }).failures.map(({ entry, code }) => `${entry} ${code}`);
    expect(codes).toContain("1 TRB_LEDGER_SIGNATURE_INVALID");
  });
});

test("a head that only an earlier entry has is no proof of completeness, and no failure", () => {
  const lines = writeLedger(federation, drafts.slice(0, 3));
  const earlier = verifyLedger(asBytes(lines.slice(0, 2)), { crypto }).head as Sha256;
  expect(verifyLedger(asBytes(lines), { crypto, head: earlier })).toMatchObject({ verified: true, complete: false });
});
