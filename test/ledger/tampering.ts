/**
 * Ways to tamper with a ledger, each with the first entry that a verifier must name and the code that it must give. Some are a stranger's, who has no key; most are
 * the coordinator's own, which signs what it falsified and links everything after it anew. `verify.py` is held to those with `python`.
 */
import { type EntryOf, emptyHead, headAfter, type LedgerHead, placeAfter } from "@tributary/ledger";
import { canonicalBytes, hashOf, type NodeId, type Sha256, toHex } from "@tributary/protocol";
import {
  asBytes,
  type Draft,
  exampleSecret,
  headsFor,
  roundDraft,
  votesFor,
  writeLedger,
} from "../../packages/ledger/src/example-ledger.ts";
import { accessDrafts, crypto, erasure, federation, sister, validDrafts } from "./valid-ledger.ts";

export interface Tampering {
  readonly name: string;
  /** The file that comes of a valid one's lines. */
  readonly tamper: (lines: readonly string[]) => Uint8Array;
  /** The first entry that is wrong, counted from 0, by place in the file. */
  readonly entry: number;
  /** What is wrong with it. */
  readonly code: `TRB_LEDGER_${string}`;
  /** `verify.py` must find it too. */
  readonly python: boolean;
  /** What the auditor has from elsewhere, where the file alone doesn't show it. */
  readonly known?: { readonly head?: string; readonly key?: string };
}

type Change = (entry: never) => object;
type Lines = readonly string[];

// ── as a stranger ────────────────────────────────────────────────────────────────────────────────────────────────────

const at = (lines: Lines, place: number, change: (line: string) => string) =>
  lines.map((line, i) => (i === place ? change(line) : line));

const text = (content: string) => new TextEncoder().encode(content);

function stranger(
  name: string,
  [entry, code]: readonly [number, Tampering["code"]],
  tamper: (lines: Lines) => Lines,
  python = true,
): Tampering {
  return { name, entry, code, python, tamper: (lines) => asBytes(tamper(lines)) };
}

function octets(
  name: string,
  [entry, code]: readonly [number, Tampering["code"]],
  tamper: Tampering["tamper"],
  python = true,
): Tampering {
  return { name, entry, code, python, tamper };
}

// ── as the coordinator ───────────────────────────────────────────────────────────────────────────────────────────────

/** The line of any object, signed with this key: schemas are not asked. */
function signed(unsigned: object, secret: Uint8Array): string {
  const { signature: _, ...rest } = unsigned as { signature?: string };
  const signature = toHex(crypto.sign(canonicalBytes(rest), secret));
  return new TextDecoder().decode(canonicalBytes({ ...rest, signature }));
}

const headOf = (lines: Lines): LedgerHead => lines.reduce((head, line) => headAfter(crypto, head, line), emptyHead);

/** One entry is changed and signed again, and all after it are placed and signed anew. Nodes' signatures stay what they are. */
function falsified(lines: Lines, place: number, change: Change, secret = federation.coordinator): string[] {
  const kept = lines.slice(0, place);
  let head = headOf(kept);
  for (const [i, line] of lines.slice(place).entries()) {
    const entry = JSON.parse(line) as never;
    const changed =
      i === 0 ? { ...(entry as object), ...change(entry) } : { ...(entry as object), ...placeAfter(crypto, head) };
    const written = signed(changed, secret);
    kept.push(written);
    head = headAfter(crypto, head, written);
  }
  return kept;
}

function coordinator(
  name: string,
  [entry, code]: readonly [number, Tampering["code"]],
  change: Change,
  python = false,
): Tampering {
  return { name, entry, code, python, tamper: (lines) => asBytes(falsified(lines, entry, change)) };
}

/** The coordinator wrote other entries to begin with; the nodes countersigned them. */
function drafted(
  name: string,
  [entry, code]: readonly [number, Tampering["code"]],
  change: (drafts: Draft[]) => readonly Draft[],
  python = false,
): Tampering {
  return { name, entry, code, python, tamper: () => asBytes(writeLedger(federation, change(validDrafts()))) };
}

