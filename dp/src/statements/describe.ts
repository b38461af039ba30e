/**
 * A guarantee in words for somebody who has to decide about it: one section for each thing that NIST SP 800-226 asks about, always all of
 * them, and a tier of protection that can be neither left out nor changed.
 */
import { fail } from "@tributary/errors";
import { checkGuarantee, type Guarantee, type ProtectionTier, protectionTier } from "./guarantee.ts";
import { type StatementLanguage, statementLanguages, statementWords } from "./words.ts";

/** In the order in which they are read. */
export const statementSections = [
  "releases",
  "unit",
  "adjacency",
  "strength",
  "profile",
  "accountant",
  "period",
  "trust",
  "sampling",
  "assumptions",
  "notCovered",
  "notVerifiable",
] as const;
/** The parts of a statement, in the order in which they are read. */
export type StatementSection = (typeof statementSections)[number];

/** Only the type knows it: nothing but `describe` makes a statement. */
declare const described: unique symbol;

/** A guarantee in words, with the tier that can't be left out. */
export interface Statement {
  readonly [described]: true;
  readonly tier: ProtectionTier;
  /** Sentences by section; the tier's words are in `strength`. */
  readonly sections: Readonly<Record<StatementSection, readonly string[]>>;
  readonly guarantee: Guarantee;
}

/** Puts a guarantee into words. @throws TRB_DP_GUARANTEE_INVALID, TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID */
export function describe(guarantee: Guarantee, language: StatementLanguage = "en"): Statement {
  checkGuarantee(guarantee);
  const tier = protectionTier(guarantee);
  const words = statementWords[language];
  const { unit, adjacency, accountant, period, sampling } = guarantee;
  const listed = (section: "assumptions" | "notCovered" | "notVerifiable"): string[] => {
    const [lead, none] = words.lists[section];
    const items = guarantee[section];
    return [items.length === 0 ? none : words.listed(lead, items)];
  };
  const sections: Statement["sections"] = {
    releases: guarantee.releases.map((release) =>
      unit.kind === "customer" && unit.merchants > 1
        ? words.releaseAtSeveral(release, unit.merchants)
        : words.release(release, unit.kind),
    ),
    unit: unitSentences(unit, language),
    adjacency: [words.neighbours[adjacency](unit.kind)],
    strength: strengthSentences(guarantee, tier, language),
    profile: profileSentences(guarantee, language),
    accountant: [words.accountant(accountant)],
    period: [words.period(period)],
    trust: [trustSentence(guarantee, language)],
    sampling: [words.sampling[sampling]],
    assumptions: listed("assumptions"),
    notCovered: listed("notCovered"),
    notVerifiable: listed("notVerifiable"),
  };
  return { tier, sections, guarantee } as Statement; // the brand exists in the type only
}

/**
 * All sentences in order. Looks at the tier once more, because a statement may have come through a file.
 * @throws TRB_DP_STATEMENT_TIER_WRONG when the tier, or its words, were left out or changed
 */
export function statementLines(statement: Statement): string[] {
  const expected = protectionTier(statement.guarantee);
  const said = statementLanguages.some((language) =>
    statement.sections.strength.some((sentence) => sentence.includes(statementWords[language].tiers[expected])),
  );
  if (statement.tier !== expected || !said) {
    throw fail("TRB_DP_STATEMENT_TIER_WRONG", { tier: statement.tier ?? "left out", expected });
  }
  return statementSections.flatMap((section) => statement.sections[section]);
}

function unitSentences(unit: Guarantee["unit"], language: StatementLanguage): string[] {
  const words = statementWords[language];
  switch (unit.kind) {
    case "node":
      return [words.device];
    case "other":
      return [words.protectedIs(unit.words)];
    case "customer":
      return [words.customer, unit.merchants === 1 ? words.atEach : words.atSeveral(unit.merchants)];
  }
}

function strengthSentences({ epsilon, delta, people }: Guarantee, tier: ProtectionTier, language: StatementLanguage): string[] {
  const words = statementWords[language];
  const cost = epsilon === "Infinity" ? words.noBound : words.cost({ epsilon, delta });
  const because = Number(delta) * people >= 1 ? words.deltaTooLarge(people) : "";
  return [words.strength(cost, words.tiers[tier], because)];
}

function profileSentences({ mu, profile = [] }: Guarantee, language: StatementLanguage): string[] {
  const words = statementWords[language];
  const points = profile.map(({ epsilon, delta }) => ({ epsilon: up(epsilon), delta: up(delta) }));
  return [
    ...(mu === undefined ? [] : [words.mu(up(mu.value), mu.upTo === Number.POSITIVE_INFINITY ? undefined : down(mu.upTo))]),
    ...(points.length === 0 ? [] : [words.points(points)]),
  ];
}

function trustSentence({ trust }: Guarantee, language: StatementLanguage): string {
  const words = statementWords[language];
  switch (trust.model) {
    case "distributed":
      return words.distributed(trust);
    case "local":
      return words.local(trust.cohort);
    case "central":
      return words.central;
  }
}

/** Three digits, rounded up. */
const up = (value: number): string => rounded(value, 1);
/** Three digits, rounded down. */
const down = (value: number): string => rounded(value, -1);

function rounded(value: number, direction: 1 | -1): string {
  const nearest = Number(value.toPrecision(3));
  if (value === 0 || direction * (nearest - value) >= 0) return String(nearest);
  const last = 10 ** (Math.floor(Math.log10(value)) - 2);
  return String(Number((nearest + direction * last).toPrecision(3)));
}
