/** What a statement says of a ledger, against other ways to the same figures. */
import { epsilonOf, gaussianDelta } from "@tributary/dp";
import {
  type Decimal,
  declarePart,
  formatDecimal,
  identityKey,
  notVerifiable,
  type Plan,
  planCost,
  planLanguages,
  sha256Hex,
  toHex,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { describe, expect, expectTypeOf, test } from "vitest";
import { examplePlan } from "../../../protocol/src/plan/example-plan.ts";
import {
  asBytes,
  type Draft,
  type ExampleFederation,
  exampleDrafts,
  exampleFederation,
  exampleSecret,
  genesisDraft,
  writeLedger,
} from "../example-ledger.ts";
import { spentAfter } from "../spending.ts";
import { verifyLedger } from "../verify.ts";
import { profileOf } from "./bounds.ts";
import { ledgerFacts } from "./facts.ts";
import { type LedgerStatement, stateLedger, unverifiable } from "./statement.ts";
import { type TextKey, texts } from "./texts.ts";
import { totalOf } from "./total.ts";
import { ledgerSections, statementWords, totalWords } from "./words.ts";

const crypto = nodeCrypto();
const coded = (code: string, details: object = {}) =>
  expect.objectContaining({ code, details: expect.objectContaining(details) });

function stateOf(federation: ExampleFederation, drafts: readonly Draft[] = exampleDrafts(federation), options = {}) {
  const bytes = asBytes(writeLedger(federation, drafts));
  return stateLedger(ledgerFacts(bytes), verifyLedger(bytes, { crypto, ...options }), crypto);
}
const withPlan = (change: Partial<Plan>) =>
  exampleFederation(crypto, (coordinatorKey) => ({ ...examplePlan(coordinatorKey), ...change }));

const federation = exampleFederation(crypto, examplePlan);
const statement = stateOf(federation);
const closedUnpinned = "closed, by an unpinned key";
/** q 0.05, z 1.2, three rounds charged. */
const sampled = { samplingRate: 0.05, noiseMultiplier: 1.2, steps: 3, delta: 1e-6 };

describe("the figures", () => {
  test("are those of the ledger: what was released, given up, charged, and what that cost", () => {
    expect(statement).toMatchObject({
      ...{ federation: "example", unit: "customer", adjacency: "add-or-remove-one", tier: "reasonable", delta: "1e-6" },
      releases: [{ kind: "training", permitted: 40, released: 2, abortedCharged: 1, abortedRefunded: 1 }],
      verification: { verified: true, fullyVerified: false, trust: "unpinned", completeness: closedUnpinned, entries: 6 },
      trust: { noiseMode: "distributed", minCohort: 3, maxCorrupt: 1, honestNodes: 2 },
    });
    expect(Number(statement.epsilon)).toBeCloseTo(epsilonOf(sampled), 9);
    expect(statement.signatures.members.map(({ node, votes, heads }) => [node, votes, heads])).toEqual([
      ["shop-1", 3, 2],
      ["shop-2", 3, 2],
      ["shop-3", 3, 2],
      ["shop-4", 2, 2],
    ]);
  });

  test("say that completeness is unproven without a closing entry or a head, and that it is proven with one", () => {
    const open = exampleDrafts(federation).slice(0, 5);
    const { verification, period } = stateOf(federation, open);
    expect([verification.completeness, period.closed]).toEqual(["unproven", false]);
    const { head } = verification;
    expect(stateOf(federation, open, { head }).verification.completeness).toBe("proven");
    const said = (one: LedgerStatement) => statementWords(one, "en").sections.verification.lines.join();
    expect(said(stateOf(federation, open))).toContain("completeness: unproven");
    // whoever makes a file can close it: that proves something only with the key
    expect(said(statement)).toContain(`completeness: ${closedUnpinned}`);
    const { signatures } = statement;
    const pinned = stateOf(federation, undefined, { key: signatures.coordinator });
    expect([pinned.verification.completeness, pinned.verification.fullyVerified]).toEqual(["proven", true]);
  });

  test("of a ledger that has only begun: nothing spent", () => {
    const { epsilon, profile, merchants, tier } = stateOf(federation, [genesisDraft(federation)]);
    expect([epsilon, tier, profile.mu]).toEqual(["0", "strong", null]);
    expect(new Set(merchants.map((one) => one.epsilon))).toEqual(new Set(["0"]));
  });

  test("for one merchant of three: three times the noise against one history, and the plan's own ε for all three", () => {
    const three = stateOf(withPlan({ maxMerchantsPerCustomer: 3 }));
    const one = epsilonOf({ ...sampled, noiseMultiplier: 3.6 });
    expect(three.customers.map(({ merchants, beyondPlan }) => [merchants, beyondPlan])).toEqual([
      [1, false],
      [3, false],
      [6, true],
    ]);
    expect(Number(three.customers[0]?.epsilon)).toBeCloseTo(one, 8);
    expect(Number(three.merchants[0]?.epsilon)).toBeCloseTo(one, 8);
    expect(three.customers[1]?.epsilon).toBe(three.epsilon);
    expect(Number(three.epsilon)).toBeCloseTo(epsilonOf({ ...sampled, noiseMultiplier: 1.2 * Math.sqrt(3), steps: 9 }), 8);
    // six histories, each with a sixth of the noise's variance: √6 times its deviation over 3.6/6
    const six = epsilonOf({ ...sampled, noiseMultiplier: 3.6 / Math.sqrt(6), steps: 18 });
    expect(Number(three.customers[2]?.epsilon)).toBeCloseTo(six, 8);
  });

  test("for a merchant who was in fewer rounds: fewer rounds", () => {
    const drafts = exampleDrafts(federation).map((draft) =>
      draft.kind === "aborted" && draft.charged
        ? { ...draft, cohort: draft.cohort?.filter((node) => node !== "shop-4") }
        : draft,
    ) as Draft[];
    const { merchants } = stateOf(federation, drafts);
    expect(merchants.map(({ rounds }) => rounds)).toEqual([3, 3, 3, 2]);
    expect(Number(merchants[3]?.epsilon)).toBeCloseTo(epsilonOf({ ...sampled, steps: 2 }), 9);
    expect(Number(merchants[0]?.epsilon)).toBeCloseTo(epsilonOf(sampled), 9);
  });

  test("for a merchant who selected its items privately: that on top, and for nobody else", () => {
    const secret = exampleSecret(2); // shop-2
    const key = identityKey.parse(toHex(crypto.signingPublicKey(secret)));
    const part = declarePart(
      { key, sign: (message) => crypto.sign(message, secret) },
      {
        ...{ name: "shop-2", part: sha256Hex.parse("ab".repeat(32)), items: 9, provenance: "dp-selection" },
        selection: { epsilon: "1" as Decimal, delta: "1e-9" as Decimal, maxItems: 4 },
      },
    );
    const selected = exampleFederation(crypto, (coordinator) => {
      const plan: Plan = { ...examplePlan(coordinator), catalogueProvenance: "dp-selection", catalogueParts: [part] };
      return { ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") };
    });
    const { merchants, epsilon, renyi } = stateOf(selected);
    expect(merchants.map(({ selection }) => selection)).toEqual([null, { epsilon: "1", delta: "1e-9" }, null, null]);
    expect(merchants[1]?.epsilon).toBe(epsilon);
    expect(Number(merchants[0]?.epsilon)).toBeCloseTo(epsilonOf(sampled), 9);
    expect(Number(epsilon)).toBeGreaterThan(Number(merchants[0]?.epsilon) + 0.1);
    expect(renyi.outside).toBeCloseTo(1e-9, 18);
  });

  test("of devices: the whole device, and no talk of several merchants", () => {
    const words = statementWords({ ...statement, unit: "node", customers: [] }, "en");
    expect(words.sections.unit.lines).toEqual(["Each device as a whole, with all that it holds."]);
    expect(words.sections.customers.lines.join()).not.toContain("merchant");
  });
});

describe("δ(ε)", () => {
  test("comes back to δ where ε was read off at δ, falls, and lies below the Gaussian curve that is stated", () => {
    const { profile, renyi } = statement;
    const rdp = renyi.rdp.map(Number);
    for (const delta of [1e-3, 1e-6, 1e-9]) {
      const { points } = profileOf(renyi.orders, rdp, delta, 0);
      expect((points.at(-1)?.delta ?? 0) / delta).toBeCloseTo(1, 9);
    }
    const { points, mu } = profile;
    expect(points.every(({ delta }, i) => i === 0 || delta <= (points[i - 1]?.delta ?? 0))).toBe(true);
    for (const { epsilon, delta } of points) expect(gaussianDelta(mu ?? 0, epsilon)).toBeGreaterThanOrEqual(delta * (1 - 1e-9));
  });

  test("says of a Gaussian of μ = 1 no less than that, and less than 2: integer orders are loose at small ε", () => {
    const orders = Array.from({ length: 255 }, (_, i) => i + 2);
    const { mu } = profileOf(
      orders,
      orders.map((order) => order / 2),
      1e-9,
      0,
    );
    expect(mu).toBeGreaterThan(1);
    expect(mu).toBeLessThan(2);
  });

  test("bounds an attacker's guesses from above: never below what telling N(0, 1) from N(μ, 1) at the true μ gives", () => {
    expect(statement.attacker.rightAtMost).toBeGreaterThan(0.5);
    expect(statement.attacker.rightAtMost).toBeLessThan(0.6);
    const most = (Math.exp(Number(statement.epsilon)) + 1e-6) / (Math.exp(Number(statement.epsilon)) + 1);
    expect(statement.attacker.rightAtMost).toBeLessThanOrEqual(most);
  });
});

describe("a ledger that doesn't verify", () => {
  test.each([0, 1, 3, 5])("is stated nothing of: a byte of entry %i, which is named", (entry) => {
    const lines = writeLedger(federation, exampleDrafts(federation));
    const line = lines[entry] ?? "";
    const at = line.indexOf('"at":"2026') + 8;
    lines[entry] = `${line.slice(0, at)}7${line.slice(at + 1)}`;
    const bytes = asBytes(lines);
    const verdict = verifyLedger(bytes, { crypto });
    expect(() => stateLedger(ledgerFacts(bytes), verdict, crypto)).toThrow(coded("TRB_STATEMENT_UNVERIFIED", { entry }));
  });

  test("with another key than the reader knows neither", () => {
    expect(() => stateOf(federation, undefined, { key: "00".repeat(32) })).toThrow(
      coded("TRB_STATEMENT_UNVERIFIED", { entry: 0, rule: "TRB_LEDGER_KEY_MISMATCH" }),
    );
  });

  test("an overstated ε is stated as it is claimed", () => {
    const spent = { ...spentAfter(federation.plan, [3]), epsilon: "2.2" as Decimal };
    const drafts = exampleDrafts(federation).map((draft) => (draft.kind === "closing" ? { ...draft, spent } : draft));
    expect(stateOf(federation, drafts).epsilon).toBe("2.2");
  });
});

describe("what no file can show", () => {
  test("is what the protocol says, in the same order, and stands in every language", () => {
    expect(unverifiable.map((what) => texts[`notVerifiable.${what}`].en)).toEqual(notVerifiable);
    for (const language of planLanguages) {
      const { lines } = statementWords(statement, language).sections.notVerifiable;
      expect(lines.slice(1)).toEqual(unverifiable.map((what) => texts[`notVerifiable.${what}`][language]));
    }
  });

  test("can't be left out, in part or whole: not by the compiler, not in a file", () => {
    expectTypeOf(statement.notVerifiable).toEqualTypeOf<typeof unverifiable>();
    const { notVerifiable: all, ...rest } = statement;
    // @ts-expect-error the section is not optional
    const without: LedgerStatement = rest;
    // @ts-expect-error nor any line of it
    const shorter: LedgerStatement = { ...statement, notVerifiable: all.slice(1) };
    expect(() => statementWords(without, "en")).toThrow(coded("TRB_STATEMENT_INCOMPLETE"));
    expect(() => statementWords(shorter, "zh")).toThrow(coded("TRB_STATEMENT_INCOMPLETE", { missing: ["noise"] }));
    const fromFile = JSON.parse(JSON.stringify(statement)) as LedgerStatement;
    expect(statementWords(fromFile, "en")).toEqual(statementWords(statement, "en"));
  });
});

describe("the words", () => {
  test("no key lacks a language, and each has the same figures in all of them", () => {
    const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
    for (const key of Object.keys(texts) as TextKey[]) {
      const { en, zh } = texts[key];
      expect(names(zh), key).toEqual(names(en));
      expect(en.trim(), key).not.toBe("");
      expect(zh, key).toMatch(/\p{Script=Han}/u);
      expect(en, key).not.toMatch(/\p{Script=Han}/u);
    }
  });

  test.each(planLanguages)("%s: every section has something to say, and every figure is filled in", (language) => {
    const three = stateOf(withPlan({ maxMerchantsPerCustomer: 3, catalogueProvenance: "log" }));
    for (const one of [statement, three]) {
      const { sections, answer, title } = statementWords(one, language);
      expect(Object.keys(sections)).toEqual([...ledgerSections]);
      const lines = [title, answer, ...Object.values(sections).flatMap(({ heading, lines: said }) => [heading, ...said])];
      for (const section of Object.values(sections)) expect(section.lines.length).toBeGreaterThan(0);
      expect(lines.join("\n")).not.toMatch(/[{}]|undefined|NaN/);
    }
    expect(statementWords(three, "en").sections.guarantee.lines.join()).toContain("Only under a condition");
  });

  test("bound beliefs by odds: e^ε for being there, e^2ε for one history against another", () => {
    const one = { ...statement, epsilon: "1" as Decimal };
    const lines = statementWords(one, "en").sections.attacker.lines.join("\n");
    // odds of 1 : 99 become e : 99
    expect(lines).toContain("at most 2.68 in 100");
    expect(Math.E / (Math.E + 99)).toBeCloseTo(0.02672, 4);
    expect(lines).toContain("e^2ε (7.39)");
    expect(statementWords({ ...one, epsilon: "900" as Decimal }, "en").sections.attacker.lines.join()).toContain(
      "e^2ε (> 10⁸)",
    );
  });

  test("round ε up, never down", () => {
    const words = statementWords({ ...statement, epsilon: "1.00000000001" as Decimal }, "en");
    expect(words.answer).toContain("ε = 1.001");
  });
});

describe("several federations", () => {
  const other = stateOf(withPlan({ federation: "other" }));
  const total = totalOf([statement, other]);

  test("cost what six rounds of one would: their divergences add up", () => {
    expect(Number(total.epsilon)).toBeCloseTo(epsilonOf({ ...sampled, steps: 6 }), 8);
    expect(total).toMatchObject({ delta: "0.000001", tier: "reasonable", federations: ["example", "other"] });
    expect(Number(total.added.epsilon)).toBeCloseTo(2 * epsilonOf(sampled), 8);
    expect(Number(total.epsilon)).toBeLessThan(Number(total.added.epsilon));
  });

  test("one of them twice is refused", () => {
    expect(() => totalOf([statement, other, statement])).toThrow(
      coded("TRB_STATEMENT_LEDGER_TWICE", { federation: "example" }),
    );
  });

  test.each(planLanguages)("%s: it is said what the total assumes", (language) => {
    const { lines } = totalWords(total, language);
    expect(lines.length).toBe(3);
    expect(lines.join("")).not.toMatch(/[{}]|undefined/);
    for (const what of total.assumes) expect(lines[2]).toContain(texts[`total.${what}`][language]);
  });
});