type Round = EntryOf<"round">;
const nodes = (...numbers: number[]) => numbers.map((number) => `shop-${number}` as NodeId);
const hash = (byte: string) => byte.repeat(32) as Sha256;
const flip = (hex: string) => (hex.startsWith("0") ? `1${hex.slice(1)}` : `0${hex.slice(1)}`);
const less = (decimal: string, by: number) => String(Number((Number(decimal) * by).toPrecision(6)));

function votesOf({ round, modelHash, h1, sharers }: Round, survivors: NodeId[], voters: NodeId[] = survivors) {
  return votesFor(federation, voters, { round, modelHash, h1 }, { for: "survivors", sharers, survivors });
}

/** The cheaper side of the accountant. */
const spentLess = (entry: Pick<Round, "spent">) => ({
  spent: { ...entry.spent, epsilon: less(entry.spent.epsilon, 0.9) },
});

const lineOf = (lines: Lines, place: number): string => lines[place] ?? "";
const without = <Item>(items: readonly Item[], place: number) => items.filter((_, i) => i !== place);
const first = (drafts: Draft[], ...more: Draft[]) => [...drafts.slice(0, 2), ...more, ...drafts.slice(2)];
const before = (drafts: readonly Draft[], place: number, ...more: Draft[]) => [
  ...drafts.slice(0, place),
  ...more,
  ...drafts.slice(place),
];
const instead = (drafts: Draft[], place: number, change: object) =>
  drafts.map((draft, i) => (i === place ? ({ ...draft, ...change } as Draft) : draft));

/** The later round with the earlier one's h₁ and genuine votes for that: nothing but the h₁ is wrong. */
function replayed(earlier: Draft, later: Draft): object {
  const { h1 } = earlier as Round;
  const { survivors } = later as Round;
  return { h1, votes: votesOf({ ...(later as Round), h1 }, [...survivors]) };
}

const other = exampleSecret(98);

/** Entries about who may come in that say too little, too much, or what can't be. */
const tamperedAccess: readonly Tampering[] = (
  [
    ["an invite that doesn't say of whom", { subject: undefined }],
    ["an invite of no time", { done: undefined }],
    ["an invite that gives a role", { role: "auditor" }],
    ["an account without a role", { action: "add-operator" }],
    ["a token taken back that gives a role", { action: "revoke-token", role: "viewer" }],
    ["a pause of somebody", { action: "pause" }],
    ["an invite made after its entry", { done: "2027-01-01T00:00:00.000Z" }, "TRB_LEDGER_CLOCKS_DISAGREE"],
  ] as const
).map(([name, change, code = "TRB_LEDGER_OPERATOR_INVALID" as const]) =>
  drafted(name, [3, code], (drafts) => {
    const changed = Object.entries({ ...accessDrafts[0], ...change }).filter(([, value]) => value !== undefined);
    return before(drafts, 3, Object.fromEntries(changed) as Draft);
  }),
);

