/**
 * That verify.py and `verifyLedger`, which share no code, come to the same: on ledgers that hold, on ledgers that were tampered with, and on noise.
 */
import { readFileSync } from "node:fs";
import { chooseScale } from "@tributary/dp";
import { seededRandom } from "@tributary/events";
import { spentAfter, verifyLedger } from "@tributary/ledger";
import {
  type Decimal,
  declarePart,
  fingerprintOf,
  formatDecimal,
  identityKey,
  type Plan,
  planCost,
  type Sha256,
  selectionSchema,
  sha256Hex,
  toHex,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { describe, expect, test } from "vitest";
import {
  asBytes,
  type Draft,
  exampleDrafts,
  exampleFederation,
  exampleSecret,
  genesisDraft,
  roundDraft,
  votesFor,
  writeLedger,
} from "../../packages/ledger/src/example-ledger.ts";
import { examplePlan } from "../../packages/protocol/src/plan/example-plan.ts";
import { packedPlan } from "../../packages/protocol/src/plan/packed-plan.test-support.ts";
import { courseLines } from "./course-ledger.ts";
import { courseTamperings } from "./course-tampering.ts";
import { deepestNesting, runVerifier, type Verdict, verifyFiles, withFiles } from "./python.ts";
import { rosterLines } from "./roster-ledger.ts";
import { rosterTamperings } from "./roster-tampering.ts";
import { tamperings as usualTamperings } from "./tampering.ts";
import { accessDrafts, federation as valid, validDrafts, validLines } from "./valid-ledger.ts";

const crypto = nodeCrypto();
const tamperings = [...usualTamperings, ...courseTamperings, ...rosterTamperings];
const federation = exampleFederation(crypto, examplePlan);
const drafts = exampleDrafts(federation);
const file = asBytes(writeLedger(federation, drafts));
const key = fingerprintOf(crypto, federation.plan.coordinatorKey);

/** The example's ledger of another plan, ε as the accountant has it. */
function ledgerOf(change: (plan: Plan) => Plan): Uint8Array {
  const priced = (coordinatorKey: string) => {
    const plan = change(examplePlan(coordinatorKey));
    return { ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") };
  };
  const other = exampleFederation(crypto, priced);
  return asBytes(writeLedger(other, exampleDrafts(other)));
}

const release = (change: Partial<Plan["releases"][number]>) => (plan: Plan) => ({
  ...plan,
  releases: plan.releases.map((one) => ({ ...one, ...change })),
});
const decimal = (text: string) => text as Decimal;

/** Nothing is sampled, z = 12. */
function everybody(plan: Plan): Plan {
  const dear = release({ samplingRate: decimal("1"), noiseMultiplier: decimal("12") })(plan);
  const [first] = dear.releases;
  if (first === undefined) throw new Error("the example has a release");
  const { scale } = chooseScale({ ...first, totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 2 });
  return release({ scale: decimal(scale) })(dear);
}

/** Every kind of plan whose ledger verify.py takes, and what it says that it leaves out. */
const kinds: Readonly<Record<string, { readonly bytes: () => Uint8Array; readonly unchecked?: RegExp }>> = {
  "the example": { bytes: () => file },
  "the vectors' round of four nodes": {
    bytes: () => asBytes(JSON.parse(readFileSync(new URL("../vectors/protocol/round.json", import.meta.url), "utf8")).ledger),
  },
  "operators who let others in": {
    bytes: () => asBytes(writeLedger(valid, [...validDrafts().slice(0, 3), ...accessDrafts, ...validDrafts().slice(3)])),
  },
  "metrics that keep, promote and end": { bytes: () => asBytes(courseLines()) },
  "a roster that changes": { bytes: () => asBytes(rosterLines()) },
  "customers of three merchants": { bytes: () => ledgerOf((plan) => ({ ...plan, maxMerchantsPerCustomer: 3 })) },
  "nodes that each add the whole noise": { bytes: () => ledgerOf((plan) => ({ ...plan, noiseMode: "local" })) },
  "everybody in every round": { bytes: () => ledgerOf(everybody) },
  "a plan charged by lattice": {
    bytes: () => ledgerOf((plan) => ({ ...everybody(plan), accountant: "lattice" })),
    unchecked: /lattice/,
  },
  "a packed plan": {
    bytes: () => {
      const packed = exampleFederation(crypto, packedPlan);
      return asBytes(writeLedger(packed, exampleDrafts(packed)));
    },
    unchecked: /packed/,
  },
  "a recipe that was chosen privately": {
    bytes: () =>
      ledgerOf((plan) => ({
        ...plan,
        selection: selectionSchema.parse({ distribution: "poisson", mean: "10", noiseMultiplier: "3" }),
      })),
    unchecked: /selection/,
  },
  "a part of the catalogue that was selected": {
    bytes: () =>
      ledgerOf((plan) => {
        const secret = exampleSecret(5);
        const merchant = { key: identityKey.parse(toHex(crypto.signingPublicKey(secret))) };
        const selection = { epsilon: decimal("1"), delta: decimal("1e-9"), maxItems: 4 };
        const part = {
          name: "shop",
          part: sha256Hex.parse("ab".repeat(32)),
          items: 9,
          provenance: "dp-selection",
          selection,
        } as const;
        const declared = declarePart({ ...merchant, sign: (message) => crypto.sign(message, secret) }, part);
        return { ...plan, catalogueProvenance: "dp-selection", catalogueParts: [declared] };
      }),
    unchecked: /catalogue/,
  },
};

describe("a ledger that holds", () => {
  const names = Object.keys(kinds);
  const files = names.map((name) => kinds[name]?.bytes() ?? new Uint8Array());
  const { status, verdicts } = verifyFiles(files);

  test.each(names.map((name, i) => [name, i] as const))("is verified by both, with the same figures: %s", (name, i) => {
    const ours = verifyLedger(files[i] as Uint8Array, { crypto });
    expect(ours.failures).toEqual([]);
    const { verified, trust, complete, entries, head, key: known, rounds, epsilon, delta, limit, accountant } = ours;
    const expected = { verified, trust, complete, entries, head, key: known, rounds, delta, limit, accountant };
    expect(verdicts[i]).toMatchObject({ ...expected, epsilon, fullyVerified: false, findings: [] });
    expect(verdicts[i]?.unchecked.length).toBe(kinds[name]?.unchecked === undefined ? 2 : 3);
    expect(verdicts[i]?.unchecked.join("\n")).toMatch(kinds[name]?.unchecked ?? /software/);
  });

  test("ends with exit code 0", () => expect(status).toBe(0));
});

describe("a ledger that was tampered with", () => {
  const lines = validLines();
  const apart = tamperings.filter(({ known }) => known === undefined);
  const files = apart.map(({ tamper }) => tamper(lines));
  const { status, verdicts } = verifyFiles([asBytes(lines), ...files]);
  const [valid, ...others] = verdicts;

  test("holds before, with every kind of entry in it", () => expect(valid).toMatchObject({ verified: true, entries: 12 }));

  test("is in the list in thirty ways and more that verify.py must find", () => {
    expect(apart.filter((tampering) => tampering.python).length).toBeGreaterThanOrEqual(30);
  });

  test.each(apart.map(({ name }, i) => [name, i] as const))("is found, by the entry and the rule: %s", (_, i) => {
    const { entry, code } = apart[i] ?? {};
    const { verified, findings } = others[i] as Verdict;
    expect(verified).toBe(false);
    expect(findings[0]).toMatchObject({ entry, line: (entry ?? 0) + 1 });
    expect(findings.filter((finding) => finding.entry === entry).map((finding) => finding.code)).toContain(code);
  });

  test("ends with exit code 4", () => expect(status).toBe(4));

  test.each(tamperings.filter(({ known }) => known !== undefined))("is found by what is known from elsewhere: $name", (one) => {
    const options = Object.entries(one.known ?? {}).flatMap(([name, value]) => [`--${name}`, value]);
    const known = verifyFiles([one.tamper(lines)], ...options);
    expect(known).toMatchObject({
      status: 4,
      verdicts: [{ verified: false, findings: [{ entry: one.entry, code: one.code }] }],
    });
  });
});

describe("what an auditor knows from elsewhere", () => {
  const head = verifyLedger(file, { crypto }).head;

  test("makes a verdict full: the key's fingerprint and a closing entry, or the key and the head", () => {
    const open = asBytes(writeLedger(federation, drafts.slice(0, 5)));
    const { head: last } = verifyLedger(open, { crypto });
    const full = { verified: true, fullyVerified: true, trust: "pinned", complete: true, completeness: "proven" };
    const pinned = { status: 0, verdicts: [full] };
    expect(verifyFiles([file], "--key", key.toUpperCase())).toMatchObject(pinned);
    expect(verifyFiles([file], "--key", key, "--head", head)).toMatchObject(pinned);
    expect(verifyFiles([open], "--key", key, "--head", last)).toMatchObject(pinned);
    // whoever makes a file can close it
    const closed = { fullyVerified: false, trust: "unpinned", complete: true, completeness: "closed, by an unpinned key" };
    expect(verifyFiles([file])).toMatchObject({ status: 0, verdicts: [closed] });
    expect(verifyLedger(file, { crypto })).toMatchObject(closed);
    const ends = { fullyVerified: false, trust: "unpinned", complete: true, completeness: "proven" };
    expect(verifyFiles([file], "--head", head)).toMatchObject({ verdicts: [ends] });
    expect(verifyLedger(file, { crypto, head })).toMatchObject(ends);
  });

  test("is said to lack, without a closing entry or a head", () => {
    const open = asBytes(writeLedger(federation, drafts.slice(0, 5)));
    expect(verifyFiles([open], "--key", key)).toMatchObject({
      status: 0,
      verdicts: [{ verified: true, fullyVerified: false, complete: false }],
    });
    const { status, stdout } = withFiles([open], (paths) => runVerifier(...paths));
    expect(status).toBe(0);
    expect(stdout).toContain("completeness: unproven");
    expect(stdout).toContain("nobody vouched for");
    expect(stdout).toContain("no file can show: that noise was added");
  });

  test("doesn't help with a file that isn't there", () => {
    const { status, stdout, stderr } = runVerifier("no-such-ledger.jsonl");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).not.toContain("Traceback");
  });
});

type Tree = { [field: string]: unknown };

/** Some field, of the entry or of what is in it. */
function placeIn(tree: Tree, below: (most: number) => number): readonly [holder: Tree, field: string] {
  const fields = Object.keys(tree);
  const field = fields[below(fields.length)] ?? "";
  const inner = tree[field];
  const deeper = typeof inner === "object" && inner !== null && Object.keys(inner).length > 0 && below(4) > 0;
  return deeper ? placeIn(inner as Tree, below) : [tree, field];
}

const long = process.env["TRIBUTARY_LONG"] === "1";
const each = long ? 3000 : 80;
test(`no change of a byte, cut or repetition is ever verified, and none ends in anything but a finding (${each} of each, seed 9)`, () => {
  const { below } = seededRandom(9, "verify.py");
  const lines = validLines();
  const whole = asBytes(lines);
  const changed = Array.from({ length: each }, () => {
    const bytes = Uint8Array.from(whole);
    const place = below(bytes.length);
    bytes[place] = (bytes[place] ?? 0) ^ (1 + below(255));
    return bytes;
  });
  const spliced = Array.from({ length: each }, () => {
    const [from, to] = [below(whole.length), below(whole.length)];
    return new Uint8Array([...whole.subarray(0, from), ...whole.subarray(to)]);
  }).filter((bytes) => bytes.length !== whole.length);
  // a field with a value that is none
  const values = [null, true, -1, 1.5, 2 ** 60, "", "9".repeat(50), "\ud800", [], {}, [[]], { a: 1 }];
  const retyped = Array.from({ length: each }, () => {
    const place = below(lines.length);
    const entry = JSON.parse(lines[place] ?? "") as Tree;
    const [holder, field] = placeIn(entry, below);
    const value = values[below(values.length)];
    holder[field] = JSON.stringify(holder[field]) === JSON.stringify(value) ? "?" : value;
    return asBytes(lines.map((line, i) => (i === place ? JSON.stringify(entry) : line)));
  });
  const noise = [
    "",
    "\n",
    "[".repeat(deepestNesting),
    "{}",
    "null\n",
    '{"kind":[]}\n',
    '{"kind":"genesis"}\n',
    "1e400\n",
    "NaN\n",
  ];
  const { status, verdicts } = verifyFiles([
    ...changed,
    ...spliced,
    ...retyped,
    ...noise.map((text) => new TextEncoder().encode(text)),
  ]);
  expect(verdicts.filter(({ verified, findings }) => verified || findings.length === 0)).toEqual([]);
  // what the form or a rule names, not the net below them
  expect(verdicts.filter(({ findings }) => findings.some(({ reason }) => reason.includes("can't be checked")))).toEqual([]);
  expect(status).toBe(4);
}, 1_800_000);

if (long) {
  test("1,000 entries of rounds of nine nodes hold; how long that takes is printed", () => {
    const rounds = 998;
    const plan = (coordinatorKey: string) => {
      const many = release({ rounds })({ ...examplePlan(coordinatorKey), minCohort: 7 });
      return { ...many, epsilon: formatDecimal(planCost(many).epsilon, "up") };
    };
    const nine = exampleFederation(crypto, plan, 9);
    const modelHash = nine.plan.initialModelHash;
    const done = { ...roundDraft(nine, { round: 1, charged: 1, model: 0x33 }), nextModelHash: modelHash };
    const { sharers, survivors } = done;
    const released = Array.from({ length: rounds }, (_, i): Draft => {
      const h1 = (i + 1).toString(16).padStart(64, "0") as Sha256;
      const votes = votesFor(nine, survivors, { round: i + 1, modelHash, h1 }, { for: "survivors", sharers, survivors });
      return { ...done, h1, round: i + 1, votes, spent: spentAfter(nine.plan, [i + 1]) };
    });
    const closing: Draft = { kind: "closing", reason: "done", modelHash, rounds, spent: spentAfter(nine.plan, [rounds]) };
    const bytes = asBytes(writeLedger(nine, [genesisDraft(nine), ...released, closing]));
    const started = performance.now();
    const { verdicts } = verifyFiles([bytes]);
    const seconds = (performance.now() - started) / 1000;
    console.log(
      `1,000 entries, ${18 * rounds} signatures of nodes, ${(bytes.length / 1e6).toFixed(1)} MB: ${seconds.toFixed(1)} s`,
    );
    expect(verdicts).toMatchObject([{ verified: true, entries: rounds + 2, rounds: { released: rounds } }]);
  }, 1_800_000);
}
