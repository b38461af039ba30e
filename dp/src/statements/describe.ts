/**
 * A guarantee in words for somebody who has to decide about it: one section for each thing that NIST SP 800-226 asks about, always all of
 * them, and a tier of protection that can be neither left out nor changed.
 */
import { fail } from "@tributary/errors";
import { type CoveredRelease, checkGuarantee, type Guarantee, type ProtectionTier, protectionTier } from "./guarantee.ts";

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

/** What each tier means to the person it is about. */
export const tierWords: Readonly<Record<ProtectionTier, string>> = {
  strong: "strong protection",
  reasonable: "reasonable protection",
  "not protected": "so much that people must be regarded as not protected",
};

/** Puts a guarantee into words. @throws TRB_DP_GUARANTEE_INVALID, TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID */
export function describe(guarantee: Guarantee): Statement {
  checkGuarantee(guarantee);
  const tier = protectionTier(guarantee);
  const sections: Statement["sections"] = {
    releases: guarantee.releases.map((release) => releaseSentence(release, guarantee)),
    unit: unitSentences(guarantee),
    adjacency: [adjacencySentence(guarantee)],
    strength: strengthSentences(guarantee, tier),
    profile: profileSentences(guarantee),
    accountant: [`ε was computed by the accountant ${guarantee.accountant}, which bounds all releases together from above.`],
    period: [`Period: ${guarantee.period}.`],
    trust: [trustSentence(guarantee)],
    sampling: [samplingSentence(guarantee)],
    assumptions: listed("ε holds if the following is so", guarantee.assumptions, "ε rests on no further assumption."),
    notCovered: listed("Outside ε", guarantee.notCovered, "Nothing else that depends on people's data is released."),
    notVerifiable: listed(
      "No file can show the following; they are claims that audits test",
      guarantee.notVerifiable,
      "All of this can be checked from files.",
    ),
  };
  return { tier, sections, guarantee } as Statement; // the brand exists in the type only
}

/**
 * All sentences in order. Looks at the tier once more, because a statement may have come through a file.
 * @throws TRB_DP_STATEMENT_TIER_WRONG when the tier, or its words, were left out or changed
 */
export function statementLines(statement: Statement): string[] {
  const expected = protectionTier(statement.guarantee);
  const said = statement.sections.strength.some((sentence) => sentence.includes(tierWords[expected]));
  if (statement.tier !== expected || !said) {
    throw fail("TRB_DP_STATEMENT_TIER_WRONG", { tier: statement.tier ?? "left out", expected });
  }
  return statementSections.flatMap((section) => statement.sections[section]);
}

function releaseSentence(release: CoveredRelease, { unit }: Guarantee): string {
  const { what, times, samplingRate, clipNorm, noiseMultiplier } = release;
  const often = times === 1 ? "Once" : `Up to ${times} times, retries included`;
  const who = { customer: "customer", node: "device", other: "unit of privacy" }[unit.kind];
  if (unit.kind === "customer" && unit.merchants > 1) {
    return (
      `${often}, ${what} is released: at each of up to ${unit.merchants} merchants a customer is in it with chance ${samplingRate} and moves it ` +
      `by at most ${clipNorm} (L2), and the noise is ${noiseMultiplier} times what one customer can move it at all of these together.`
    );
  }
  return (
    `${often}, ${what} is released: each ${who} is in it with chance ${samplingRate}, moves it by at most ${clipNorm} (L2), ` +
    `and the noise is ${noiseMultiplier} times what one ${who} can move it.`
  );
}

function unitSentences({ unit }: Guarantee): string[] {
  switch (unit.kind) {
    case "node":
      return ["Protected is each device as a whole: whether it had any data, and what its data were."];
    case "other":
      return [`Protected is ${unit.words}.`];
    case "customer": {
      const merchants =
        unit.merchants === 1
          ? "Somebody who shops at several merchants is protected at each by itself."
          : `The cost stated already covers somebody who shops at up to ${unit.merchants} merchants.`;
      return ["Protected is each customer of a merchant, with all of that customer's events.", merchants];
    }
  }
}

function adjacencySentence({ adjacency, unit }: Guarantee): string {
  const all = { customer: "one customer's events", node: "one device's data", other: "what is protected" }[unit.kind];
  const change = {
    "add-or-remove-one": `adding or removing all of ${all}`,
    "zero-out": `replacing all that comes from ${all} by zeros`,
    "replace-one": `replacing all of ${all} by any other`,
  }[adjacency];
  return `Data sets are neighbours by ${change}: that changes the chance of anything that is released only as much as ε and δ say.`;
}

function strengthSentences({ epsilon, delta, people }: Guarantee, tier: ProtectionTier): string[] {
  const cost = epsilon === "Infinity" ? "no bound at all" : `at most ε = ${epsilon} at δ = ${delta}`;
  const because =
    Number(delta) * people >= 1 ? ` (δ is not below one over ${people} people: one of them may be laid open in full)` : "";
  return [`All of it together costs ${cost}: ${tierWords[tier]}${because}.`];
}

function profileSentences({ mu, profile }: Guarantee): string[] {
  const sentences: string[] = [];
  if (mu !== undefined) {
    const where = mu.upTo === Number.POSITIVE_INFINITY ? "" : ` (at every ε up to ${down(mu.upTo)})`;
    sentences.push(
      `In one number: what is released tells two neighbours apart no better than N(0, 1) from N(μ, 1), μ = ${up(mu.value)}${where}.`,
    );
  }
  if (profile !== undefined && profile.length > 0) {
    const points = profile.map(({ epsilon, delta }) => `ε = ${up(epsilon)}: δ = ${up(delta)}`);
    sentences.push(`The same releases at other ε: ${points.join("; ")}.`);
  }
  return sentences;
}

function trustSentence({ trust }: Guarantee): string {
  switch (trust.model) {
    case "distributed":
      return (
        `Trust is distributed. The coordinator sees only sums of at least ${trust.cohort} nodes. Every node adds a share of the noise; the promise ` +
        `holds as long as at least ${trust.cohort - trust.corrupt} of them are honest, that is, if at most ${trust.corrupt} work with the coordinator.`
      );
    case "local":
      return (
        "Trust is local. Every node adds all the noise itself, so the promise needs no trust in other nodes. " +
        `The coordinator sees only sums of at least ${trust.cohort} nodes.`
      );
    case "central":
      return "Trust is central. The coordinator adds the noise and sees exact sums: its operator must be trusted with them. This is for simulation only.";
  }
}

function samplingSentence({ sampling }: Guarantee): string {
  return sampling === "secret-poisson"
    ? "Which customers are sampled is drawn by each node in secret, and ε counts on that secrecy: nodes never write it down or send it."
    : "Every customer is in every round, so ε does not count on secret sampling.";
}

const listed = (lead: string, items: readonly string[], none: string): string[] =>
  items.length === 0 ? [none] : [`${lead}: ${items.join("; ")}.`];

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