export const tamperings: readonly Tampering[] = [
  // ── bytes ──
  stranger("a digit of a signature", [1, "TRB_LEDGER_SIGNATURE_INVALID"], (lines) =>
    at(lines, 1, (line) =>
      line.replace(/"signature":"(.)([0-9a-f]{127})","software"/, (_, a, b) => `"signature":"${flip(a)}${b}","software"`),
    ),
  ),
  stranger("another time, without a new signature", [1, "TRB_LEDGER_SIGNATURE_INVALID"], (lines) =>
    at(lines, 1, (line) => line.replace('"at":"2026-01-02T03:04:05Z"', '"at":"2026-01-02T03:04:06Z"')),
  ),
  stranger("another ε, without a new signature", [1, "TRB_LEDGER_SIGNATURE_INVALID"], (lines) =>
    at(lines, 1, (line) => line.replace(/"epsilon":"[0-9.]+"/, '"epsilon":"9"')),
  ),
  stranger("a space", [1, "TRB_LEDGER_NOT_CANONICAL"], (lines) => at(lines, 1, (line) => line.replace(",", ", "))),
  stranger("fields in another order", [1, "TRB_LEDGER_NOT_CANONICAL"], (lines) =>
    at(lines, 1, (line) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line) as object).reverse()))),
  ),
  stranger("an integer with a fraction of nothing", [1, "TRB_LEDGER_NOT_CANONICAL"], (lines) =>
    at(lines, 1, (line) => line.replace('"round":1', '"round":1.0')),
  ),
  stranger("a field twice", [1, "TRB_LEDGER_NOT_CANONICAL"], (lines) =>
    at(lines, 1, (line) => line.replace('"round":1', '"round":1,"round":1')),
  ),
  stranger("a letter escaped", [1, "TRB_LEDGER_NOT_CANONICAL"], (lines) =>
    at(lines, 1, (line) => line.replace('"shop-1"', '"\\u0073hop-1"')),
  ),
  stranger("carriage returns", [0, "TRB_LEDGER_NOT_CANONICAL"], (lines) => lines.map((line) => `${line}\r`)),
  stranger("an empty line", [2, "TRB_LEDGER_LINE_INVALID"], (lines) => [...lines.slice(0, 2), "", ...lines.slice(2)]),
  stranger("a byte order mark", [0, "TRB_LEDGER_LINE_INVALID"], (lines) => at(lines, 0, (line) => `\ufeff${line}`)),
  octets("octets that are no UTF-8", [1, "TRB_LEDGER_LINE_INVALID"], (lines) => {
    const bytes = asBytes(lines);
    bytes[lineOf(lines, 0).length + 20] = 0xff;
    return bytes;
  }),
  octets("a zero octet in the middle", [3, "TRB_LEDGER_LINE_INVALID"], (lines) => {
    const bytes = asBytes(lines);
    bytes[lines.slice(0, 3).reduce((sum, line) => sum + line.length + 1, 0) + 9] = 0;
    return bytes;
  }),
  octets("no line feed at the end", [11, "TRB_LEDGER_UNTERMINATED"], (lines) => asBytes(lines).slice(0, -1)),
  octets("cut inside the last entry", [11, "TRB_LEDGER_LINE_INVALID"], (lines) => asBytes(lines).slice(0, -100)),
  octets("cut inside an entry in the middle", [7, "TRB_LEDGER_LINE_INVALID"], (lines) =>
    asBytes(lines.slice(0, 8)).slice(0, -100),
  ),
  octets("nothing left", [0, "TRB_LEDGER_EMPTY"], () => new Uint8Array()),
  octets("something else altogether", [0, "TRB_LEDGER_LINE_INVALID"], () => text("%PDF-1.7\nno ledger\n")),

  // ── order and completeness ──
  stranger("two entries change places", [1, "TRB_LEDGER_CHAIN_BROKEN"], (lines) => [
    ...lines.slice(0, 1),
    lineOf(lines, 2),
    lineOf(lines, 1),
    ...lines.slice(3),
  ]),
  stranger("all in reverse", [0, "TRB_LEDGER_NO_GENESIS"], (lines) => lines.toReversed()),
  stranger("an entry left out", [2, "TRB_LEDGER_CHAIN_BROKEN"], (lines) => without(lines, 2)),
  stranger("an entry twice", [2, "TRB_LEDGER_CHAIN_BROKEN"], (lines) => [
    ...lines.slice(0, 2),
    lineOf(lines, 1),
    ...lines.slice(2),
  ]),
  stranger("the beginning cut off", [0, "TRB_LEDGER_NO_GENESIS"], (lines) => lines.slice(1)),
  stranger("two ledgers of one coordinator spliced", [5, "TRB_LEDGER_CHAIN_BROKEN"], (lines) => [
    ...lines.slice(0, 5),
    ...writeLedger(
      sister,
      validDrafts(sister).filter(({ kind }) => kind !== "erasure"),
    ).slice(5),
  ]),
  stranger("two histories of one federation spliced", [2, "TRB_LEDGER_CHAIN_BROKEN"], (lines) => [
    ...lines.slice(0, 2),
    ...falsified(lines, 1, () => ({ at: "2026-01-02T03:04:06Z" })).slice(2),
  ]),
  {
    ...stranger(
      "cut between entries, with the head known",
      [9, "TRB_LEDGER_HEAD_MISMATCH"],
      (lines) => lines.slice(0, 10),
      false,
    ),
    known: { head: headOf(writeLedger(federation, validDrafts())).hash },
  },
  {
    ...stranger(
      "cut between entries before the closing one, with the head known",
      [10, "TRB_LEDGER_HEAD_MISMATCH"],
      (lines) => lines.slice(0, 11),
      false,
    ),
    known: { head: headOf(writeLedger(federation, validDrafts())).hash },
  },
  coordinator("an index passed over", [2, "TRB_LEDGER_CHAIN_BROKEN"], () => ({ index: 3 }), true),
  coordinator("linked to an entry further back", [2, "TRB_LEDGER_CHAIN_BROKEN"], () => ({ previous: hash("00") }), true),
  coordinator("a tree of zeros", [2, "TRB_LEDGER_TREE_WRONG"], () => ({ tree: hash("00") }), true),
  {
    ...stranger("a tree that is one entry behind", [7, "TRB_LEDGER_TREE_WRONG"], (lines) =>
      falsified(lines, 7, () => ({ tree: placeAfter(crypto, headOf(lines.slice(0, 6))).tree })),
    ),
  },
  stranger(
    "the past rewritten and linked anew, which the nodes had countersigned otherwise",
    [7, "TRB_LEDGER_HEADS_INVALID"],
    (lines) => falsified(lines, 2, () => ({ code: "TRB_ROUND_DEADLINE_PASSED" })),
  ),
  drafted("two first entries", [2, "TRB_LEDGER_SECOND_GENESIS"], (drafts) => first(drafts, drafts[0] as Draft), true),
  drafted(
    "a round after the closing entry",
    [12, "TRB_LEDGER_AFTER_CLOSING"],
    (drafts) => [...drafts, drafts[10] as Draft],
    true,
  ),
  drafted(
    "a round number twice",
    [2, "TRB_LEDGER_ROUND_REPEATED"],
    (drafts) => instead(drafts, 2, { round: 1, votes: [] }),
    true,
  ),
  drafted(
    "a round number that goes back",
    [7, "TRB_LEDGER_ROUND_REPEATED"],
    (drafts) => instead(drafts, 7, { round: 2 }),
    true,
  ),
  drafted(
    "an earlier round over again under a new number, its adverts and all",
    [7, "TRB_LEDGER_H1_REPEATED"],
    (drafts) => instead(drafts, 7, replayed(drafts[1] as Draft, drafts[7] as Draft)),
    true,
  ),
  drafted(
    "a round given up has the h₁ of a released one",
    [5, "TRB_LEDGER_H1_REPEATED"],
    (drafts) => instead(drafts, 5, { h1: (drafts[1] as Round).h1 }),
    true,
  ),
  drafted("times that go back", [3, "TRB_LEDGER_CLOCKS_DISAGREE"], (drafts) =>
    instead(drafts, 3, { at: "2026-01-02T03:04:04Z" }),
  ),

  // ── signatures ──
  stranger("the rest signed by another key", [4, "TRB_LEDGER_SIGNATURE_INVALID"], (lines) =>
    falsified(lines, 4, () => ({}), other),
  ),
  {
    ...stranger("another coordinator's ledger, with the key known", [0, "TRB_LEDGER_KEY_MISMATCH"], (lines) => lines, false),
    known: { key: "00".repeat(32) },
  },
  coordinator(
    "a digit of a vote",
    [1, "TRB_LEDGER_VOTES_INVALID"],
    ({ votes: [one, ...others] }: Round) => ({
      votes: [{ ...one, signature: flip(one?.signature ?? "") }, ...others],
    }),
    true,
  ),
  coordinator(
    "a vote under another's name",
    [1, "TRB_LEDGER_VOTES_INVALID"],
    ({ votes }: Round) => ({
      votes: votes.map((vote, i) => ({ ...vote, signature: votes[(i + 1) % votes.length]?.signature })),
    }),
    true,
  ),
  coordinator(
    "a vote twice",
    [1, "TRB_LEDGER_VOTES_INVALID"],
    ({ votes: [one, two, three] }: Round) => ({ votes: [one, one, two, three] }),
    true,
  ),
  coordinator(
    "votes in disorder",
    [1, "TRB_LEDGER_VOTES_INVALID"],
    ({ votes }: Round) => ({ votes: votes.toReversed() }),
    true,
  ),
  coordinator(
    "a vote of somebody who isn't in the set",
    [7, "TRB_LEDGER_VOTES_INVALID"],
    (entry: Round) => ({
      votes: votesOf(entry, entry.survivors, nodes(1, 2, 3, 4)),
    }),
    true,
  ),
  {
    ...stranger("votes of another round", [7, "TRB_LEDGER_VOTES_INVALID"], (lines) =>
      falsified(lines, 7, () => ({ votes: (JSON.parse(lineOf(lines, 1)) as Round).votes.slice(0, 3) })),
    ),
  },
  coordinator(
    "votes for other survivors",
    [1, "TRB_LEDGER_VOTES_INVALID"],
    (entry: Round) => ({
      votes: votesOf(entry, nodes(1, 2, 3)),
    }),
    true,
  ),
  coordinator(
    "one vote less than a quorum",
    [1, "TRB_LEDGER_QUORUM_MISSING"],
    ({ votes }: Round) => ({ votes: votes.slice(0, 2) }),
    true,
  ),
  coordinator("no votes", [1, "TRB_LEDGER_QUORUM_MISSING"], () => ({ votes: [] }), true),
  coordinator(
    "a digit of a countersignature",
    [1, "TRB_LEDGER_HEADS_INVALID"],
    ({ heads: [one, ...others] }: Round) => ({
      heads: [{ ...one, signature: flip(one?.signature ?? "") }, ...others],
    }),
    true,
  ),
  coordinator(
    "a countersignature left out",
    [1, "TRB_LEDGER_HEADS_INVALID"],
    ({ heads }: Round) => ({ heads: heads.slice(1) }),
    true,
  ),
  {
    ...stranger("countersignatures of an earlier head", [7, "TRB_LEDGER_HEADS_INVALID"], (lines) =>
      falsified(lines, 7, ({ cohort }: Round) => ({ heads: headsFor(federation, cohort, headOf(lines.slice(0, 6))) })),
    ),
  },

  // ── sets ──
  coordinator(
    "fewer survivors than a round needs",
    [1, "TRB_LEDGER_COHORT_TOO_SMALL"],
    (entry: Round) => ({
      ...{ survivors: nodes(1, 2), votes: votesOf(entry, nodes(1, 2)) },
    }),
    true,
  ),
  coordinator(
    "a survivor more, whom nobody voted for",
    [7, "TRB_LEDGER_VOTES_INVALID"],
    () => ({ survivors: nodes(1, 2, 3, 4) }),
    true,
  ),
  coordinator(
    "a survivor less than they voted for",
    [1, "TRB_LEDGER_VOTES_INVALID"],
    () => ({ survivors: nodes(1, 2, 3) }),
    true,
  ),
  coordinator("a cohort in disorder", [1, "TRB_LEDGER_SETS_INVALID"], () => ({ cohort: nodes(2, 1, 3, 4) }), true),
  coordinator("a survivor who shared nothing", [1, "TRB_LEDGER_SETS_INVALID"], () => ({ sharers: nodes(1, 2, 3) }), true),
  coordinator("a stranger in the cohort", [1, "TRB_LEDGER_SETS_INVALID"], () => ({ cohort: nodes(1, 2, 3, 4, 5) }), true),
  drafted("a node that was revoked takes part again", [10, "TRB_LEDGER_BARRED_INVALID"], (drafts) =>
    before(instead(drafts, 10, { round: 6 }), 10, { ...roundDraft(federation, { round: 5, charged: 3, model: 0x35 }) }),
  ),
  coordinator("a node barred for nothing", [5, "TRB_LEDGER_BARRED_INVALID"], () => ({ barred: nodes(2) })),

  // ── the plan, the models ──
  coordinator("bound to another plan", [1, "TRB_LEDGER_PLAN_MISMATCH"], () => ({ planHash: hash("00") }), true),
  coordinator("a release that the plan hasn't", [1, "TRB_LEDGER_RELEASE_UNKNOWN"], () => ({ release: 1 })),
  coordinator("from a model that nobody made", [5, "TRB_LEDGER_MODEL_CHAIN_BROKEN"], () => ({ modelHash: hash("00") }), true),
  drafted(
    "a model changed between rounds",
    [2, "TRB_LEDGER_MODEL_CHAIN_BROKEN"],
    (drafts) => instead(drafts, 1, { nextModelHash: hash("00") }),
    true,
  ),
  coordinator("closed with another model", [11, "TRB_LEDGER_MODEL_CHAIN_BROKEN"], () => ({ modelHash: hash("00") }), true),
  coordinator("closed with other rounds", [11, "TRB_LEDGER_CLOSING_WRONG"], () => ({ rounds: 1 }), true),
  coordinator("a sum that isn't released", [1, "TRB_LEDGER_SUM_MISMATCHED"], () => ({ sum: [1, 2, 3] })),

  // ── what it cost ──
  coordinator("ε understated", [1, "TRB_LEDGER_EPSILON_UNDERSTATED"], spentLess, true),
  coordinator("ε understated at the end", [11, "TRB_LEDGER_EPSILON_UNDERSTATED"], spentLess, true),
  coordinator(
    "one order's divergence understated",
    [1, "TRB_LEDGER_EPSILON_UNDERSTATED"],
    ({ spent }: Round) => ({
      spent: { ...spent, rdp: spent.rdp.map((cost, i) => (i === 5 ? less(cost, 0.99) : cost)) },
    }),
    true,
  ),
  coordinator(
    "an order left out",
    [1, "TRB_LEDGER_EPSILON_UNDERSTATED"],
    ({ spent }: Round) => ({
      spent: { ...spent, rdp: spent.rdp.slice(1), orders: spent.orders.slice(1) },
    }),
    true,
  ),
  coordinator(
    "orders under other names",
    [1, "TRB_LEDGER_EPSILON_UNDERSTATED"],
    ({ spent }: Round) => ({
      spent: { ...spent, orders: spent.orders.map((order) => order + 1) },
    }),
    true,
  ),
  coordinator(
    "a round less counted",
    [7, "TRB_LEDGER_CHARGE_WRONG"],
    ({ spent }: Round) => ({
      spent: { ...spent, charged: [2] },
    }),
    true,
  ),
  coordinator(
    "a charged round not counted",
    [5, "TRB_LEDGER_CHARGE_WRONG"],
    ({ spent }: Round) => ({
      spent: { ...spent, charged: [1] },
    }),
    true,
  ),
  drafted(
    "more rounds than the plan has",
    [8, "TRB_LEDGER_ROUNDS_EXCEEDED"],
    (drafts) => before(drafts, 8, roundDraft(federation, { round: 5, charged: 4, model: 0x35 })),
    true,
  ),
  coordinator("refunded without votes", [2, "TRB_LEDGER_REFUND_UNFOUNDED"], () => ({ votes: [] }), true),
  coordinator(
    "refunded by too few votes",
    [2, "TRB_LEDGER_REFUND_UNFOUNDED"],
    ({ votes }: EntryOf<"aborted">) => ({ votes: votes.slice(1, 3) }),
    true,
  ),
  coordinator(
    "refunded by votes for something else",
    [2, "TRB_LEDGER_VOTES_INVALID"],
    ({ round, modelHash, h1 }: EntryOf<"aborted">) => ({
      votes: votesFor(
        federation,
        nodes(1, 2, 3),
        { round, modelHash, h1: h1 ?? hash("00") },
        { for: "survivors", sharers: nodes(1, 2, 3), survivors: nodes(1, 2, 3) },
      ),
    }),
    true,
  ),

  // ── what ran ──
  coordinator("half the sensitivity", [1, "TRB_LEDGER_MECHANISM_MISMATCH"], ({ mechanism }: Round) => ({
    mechanism: { ...mechanism, sensitivity: less(mechanism.sensitivity, 0.5) },
  })),
  coordinator("half the noise", [1, "TRB_LEDGER_MECHANISM_MISMATCH"], ({ mechanism }: Round) => ({
    mechanism: { ...mechanism, nodeVariance: less(mechanism.nodeVariance, 0.25) },
  })),
  coordinator(
    "a smaller sampling rate",
    [1, "TRB_LEDGER_MECHANISM_MISMATCH"],
    ({ mechanism }: Round) => ({
      mechanism: { ...mechanism, samplingRate: "0.01" },
    }),
    true,
  ),
  coordinator(
    "a larger noise multiplier",
    [1, "TRB_LEDGER_MECHANISM_MISMATCH"],
    ({ mechanism }: Round) => ({
      mechanism: { ...mechanism, noiseMultiplier: "2" },
    }),
    true,
  ),
  coordinator("more honest nodes", [1, "TRB_LEDGER_MECHANISM_MISMATCH"], ({ mechanism }: Round) => ({
    mechanism: { ...mechanism, honestNodes: mechanism.honestNodes + 1 },
  })),
  coordinator("another sampler", [1, "TRB_LEDGER_MECHANISM_MISMATCH"], ({ mechanism }: Round) => ({
    mechanism: { ...mechanism, sampler: "opendp" },
  })),

  // ── the founding ──
  coordinator("a plan with a δ that is no promise", [0, "TRB_LEDGER_PLAN_REFUSED"], ({ plan }: EntryOf<"genesis">) => ({
    plan: { ...plan, delta: "0.01" },
    planHash: hashOf(crypto, { ...plan, delta: "0.01" } as object),
  })),
  coordinator(
    "another plan under the same hash",
    [0, "TRB_LEDGER_GENESIS_INVALID"],
    ({ plan }: EntryOf<"genesis">) => ({
      plan: { ...plan, customerQuota: 65 },
    }),
    true,
  ),
  coordinator("another federation's name", [0, "TRB_LEDGER_GENESIS_INVALID"], () => ({ federation: "another" })),
  coordinator(
    "a member who never asked to be one",
    [0, "TRB_LEDGER_ROSTER_INVALID"],
    ({ roster: [one, ...others] }: EntryOf<"genesis">) => ({
      roster: [{ ...one, key: toHex(crypto.signingPublicKey(other)) }, ...others],
    }),
    true,
  ),
  coordinator(
    "one key for two members",
    [0, "TRB_LEDGER_ROSTER_INVALID"],
    ({ roster: [one, two, ...others] }: EntryOf<"genesis">) => ({
      roster: [one, { ...two, key: one?.key }, ...others],
    }),
    true,
  ),
  coordinator(
    "members in disorder",
    [0, "TRB_LEDGER_ROSTER_INVALID"],
    ({ roster }: EntryOf<"genesis">) => ({ roster: roster.toReversed() }),
    true,
  ),

  // ── notes ──
  drafted(
    "an erasure that somebody else signed",
    [6, "TRB_LEDGER_ERASURE_INVALID"],
    (drafts) => before(without(drafts, 6), 6, erasure("shop-2", "2026-01-02", "shop-3")),
    true,
  ),
  drafted("an erasure twice", [7, "TRB_LEDGER_ERASURE_INVALID"], (drafts) =>
    before(drafts, 7, erasure("shop-2", "2026-01-02")),
  ),
  drafted("an erasure of a day to come", [6, "TRB_LEDGER_CLOCKS_DISAGREE"], (drafts) =>
    before(without(drafts, 6), 6, erasure("shop-2", "2026-02-02")),
  ),
  drafted("paused twice", [4, "TRB_LEDGER_OPERATOR_INVALID"], (drafts) => instead(drafts, 4, { action: "pause" })),
  ...tamperedAccess,
  drafted("a round while rounds are paused", [4, "TRB_LEDGER_OPERATOR_INVALID"], (drafts) => without(drafts, 4)),
  coordinator("a model put forward that isn't the latest", [8, "TRB_LEDGER_PROMOTION_INVALID"], () => ({
    modelHash: hash("00"),
  })),
  coordinator("a model put forward by a rule that the plan hasn't", [8, "TRB_LEDGER_PROMOTION_INVALID"], () => ({
    rule: "acceptance",
  })),
  coordinator("somebody revoked who was never there", [9, "TRB_LEDGER_ROSTER_CHANGE_INVALID"], () => ({ revoked: nodes(9) })),

  // ── the form ──
  coordinator("a field too many", [1, "TRB_LEDGER_LINE_INVALID"], () => ({ note: "all is well" })),
  stranger("a field missing", [1, "TRB_LEDGER_LINE_INVALID"], (lines) =>
    at(lines, 1, (line) => {
      const { votes: _, ...rest } = JSON.parse(line) as Round;
      return signed(rest, federation.coordinator);
    }),
  ),
  stranger("the tree missing", [1, "TRB_LEDGER_LINE_INVALID"], (lines) =>
    at(lines, 1, (line) => {
      const { tree: _, ...rest } = JSON.parse(line) as Round;
      return signed(rest, federation.coordinator);
    }),
  ),
  coordinator("a kind that nobody knows", [3, "TRB_LEDGER_LINE_INVALID"], () => ({ kind: "amnesty" }), true),
];
