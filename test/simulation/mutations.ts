/**
 * Bugs that are planted to see whether the search finds them: each takes one rule of DESIGN §5 out of the reducers, by replacing source text
 * as it is loaded. A text that isn't there exactly once is a mistake of this list, and said so.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { largestFullGraph } from "./scenario.ts";

export interface Mutation {
  readonly name: string;
  /** What it breaks, in words. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
}

interface Edit {
  /** From the repository's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const steps = (name: string) => `packages/federation/src/steps/${name}.ts`;

const bug = (name: string, breaks: string, file: string, find: string, replace: string): Mutation => ({
  name,
  breaks,
  edits: [{ file, find, replace }],
});

export const mutations: readonly Mutation[] = [
  bug(
    "vote-persisted-after-send",
    "a vote leaves before it is on disk",
    steps("consistency"),
    `      { type: "persist" }, // before the vote leaves: a restart must not vote for another set
      ...(round.uploaded ? [] : [{ type: "eraseVector", round: round.number } as const]), // being in U3, it arrived
      { type: "send", message: vote },`,
    `      { type: "send", message: vote },
      ...(round.uploaded ? [] : [{ type: "eraseVector", round: round.number } as const]), // being in U3, it arrived
      { type: "persist" },`,
  ),
  bug(
    "upload-before-persist",
    "a masked vector is promised before it is on disk with its charge",
    steps("masked"),
    `      { type: "persist", charge: { round: number, release }, vector: y },
      { type: "upload", message: masked },`,
    `      { type: "upload", message: masked },
      { type: "persist", charge: { round: number, release }, vector: y },`,
  ),
  bug(
    "shares-released-before-persist",
    "after a restart a node may release other shares",
    steps("unmask"),
    `      { type: "persist" }, // before a share leaves: a restart must not release the other one
      { type: "eraseSecrets", round: round.number },
      { type: "send", message: unmaskShares },`,
    `      { type: "send", message: unmaskShares },
      { type: "persist" },
      { type: "eraseSecrets", round: round.number },`,
  ),
  bug(
    "quorum-one-less",
    "two sets can both reach a quorum",
    "packages/secagg/src/cohort.ts",
    "return Math.floor((cohort + maxCorrupt) / 2) + 1;",
    "return Math.floor((cohort + maxCorrupt) / 2);",
  ),
  bug(
    "second-vote",
    "a node votes again for another set",
    steps("consistency"),
    `      throw fail("TRB_SECAGG_SECOND_SURVIVOR_SET", { round: round.number });
    }
    return { state, effects: round.phase === "voted" ? [{ type: "send", message: round.vote }] : [] };`,
    `      return agree(state, { ...round, vote: null, phase: "masked" }, message, context);
    }
    return { state, effects: round.phase === "voted" ? [{ type: "send", message: round.vote }] : [] };`,
  ),
  bug(
    "both-kinds-of-shares",
    "mask-key shares are released of survivors as well",
    steps("unmask"),
    "maskKey: held.filter(({ of }) => !survived.has(of)).map(",
    "maskKey: held.map(",
  ),
  bug(
    "unmask-without-quorum",
    "shares are released on too few votes",
    steps("unmask"),
    'if (counted < least) throw fail("TRB_SECAGG_TOO_FEW_VOTES", { votes: counted, quorum: least });',
    "",
  ),
  bug(
    "votes-counted-twice",
    "the same vote counts as often as it is shown",
    "packages/federation/src/quorum-proof.ts",
    "return new Set(votes.map(({ sender }) => sender)).size;",
    "return votes.length;",
  ),
  bug(
    "votes-unsigned",
    "votes that nobody signed count",
    "packages/federation/src/quorum-proof.ts",
    "  requireSignature(context, vote, rosterKey(ballot.roster, node));\n",
    "",
  ),
  bug(
    "adverts-unsigned",
    "keys that a node never made are taken for its",
    steps("keys"),
    "    requireSignature(context, advert, rosterKey(roster, senderNode(advert)));\n",
    "",
  ),
  {
    name: "adverts-of-other-rounds",
    breaks:
      "keys of an earlier round are taken again: two rules forbid it, the round's number and the head that was countersigned then",
    edits: [
      {
        file: steps("keys"),
        find: "    requireRound(advert, { ...bound, version: round.offer.version });\n",
        replace: "",
      },
      { file: steps("keys"), find: "    requireSameHead(round, advert);\n", replace: "" },
    ],
  },
  bug(
    "new-key-before-its-round",
    "a node signs with a key that is announced and not in force",
    "packages/federation/src/node.ts",
    "signAs(rosterKey(rosterAt(state, round), state.self), message)",
    "signAs(rosterKey(rosterAt(state, round + 1), state.self), message)",
  ),
  bug(
    "one-key-twice",
    "a node's key may be another's",
    steps("keys"),
    'if (duplicate !== undefined) throw fail("TRB_SECAGG_DUPLICATE_KEY", { round: round.number, node: duplicate });\n',
    "",
  ),
  bug(
    "trusts-everybody",
    "a sum may hide a node among the coordinator's own",
    steps("keys"),
    'if (trusted < least) throw fail("TRB_ROUND_TOO_FEW_TRUSTED", { trusted, least });',
    "",
  ),
  bug(
    "survivors-of-another-cohort",
    "h1 of the survivors is not compared",
    steps("consistency"),
    'if (round.h1 === null || h1 !== round.h1) throw fail("TRB_SECAGG_TRANSCRIPT_MISMATCHED", { step: "survivors" });',
    "",
  ),
  bug(
    "survivors-outside-sharers",
    "U3 need not be within U2",
    steps("consistency"),
    "if (!survivors.includes(self) || !isWithin(survivors, sharers)) {",
    "if (!survivors.includes(self)) {",
  ),
  bug(
    "few-survivors",
    "a sum of too few is agreed on",
    steps("consistency"),
    'if (survivors.length < least) throw fail("TRB_SECAGG_TOO_FEW_SURVIVORS", { survivors: survivors.length, least });',
    "",
  ),
  bug(
    "keys-kept-after-masking",
    "the keys of a masked vector stay on disk",
    steps("masked"),
    "secrets: { encryptionSecret: null, maskSecret: null, ownSeed: null, held: secrets.held },",
    "secrets,",
  ),
  bug(
    "shares-kept-after-release",
    "shares that were released stay on disk",
    steps("unmask"),
    'round: { ...round, phase: "unmasked", unmaskShares, secrets: null }',
    'round: { ...round, phase: "unmasked", unmaskShares }',
  ),
  bug(
    "charge-missing",
    "a masked vector costs nothing",
    steps("masked"),
    "charges: [...state.charges, charge], unpersisted",
    "charges: state.charges, unpersisted",
  ),
  bug(
    "budget-ignored",
    "rounds beyond the plan and the limit are accepted",
    steps("offer"),
    "  requireAffordable(state, offer.body.release, context.now);\n",
    "",
  ),
  bug(
    "round-number-reused",
    "a round's number is accepted again",
    steps("offer"),
    'if (offer.round <= last) throw fail("TRB_ROUND_REPLAYED", { round: offer.round, last });',
    "",
  ),
  {
    name: "vector-made-again",
    breaks: "a node that was restarted takes part in its round once more",
    edits: [
      {
        file: steps("offer"),
        find: "if (state.round !== null && sameDocument(state.round.offer, offer)) {",
        replace: 'if (state.round !== null && state.round.phase !== "left" && state.round.number === offer.round) {',
      },
      {
        file: steps("offer"),
        find: 'if (offer.round <= last) throw fail("TRB_ROUND_REPLAYED", { round: offer.round, last });',
        replace: 'if (offer.round < last) throw fail("TRB_ROUND_REPLAYED", { round: offer.round, last });',
      },
    ],
  },
  bug(
    "refund-without-quorum",
    "a claimed abort refunds",
    "packages/federation/src/ledger-copy.ts",
    'return votes >= quorum(cohort.length, state.plan.maxCorrupt) ? "refunded" : "final";',
    'return votes >= 0 ? "refunded" : "final";',
  ),
  bug(
    "late-upload-added",
    "a vector that comes after the survivors were fixed is added",
    steps("masked"),
    'if (round.phase !== "masked") throw fail("TRB_ROUND_STEP_UNEXPECTED", { step: "masked", phase: round.phase });',
    "",
  ),
  {
    name: "upload-counted-twice",
    breaks: "a vector that comes twice is added twice",
    edits: [
      {
        file: steps("masked"),
        find: "  if (messageFrom(round.uploads, senderNode(masked)) !== undefined) return { state, effects: [] };\n",
        replace: "",
      },
    ],
  },
  bug(
    "upload-acknowledged-before-persist",
    "an upload that was acknowledged is forgotten by a crash",
    steps("masked"),
    'effects: [{ type: "persist" }] }; // the node won\'t send it again',
    "effects: [] };",
  ),
  bug(
    "survivors-announced-before-persist",
    "after a crash other survivors are announced",
    steps("masked"),
    '      { type: "persist" }, // before U3 is announced: there is one U3 a round\n',
    "",
  ),
  bug(
    "entry-written-twice",
    "a round that was written down is still under way after a crash",
    steps("apply"),
    "...{ completed: state.completed + 1, announcement, round: null },",
    "...{ completed: state.completed + 1, announcement, round },",
  ),
  bug(
    "wrong-shares-believed",
    "secrets are not compared with their commitments",
    steps("unmask"),
    "? seedCommitment(crypto, candidate) === keys.seedCommitment",
    "? keys !== undefined",
  ),
  bug(
    "reveals-unchecked",
    "a graph may follow from randomness that nobody committed to",
    steps("reveal"),
    '  for (const [place, advert] of round.adverts.entries()) requireReveal(context, binding, advert, reveals[place] ?? "");\n',
    "",
  ),
  bug(
    "graph-randomness-kept",
    "a node's part of the graph's randomness stays on disk",
    steps("shares"),
    "const { graphRandomness: _, ...kept } = secrets;",
    "const kept = secrets;",
  ),
  bug(
    "masks-for-other-sharers",
    "a neighbour whose masks are for another U2 is voted for",
    steps("consistency"),
    'if (upload.body.sharersHash !== own) throw fail("TRB_SECAGG_SHARERS_DIFFER", { node, round: round.number });',
    "",
  ),
];

/**
 * Not a bug: production's rounds run on a graph of neighbours above 150 nodes, simulated ones above a handful. In place in every search.
 */
