/** A statement in words, section by section, in English or Chinese. */
import { fail } from "@tributary/errors";
import { type Decimal, type PlanLanguage, parseDecimal } from "@tributary/protocol";
import { graphBeyond, type LedgerStatement, type MerchantBound, unverifiable } from "./statement.ts";
import { type Say, speak } from "./texts.ts";
import type { TotalStatement } from "./total.ts";

/** In the order in which they are read. */
export const ledgerSections = [
  "unit",
  "guarantee",
  "attacker",
  "releases",
  "merchants",
  "customers",
  "period",
  "trust",
  "assumptions",
  "signatures",
  "verification",
  "notVerifiable",
] as const;
export type LedgerSection = (typeof ledgerSections)[number];

export interface SectionWords {
  readonly heading: string;
  readonly lines: readonly string[];
}

export interface StatementWords {
  readonly language: PlanLanguage;
  readonly title: string;
  /** "What ε have I spent?" */
  readonly answer: string;
  /** All of them: none can be left out. */
  readonly sections: Readonly<Record<LedgerSection, SectionWords>>;
  readonly chart: { readonly title: string; readonly axis: string };
}

/** @throws TRB_STATEMENT_INCOMPLETE for a statement, from a file perhaps, that lacks what no file can show */
export function statementWords(statement: LedgerStatement, language: PlanLanguage): StatementWords {
  requireWhole(statement);
  const say = speak(language);
  const { epsilon, delta, limit, tier } = statement;
  const lines: Readonly<Record<LedgerSection, readonly string[]>> = {
    unit: unitLines(statement, say),
    guarantee: guaranteeLines(statement, say),
    attacker: attackerLines(statement, say),
    releases: releaseLines(statement, say),
    merchants: merchantLines(statement.merchants, say),
    customers: customerLines(statement, say),
    period: periodLines(statement, say),
    trust: [trustLine(statement, say)],
    assumptions: assumptionLines(statement, say),
    signatures: signatureLines(statement, say),
    verification: verificationLines(statement, say),
    notVerifiable: [say("notVerifiable.lead"), ...statement.notVerifiable.map((what) => say(`notVerifiable.${what}`))],
  };
  const section = (name: LedgerSection): SectionWords => ({ heading: say(`heading.${name}`), lines: lines[name] });
  return {
    language,
    title: say("title", { federation: statement.federation }),
    answer: say("answer", { epsilon: shown(epsilon), delta, limit: shown(limit), tier: say(`tier.${tier}`) }),
    sections: Object.fromEntries(ledgerSections.map((name) => [name, section(name)])) as StatementWords["sections"],
    chart: { title: say("chart.profile"), axis: say("chart.axis") },
  };
}

/** The type asks for it; a file may lack it all the same. */
function requireWhole({ notVerifiable }: { readonly notVerifiable?: readonly string[] | undefined }): void {
  const missing = unverifiable.filter((what) => notVerifiable?.includes(what) !== true);
  if (missing.length > 0) throw fail("TRB_STATEMENT_INCOMPLETE", { missing });
}

export function totalWords(total: TotalStatement, language: PlanLanguage): SectionWords {
  const say = speak(language);
  const { federations, epsilon, delta, tier, added, assumes } = total;
  return {
    heading: say("heading.total"),
    lines: [
      say("total.answer", {
        federations: federations.join(", "),
        epsilon: boundIn(epsilon, say),
        delta,
        tier: say(`tier.${tier}`),
      }),
      say("total.how", { epsilon: shown(added.epsilon), delta: added.delta }),
      assumes.map((what) => say(`total.${what}`)).join(language === "zh" ? "" : " "),
    ],
  };
}

function unitLines({ unit, maxMerchantsPerCustomer: merchants }: LedgerStatement, say: Say): string[] {
  if (unit === "node") return [say("unit.node")];
  return [say("unit.customer"), merchants > 1 ? say("unit.several", { merchants }) : say("unit.one")];
}

function guaranteeLines(statement: LedgerStatement, say: Say): string[] {
  const { epsilon, accountant, profile, conditional } = statement;
  const upTo = profile.points.at(-1)?.epsilon ?? 0;
  return [
    say("guarantee.adjacency", { factor: factorOf(parseDecimal(epsilon)) }),
    say("guarantee.accountant", { accountant }),
    ...(profile.mu === null ? [] : [say("guarantee.mu", { mu: up(profile.mu, 3), upTo: upTo.toPrecision(3) })]),
    say("tiers"),
    ...(conditional === null ? [] : [say("guarantee.conditional")]),
  ];
}

/** e^x, as far as it means something. */
const factorOf = (exponent: number): string => (exponent < 20 ? up(Math.exp(exponent), 3) : "> 10⁸");

function attackerLines({ epsilon, attacker }: LedgerStatement, say: Say): string[] {
  const odds = Math.exp(parseDecimal(epsilon)) / 99; // odds of 1 in 100 are 1 : 99
  return [
    say("attacker.guess", { right: up(100 * attacker.rightAtMost, 3) }),
    say("attacker.suspicion", { after: Number.isFinite(odds) ? up((100 * odds) / (1 + odds), 3) : "100" }),
    say("attacker.histories", { factor: factorOf(2 * parseDecimal(epsilon)) }),
    say("attacker.patterns"),
    say("attacker.participation"),
    say("attacker.inhouse"),
  ];
}

