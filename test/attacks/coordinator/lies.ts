/**
 * What a lying coordinator says to one node in the middle of honest rounds, each beside the honest message that it replaces or follows, and the code that the
 * node refuses it by. Everything is signed with the coordinator's own key: a lie that anybody else could tell is not worth a line here.
 */
import {
  type AgreementKey,
  hashOf,
  type Message,
  type MessageOf,
  type NodeId,
  type Sha256,
  type StepName,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { Liar } from "./between.ts";

export interface Lie {
  /** As the threat model has it. */
  readonly what: string;
  /** In which round, at which honest message. */
  readonly round: number;
  readonly step: StepName;
  /** Whether the honest message comes first. */
  readonly after: boolean;
  readonly codes: readonly string[];
  /** @param honest the message that is on its way. @param earlier all that this node was told honestly before */
  readonly tell: (liar: Liar, honest: Message, earlier: readonly Message[]) => unknown;
}

const hash = (digit: string) => digit.repeat(64) as Sha256;

function lie<Step extends StepName>(
  what: string,
  [round, step, order]: readonly [number, Step, "before" | "after"],
  codes: string | readonly string[],
  tell: (liar: Liar, honest: MessageOf<Step>, earlier: readonly Message[]) => unknown,
): Lie {
  return {
    ...{ what, round, step, after: order === "after", codes: typeof codes === "string" ? [codes] : codes },
    tell: (liar, honest, earlier) => tell(liar, honest as MessageOf<Step>, earlier),
  };
}

function told<Step extends StepName>(earlier: readonly Message[], step: Step, round: number): MessageOf<Step> {
  const found = earlier.findLast((message) => message.step === step && message.round === round);
  if (found === undefined) throw new Error(`${step} of round ${round} was never said`);
  return found as MessageOf<Step>;
}

/** @param self whom they are told to. @param other another member, whom the lies are about */
export function liesTo(self: NodeId, other: NodeId): readonly Lie[] {
  type Adverts = MessageOf<"adverts">["body"]["adverts"];
  const changed = (adverts: Adverts, liar: Liar, body: object) =>
    adverts.map((one) => (one.sender === other ? liar.forge(one, {}, body) : one));
  const without = (nodes: readonly NodeId[], gone: NodeId) => nodes.filter((node) => node !== gone);
  return [
    lie("an offer of another plan", [1, "offer", "before"], "TRB_ROUND_PLAN_MISMATCHED", (liar, offer) =>
      liar.forge(offer, { planHash: hash("1") }),
    ),
    lie("an offer to train another model", [1, "offer", "before"], "TRB_ROUND_MODEL_MISMATCHED", (liar, offer) =>
      liar.forge(offer, { modelHash: hash("2") }),
    ),
    lie("an offer of a release that the plan hasn't", [1, "offer", "before"], "TRB_ROUND_RELEASE_UNKNOWN", (liar, offer) =>
      liar.forge(offer, {}, { release: 7 }),
    ),
    lie("an offer on a ledger of its own making", [1, "offer", "before"], "TRB_ROUND_LEDGER_BEHIND", (liar, offer) =>
      liar.forge(offer, {}, { head: hash("3") }),
    ),
    lie("another node's key, swapped for its own", [1, "adverts", "before"], "TRB_ROUND_SIGNATURE_INVALID", (liar, adverts) =>
      liar.forge(
        adverts,
        {},
        { adverts: changed(adverts.body.adverts, liar, { maskKey: hash("5") as string as AgreementKey }) },
      ),
    ),
    lie("this node's own key, swapped", [1, "adverts", "before"], "TRB_SECAGG_OWN_ADVERT_CHANGED", (liar, adverts) => {
      const { adverts: all } = adverts.body;
      const mine = all.map((one) => (one.sender === self ? liar.forge(one, {}, { encryptionKey: hash("6") }) : one));
      return liar.forge(adverts, {}, { adverts: mine });
    }),
    lie("a cohort of fewer than the plan's least", [1, "adverts", "before"], "TRB_ROUND_COHORT_TOO_SMALL", (liar, adverts) => {
      const own = adverts.body.adverts.filter(({ sender }) => sender === self);
      return liar.forge(adverts, {}, { adverts: own });
    }),
    lie("a member that no roster has", [1, "adverts", "before"], "TRB_ROUND_SENDER_UNKNOWN", (liar, adverts) => {
      const { adverts: all } = adverts.body;
      const stranger = all.flatMap((one) => (one.sender === other ? [liar.forge(one, { sender: "zeta" })] : []));
      return liar.forge(adverts, {}, { adverts: [...all, ...stranger] });
    }),
    lie("a second cohort for the same round", [1, "adverts", "after"], "TRB_SECAGG_TRANSCRIPT_MISMATCHED", (liar, adverts) =>
      liar.forge(adverts, {}, { adverts: adverts.body.adverts.filter(({ sender }) => sender !== other) }),
    ),
    lie(
      "neighbours of its choice, where the plan draws none",
      [1, "adverts", "after"],
      "TRB_ROUND_STEP_UNEXPECTED",
      (liar, adverts) => {
        const { adverts: all } = adverts.body;
        return liar.say(adverts, "reveals", { h1: hashOf(nodeCrypto(), all), reveals: all.map(() => hash("7")) });
      },
    ),
    lie("a second set of sharers", [1, "envelopes", "after"], "TRB_SECAGG_SHARERS_CHANGED", (liar, told) => {
      const { sharers, envelopes } = told.body;
      const fewer = envelopes.filter(({ from }) => from !== other);
      return liar.forge(told, {}, { sharers: without(sharers, other), envelopes: fewer });
    }),
    lie("a request for shares before any vote", [1, "survivors", "before"], "TRB_ROUND_STEP_UNEXPECTED", (liar, survivors) => {
      const { h1, survivors: all } = survivors.body;
      return liar.say(survivors, "unmask", { h1, survivors: all, votes: [] });
    }),
    lie("survivors without this node", [1, "survivors", "before"], "TRB_SECAGG_SURVIVORS_NOT_SUBSET", (liar, survivors) =>
      liar.forge(survivors, {}, { survivors: without(survivors.body.survivors, self) }),
    ),
    lie("this node as the only survivor", [1, "survivors", "before"], "TRB_SECAGG_TOO_FEW_SURVIVORS", (liar, survivors) =>
      liar.forge(survivors, {}, { survivors: [self] }),
    ),
    lie("a second set of survivors", [1, "survivors", "after"], "TRB_SECAGG_SECOND_SURVIVOR_SET", (liar, survivors) =>
      liar.forge(survivors, {}, { survivors: without(survivors.body.survivors, other) }),
    ),
    lie("unmasking without a quorum of votes", [1, "unmask", "before"], "TRB_SECAGG_TOO_FEW_VOTES", (liar, unmask) =>
      liar.forge(unmask, {}, { votes: unmask.body.votes.slice(0, 1) }),
    ),
    lie("unmasking by one vote, many times", [1, "unmask", "before"], "TRB_SECAGG_TOO_FEW_VOTES", (liar, unmask) =>
      liar.forge(unmask, {}, { votes: unmask.body.votes.map(() => unmask.body.votes[0]) }),
    ),
    lie("unmasking by votes of its own making", [1, "unmask", "before"], "TRB_ROUND_SIGNATURE_INVALID", (liar, unmask) =>
      liar.forge(unmask, {}, { votes: unmask.body.votes.map(({ node }) => ({ node, signature: unmask.signature })) }),
    ),
    lie(
      "the other secret of a node whose first one was given",
      [1, "unmask", "after"],
      "TRB_SECAGG_UNMASK_SET_DIFFERS",
      (liar, unmask) => liar.forge(unmask, {}, { survivors: without(unmask.body.survivors, other) }),
    ),
    lie("a round's offer, again", [2, "offer", "before"], ["TRB_ROUND_REPLAYED"], (_, __, earlier) =>
      told(earlier, "offer", 1),
    ),
    lie("an older ledger", [2, "offer", "before"], "TRB_ROUND_LEDGER_BEHIND", (liar, offer, earlier) =>
      liar.forge(offer, {}, { head: told(earlier, "offer", 1).body.head }),
    ),
    lie("the cohort of an earlier round", [2, "adverts", "before"], ["TRB_ROUND_NOT_CURRENT"], (_, __, earlier) =>
      told(earlier, "adverts", 1),
    ),
    lie(
      "an earlier round's keys in this round",
      [2, "adverts", "before"],
      ["TRB_ROUND_NOT_CURRENT", "TRB_SECAGG_OWN_ADVERT_CHANGED"],
      (liar, adverts, earlier) => liar.forge(adverts, {}, told(earlier, "adverts", 1).body),
    ),
    lie("an earlier round's request for shares", [2, "survivors", "after"], ["TRB_ROUND_NOT_CURRENT"], (_, __, earlier) =>
      told(earlier, "unmask", 1),
    ),
    lie(
      "an earlier round's votes for this round's shares",
      [2, "survivors", "after"],
      ["TRB_ROUND_SIGNATURE_INVALID"],
      (liar, survivors, earlier) => {
        const { h1, survivors: all } = survivors.body;
        return liar.say(survivors, "unmask", { h1, survivors: all, votes: told(earlier, "unmask", 1).body.votes });
      },
    ),
    lie(
      "a round beyond the plan's",
      [2, "result", "after"],
      ["TRB_ROUND_RELEASE_SPENT", "TRB_ROUND_LEDGER_CLOSED"],
      (liar, result, earlier) => {
        const { nextModelHash } = JSON.parse(result.body.entry) as { nextModelHash: Sha256 };
        const head = liar.hashOfLine(result.body.entry);
        return liar.forge(told(earlier, "offer", 2), { round: 3, modelHash: nextModelHash }, { head });
      },
    ),
  ];
}

/** What an entry of a round may claim: each ends the node that is shown it, so that nobody goes on with a ledger like that. */
export const falseEntries: readonly { readonly what: string; readonly change: Parameters<Liar["forgeLine"]>[1] }[] = [
  { what: "an entry that understates ε", change: ({ spent }) => ({ spent: { ...spent, epsilon: "0.001" } }) },
  {
    what: "an entry that doesn't count the round",
    change: ({ spent }) => ({ spent: { ...spent, charged: spent.charged.map(() => 0) } }),
  },
  {
    what: "an entry with less noise than the plan's",
    change: ({ mechanism }) => ({ mechanism: { ...mechanism, nodeVariance: "16" } }),
  },
  { what: "an entry for which too few voted", change: ({ votes }) => ({ votes: votes.slice(0, 1) }) },
];