export const smallGraphs: Pick<Mutation, "edits"> = {
  edits: [
    {
      file: "packages/protocol/src/plan/graph.ts",
      find: "export const largestFullGraph = 150;",
      replace: `export const largestFullGraph = ${largestFullGraph};`,
    },
  ],
};

const root = new URL("../../", import.meta.url);

/** The file's text with the edit in it. */
function edited(text: string, { file, find, replace }: Edit): string {
  const found = text.split(find).length - 1;
  if (found !== 1) throw new Error(`${file} has ${found} places, not one, that read: ${find}`);
  return text.replace(find, () => replace);
}

/** Checks the whole list against the sources as they are. */
export function requirePlantable(): void {
  for (const { edits } of [...mutations, smallGraphs]) {
    for (const edit of edits) edited(readFileSync(new URL(edit.file, root), "utf8"), edit);
  }
}

/**
 * From now on this thread loads the mutated source. To be called before anything loads it.
 * @returns the edits that no module has asked for yet
 */
export function plant({ edits }: Pick<Mutation, "edits">): () => readonly Edit[] {
  const missing = new Set(edits);
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      const here = edits.filter(({ file }) => url === new URL(file, root).href);
      if (here.length === 0 || loaded.source === undefined || loaded.source === null) return loaded;
      let text = typeof loaded.source === "string" ? loaded.source : new TextDecoder().decode(loaded.source);
      for (const edit of here) {
        text = edited(text, edit);
        missing.delete(edit);
      }
      return { ...loaded, source: text };
    },
  });
  return () => [...missing];
}