function releaseLines({ releases }: LedgerStatement, say: Say): string[] {
  const any = releases.some(({ released, abortedCharged }) => released + abortedCharged > 0);
  return [
    ...(any ? [] : [say("nothing")]),
    ...releases.map((release) =>
      say("releases.row", {
        what: say(`what.${release.kind}`),
        released: release.released,
        permitted: release.permitted,
        charged: release.abortedCharged,
        refunded: release.abortedRefunded,
        rate: release.samplingRate,
        clip: release.clipNorm,
        noise: release.noiseMultiplier,
      }),
    ),
    say("releases.all"),
  ];
}

/** Those who differ in nothing stand in one line, where there are many. */
function merchantLines(merchants: readonly MerchantBound[], say: Say): string[] {
  const groups = Map.groupBy(merchants, ({ node, rounds, epsilon, selection }) =>
    selection === null && merchants.length > 8 ? `${rounds} ${epsilon}` : `of ${node}`,
  );
  return [...groups.values()].flatMap((group) => {
    const [first, last] = [group[0], group.at(-1)];
    if (first === undefined || last === undefined) return [];
    const { node, rounds, selection } = first;
    const epsilon = boundIn(first.epsilon, say);
    if (group.length > 1) {
      return [say("merchants.same", { count: group.length, first: node, last: last.node, rounds, epsilon })];
    }
    const named =
      selection === null ? "" : say("merchants.selection", { epsilon: shown(selection.epsilon), delta: selection.delta });
    return [say("merchants.row", { node, rounds, epsilon }) + named];
  });
}

function customerLines({ customers, unit }: LedgerStatement, say: Say): string[] {
  if (unit === "node") return [say("customers.device")];
  return customers.map(({ merchants, beyondPlan, epsilon }) => {
    const key = beyondPlan ? "customers.beyond" : merchants === 1 ? "customers.one" : "customers.several";
    return say(key, { merchants, epsilon: boundIn(epsilon, say) });
  });
}

function periodLines({ period, erasures }: LedgerStatement, say: Say): string[] {
  const { from, to, closed } = period;
  return [
    say("period.span", { from, to }),
    say(closed ? "period.closed" : "period.open"),
    say("period.forever"),
    ...(erasures === 0 ? [] : [say("period.erasures", { count: erasures })]),
  ];
}

function trustLine({ trust }: LedgerStatement, say: Say): string {
  const { noiseMode, minCohort: cohort, maxCorrupt: corrupt, honestNodes: honest } = trust;
  return say(`trust.${noiseMode}`, { cohort, corrupt, honest });
}

function assumptionLines(statement: LedgerStatement, say: Say): string[] {
  const values = {
    customers: statement.minCustomers,
    corrupt: statement.trust.maxCorrupt,
    merchants: statement.maxMerchantsPerCustomer,
    nodes: graphBeyond,
  };
  return statement.assumptions.map((assumption) => say(`assumption.${assumption}`, values));
}

/** Members, and changes of the software, by name, up to so many; a longer list is in the JSON. */
const namedMembers = 40;

function signatureLines({ signatures }: LedgerStatement, say: Say): string[] {
  const { coordinator, roster, members, software, softwareChanges } = signatures;
  return [
    say("signatures.coordinator", { fingerprint: coordinator }),
    say("signatures.roster", { members: members.length, fingerprint: roster }),
    ...members.slice(0, namedMembers).map(({ revoked, from, ...member }) => {
      const since = from > 1 ? say("signatures.since", { from }) : "";
      return say("signatures.member", { ...member, since, revoked: revoked ? say("signatures.revoked") : "" });
    }),
    ...(members.length > namedMembers ? [`… ${members.length - namedMembers}`] : []),
    ...software.slice(0, namedMembers).map((one) => say("signatures.software", one)),
    ...(softwareChanges >= namedMembers ? [`… ${softwareChanges + 1 - namedMembers}`] : []),
  ];
}

function verificationLines({ verification }: LedgerStatement, say: Say): string[] {
  const { fullyVerified, trust, completeness, entries, head } = verification;
  return [
    say(fullyVerified ? "verification.full" : "verification.self", { entries }),
    say(`verification.${trust}`),
    say(`verification.${completeness}`),
    say("verification.head", { head }),
  ];
}

const boundIn = (epsilon: Decimal | null, say: Say): string => (epsilon === null ? say("unbounded") : shown(epsilon));

/** Four digits, rounded up. */
const shown = (epsilon: Decimal): string => up(parseDecimal(epsilon), 4);

function up(value: number, digits: number): string {
  const nearest = Number(value.toPrecision(digits));
  if (value === 0 || nearest >= value) return String(nearest);
  return String(Number((nearest + 10 ** (Math.floor(Math.log10(value)) - digits + 1)).toPrecision(digits)));
}
