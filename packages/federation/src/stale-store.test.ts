/** What a store from an old backup is told by, and what it has to count: against ledgers that the state machines wrote. */
import {
  type Entry,
  type EntryOf,
  emptyHead,
  headAfter,
  parseLine,
  type RosterChanges,
  signEntry,
  spentAfter,
} from "@tributary/ledger";
import { fingerprintOf, type HeadStatement, type MessageOf, type NodeId, type Sha256, signHead } from "@tributary/protocol";
import { expect, test } from "vitest";
import { speak } from "./binding.ts";
import { createWorld, nodeContext, nodeName, nodeOf, noFaults, run, type World } from "./harness.test-support.ts";
import { stepNode } from "./node.ts";
import { chargedRounds, createNode } from "./node-state.ts";
import { contextOf, crypto, hash, identity, planOf } from "./parties.test-support.ts";
import { confirmLedger, countedPeers, forgottenRound, knownRound, recoverCharges } from "./stale-store.ts";

const self = nodeName(0);
const nonce = "ab".repeat(32);
const codeOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return "accepted";
};

/** A federation whose three rounds are over. */
async function finished(): Promise<World> {
  const world = createWorld();
  await run(world);
  await run({ ...world, finished: false }, noFaults, world.queue.length); // news of the end
  return world;
}

const entriesOf = (world: World): Entry[] => world.coordinator.ledger.map(parseLine);
const memberOf = ({ plan, roster }: World) => ({ self, plan, roster, rosterChanges: [], settledRound: 0 });
const nothing = { lastRound: 0, remembersVote: () => false };

/** What this node states to the nonce, or says otherwise. */
function head(world: World, name: NodeId, changes: Partial<HeadStatement> = {}, asked = nonce): HeadStatement {
  const { state } = nodeOf(world, world.nodes.some(({ id }) => id === name) ? name : self);
  const { entries, hash: last } = state.head;
  const { sign } = identity(changes.signature ?? name);
  const says = { node: name, entries, head: last, round: state.lastRound, ...changes };
  const { signature: _, ...unsigned } = { signature: "", ...says };
  return signHead({ sign }, world.plan.federation, asked, unsigned);
}

function confirm(world: World, heads: readonly HeadStatement[], shown = world.coordinator.ledger.length, trusted?: string[]) {
  const { state } = nodeOf(world, self);
  const policy = trusted === undefined ? state.policy : { ...state.policy, trustedPeers: trusted as Sha256[] };
  const entries = entriesOf(world);
  const hashAfter = (count: number) => entries[count]?.previous ?? state.head.hash;
  return confirmLedger({ entries: shown, hashAfter }, { nonce, heads }, { ...memberOf(world), policy }, crypto);
}

test("a store that remembers its rounds has forgotten none; one from before them is told by each of them", async () => {
  const world = await finished();
  const { state } = nodeOf(world, self);
  const entries = entriesOf(world);
  const remembering = { lastRound: state.lastRound, remembersVote: () => true };
  for (const entry of entries) expect(forgottenRound(entry, memberOf(world), remembering, crypto)).toBeUndefined();
  expect(entries.map((entry) => forgottenRound(entry, memberOf(world), nothing, crypto))).toEqual([
    undefined,
    1,
    2,
    3,
    undefined,
  ]);
  // of the second round on, although the backup is from after the first
  const first = { lastRound: 1, remembersVote: (round: number) => round === 1 };
  expect(entries.map((entry) => forgottenRound(entry, memberOf(world), first, crypto))).toEqual([
    undefined,
    undefined,
    2,
    3,
    undefined,
  ]);
});

test("a vote of its own that a store did not cast is its own only if it signed it", async () => {
  const world = await finished();
  const entry = entriesOf(world).find(({ kind }) => kind === "round");
  if (entry?.kind !== "round") throw new Error("no round");
  const elsewhere = { lastRound: 3, remembersVote: () => false };
  const voted = { ...entry, votes: entry.votes.filter(({ node }) => node === self) };
  const own = { ...voted, votes: [{ node: self, signature: voteOf(world, 1) }] };
  expect(forgottenRound(own, memberOf(world), elsewhere, crypto)).toBe(1);
  const other = entry.votes.find(({ node }) => node !== self);
  if (other === undefined) throw new Error("no vote");
  const forged = { ...entry, votes: [{ ...other, node: self }] };
  expect(forgottenRound(forged, memberOf(world), elsewhere, crypto)).toBeUndefined();
});

/** The signature under this node's vote in a round. */
function voteOf(world: World, round: number) {
  const said = world.journal.said.get(`${self}/${round}/vote`) ?? "";
  return JSON.parse(Buffer.from(said, "hex").toString("utf8")).signature;
}

test("a store is told by a cohort without a vote, and by a vote without a cohort; a vote that nobody can rebuild tells nothing", async () => {
  const world = await finished();
  // not the first of the roster, nor of the votes
  const id = nodeName(1);
  const member = { ...memberOf(world), self: id };
  const entry = entriesOf(world).find((one): one is EntryOf<"round"> => one.kind === "round");
  if (entry === undefined) throw new Error("no round");
  const told = (changed: object, memory: { lastRound: number } = { lastRound: 9 }, who = member) =>
    forgottenRound({ ...entry, ...changed } as unknown as Entry, who, { remembersVote: () => false, ...memory }, crypto);
  expect(told({ votes: [] }, { lastRound: 0 })).toBe(1);
  expect(told({ votes: [] }, { lastRound: 1 })).toBeUndefined();
  expect(entry.votes.map(({ node }) => node).indexOf(id)).toBe(1);
  expect(told({})).toBe(1);
  // of an abort
  const { state } = nodeOf(world, id);
  const bound = { plan: world.plan, planHash: entry.planHash, modelHash: entry.modelHash, round: 1 };
  const voteFor = (body: object): MessageOf<"vote"> =>
    speak(nodeContext(nodeOf(world, id)), bound, id, "vote", body as MessageOf<"vote">["body"]);
  const aborted = (vote: MessageOf<"vote">, changes: object = {}) => ({
    ...{ kind: "aborted", survivors: undefined, sharers: undefined, votes: [{ node: id, signature: vote.signature }] },
    ...changes,
  });
  const forAbort = voteFor({ h1: entry.h1, choice: { for: "abort" } });
  expect(told(aborted(forAbort))).toBe(1);
  expect(told(aborted(forAbort, { cohort: undefined }))).toBe(1);
  expect(told(aborted(forAbort, { cohort: undefined, votes: [] }))).toBeUndefined();
  expect(told(aborted(forAbort, { votes: [] }), { lastRound: 0 })).toBe(1);
  expect(told(aborted(voteFor({ h1: entry.h1, choice: { for: "elsewhere" } })))).toBeUndefined();
  // without h₁ there is nothing to vote on, whatever was signed
  expect(told(aborted(voteFor({ h1: null, choice: { for: "abort" } }), { h1: null }))).toBeUndefined();
  // and who is in no roster has no key
  const stranger = "node-zz" as NodeId;
  const strangers = [{ node: stranger, signature: forAbort.signature }];
  expect(told({ votes: strangers }, { lastRound: 9 }, { ...member, self: stranger })).toBeUndefined();
  expect(state.lastRound).toBe(3);
});

test("peers are those of the next round, and a key counts that is in force in it, or announced; trust in an earlier key holds", async () => {
  const world = await finished();
  const [b, c] = [nodeName(1), nodeName(2)];
  const [second, third] = [identity("second key"), identity("third key")];
  const admitted = "node-new" as NodeId;
  const change = (node: NodeId, key: string, from: number) => ({ member: { node, key }, from, entry: 1 });
  const rosterChanges = [
    change(b, second.key, 4),
    change(b, third.key, 9),
    change(admitted, identity(admitted).key, 4),
  ] as unknown as RosterChanges;
  const { policy, head: own } = nodeOf(world, self).state;
  const at = (settledRound: number) => ({ ...memberOf(world), rosterChanges, settledRound });
  const anybody = { ...policy, trustedPeers: [] };
  expect(countedPeers(at(3), anybody, crypto)).toContain(admitted);
  expect(countedPeers(at(2), anybody, crypto)).not.toContain(admitted);
  const first = fingerprintOf(crypto, identity(b).key);
  expect(countedPeers(at(3), { ...policy, trustedPeers: [first] }, crypto)).toEqual([b]);
  const says = (key: { readonly sign: (message: Uint8Array) => Uint8Array }, node: NodeId) =>
    signHead({ sign: key.sign }, world.plan.federation, nonce, { node, entries: own.entries, head: own.hash, round: 3 });
  const confirmed = (key: Parameters<typeof says>[0]) => {
    const shown = { entries: own.entries, hashAfter: () => own.hash };
    const heads = [says(key, b), says(identity(c), c)];
    return codeOf(() => confirmLedger(shown, { nonce, heads }, { ...at(3), policy: anybody }, crypto));
  };
  expect([second, third, identity(b)].map(confirmed)).toEqual(["accepted", "accepted", "TRB_NODE_PEERS_MISSING"]);
});

test("what is kept back is told by who knows most of it, and nothing is asked of what is not shown", async () => {
  const world = await finished();
  const { state } = nodeOf(world, self);
  const entries = entriesOf(world);
  const member = { ...memberOf(world), policy: state.policy };
  const more = head(world, nodeName(1), { entries: 4, head: entries[4]?.previous as Sha256 });
  const most = head(world, nodeName(2));
  const hashAfter = (count: number) => {
    if (count > 2) throw new Error("nobody has shown that");
    return entries[count]?.previous as Sha256;
  };
  for (const heads of [
    [more, most],
    [most, more],
  ]) {
    expect(() => confirmLedger({ entries: 2, hashAfter }, { nonce, heads }, member, crypto)).toThrow(
      expect.objectContaining({
        code: "TRB_NODE_LEDGER_WITHHELD",
        details: { shown: 2, entries: 5, node: nodeName(2), head: state.head.hash },
      }),
    );
  }
});

test("maxCorrupt + 1 genuine, fresh heads of counted peers confirm a ledger; replays, strangers and forgeries are none", async () => {
  const world = await finished();
  const [b, c, d] = [nodeName(1), nodeName(2), nodeName(3)];
  expect(confirm(world, [head(world, b), head(world, c)])).toEqual({ heads: 2, round: 3 });
  for (const useless of [
    head(world, b),
    head(world, self),
    head(world, c, {}, "cd".repeat(32)), // answered somebody else, or long ago
    head(world, d, { signature: "coordinator" as never }), // made up by who passes it on
    head(world, "node-z" as NodeId, { entries: 99 }),
  ]) {
    expect(codeOf(() => confirm(world, [head(world, b), useless]))).toBe("TRB_NODE_PEERS_MISSING");
  }
  // named peers alone count where peers are named, all others of the roster where none is
  const { policy } = nodeOf(world, self).state;
  const [first = ""] = policy.trustedPeers.slice(1);
  expect(codeOf(() => confirm(world, [head(world, b), head(world, c)], undefined, [first]))).toBe("TRB_NODE_PEERS_MISSING");
  expect(confirm(world, [head(world, b), head(world, c)], undefined, [])).toMatchObject({ heads: 2 });
  const counted = countedPeers(memberOf(world), { ...policy, trustedPeers: [] }, crypto);
  expect(counted).toEqual([b, c, d, nodeName(4)]);
});

test("entries that the coordinator keeps back, or shows otherwise, are known to the peers", async () => {
  const world = await finished();
  const heads = [head(world, nodeName(1)), head(world, nodeName(2))];
  const withheld = { code: "TRB_NODE_LEDGER_WITHHELD", details: { shown: 2, node: nodeName(1) } };
  expect(() => confirm(world, heads, 2)).toThrow(
    expect.objectContaining({ ...withheld, details: expect.objectContaining(withheld.details) }),
  );
  const [, c] = heads;
  const forked = head(world, nodeName(1), { entries: 2, head: hash("another line") });
  const details = expect.objectContaining({
    entry: 1,
    others: [nodeName(1)],
    agreeing: [expect.stringContaining(nodeName(2))],
  });
  expect(() => confirm(world, [c ?? forked, forked])).toThrow(
    expect.objectContaining({ code: "TRB_NODE_LEDGER_FORKED", details }),
  );
  // a fork is told even where somebody holds more than is shown
  const early = head(world, nodeName(1), { entries: 1, head: hash("another line") });
  expect(codeOf(() => confirm(world, [early, c ?? early], 2))).toBe("TRB_NODE_LEDGER_FORKED");
  // a peer that is behind confirms as far as it goes
  const behind = head(world, nodeName(1), { entries: 2, head: entriesOf(world)[2]?.previous as Sha256 });
  expect(confirm(world, [behind, c ?? behind])).toMatchObject({ heads: 2 });
});

test("a recovered store counts what the ledger does, and its state machine goes on from there without a round more", async () => {
  const world = await finished();
  const { plan } = world;
  const entries = entriesOf(world);
  const { state } = nodeOf(world, self);
  const { charges, lastRound, votes } = recoverCharges(entries, { self, plan }, { charges: [], lastRound: 0 }, 0);
  expect(charges.map(({ round, standing }) => [round, standing])).toEqual([1, 2, 3].map((round) => [round, "final"]));
  expect(lastRound).toBe(3);
  expect(votes).toEqual([1, 2, 3].map((round) => ({ round, choice: "survivors", signature: voteOf(world, round) })));
  // of another than the first of the voters
  const second = recoverCharges(entries, { self: nodeName(1), plan }, { charges: [], lastRound: 0 }, 0);
  expect(second.votes.map(({ signature }) => signature)).not.toEqual(votes.map(({ signature }) => signature));
  expect(second.votes).toHaveLength(3);
  // a backup from within the third round: only that one may have been paid for since; and what is settled is not open
  const late = recoverCharges(entries, { self, plan }, { charges: [], lastRound: 3 }, 3);
  expect([late.charges.map(({ round }) => round), late.lastRound]).toEqual([[3], 3]);
  expect(recoverCharges(entries, { self, plan }, state, 0).charges).toEqual([]);

  const [genesis] = entries;
  if (genesis?.kind !== "genesis") throw new Error("no genesis");
  const begun = createNode({
    self,
    genesis,
    head: headAfter(crypto, emptyHead, world.coordinator.ledger[0] ?? ""),
    policy: state.policy,
  });
  const { state: followed } = stepNode(
    { ...begun, charges, lastRound },
    { type: "ledger", lines: world.coordinator.ledger.slice(1) },
    nodeContext(nodeOf(world, self)),
  );
  expect(chargedRounds(followed)).toEqual(chargedRounds(state));
  expect(followed.head).toEqual(state.head);
});

test("a claimed abort, a planted retry and a round that is still open are counted; what a quorum refunds is not", async () => {
  const world = createWorld({ rounds: 8 });
  const { plan } = world;
  const { sign, key } = identity("coordinator");
  const cohort = [0, 1, 2, 3, 4].map(nodeName);
  const vote = (node: NodeId) => ({ node, signature: "0".repeat(128) as never });
  const aborted = (round: number, changes: object) => {
    const { entry } = signEntry(contextOf({ sign, key, secret: new Uint8Array() }, "c"), {
      ...{
        index: round,
        previous: hash("line"),
        tree: hash("tree"),
        software: hash("software"),
        at: "2026-01-01T00:00:00.000Z",
        kind: "aborted",
        round,
        release: 0,
      },
      ...{ planHash: hash("plan"), modelHash: hash("model"), code: "TRB_ROUND_ABORT_VOTED", step: "masked", charged: false },
      ...{ votes: [], h1: hash("h1"), spent: spentAfter(plan, [0]), ...changes },
    });
    return entry;
  };
  const entries = [
    aborted(1, { cohort, charged: true }),
    aborted(2, { cohort }), // claimed: nobody voted
    aborted(3, { step: "shares", h1: null }), // of whom, it doesn't say
    aborted(8, { step: "keys", h1: null }), // too few came
    aborted(4, { cohort, votes: cohort.slice(0, 3).map(vote) }), // one vote short of a quorum
    aborted(5, { cohort, votes: cohort.slice(0, 4).map(vote) }),
    aborted(6, { cohort: cohort.slice(1) }), // without this node
  ];
  const { charges, lastRound } = recoverCharges(entries, { self, plan }, { charges: [], lastRound: 1 }, 9);
  expect(charges.map(({ round }) => round)).toEqual([1, 2, 3, 4, 9]);
  expect(charges.every(({ standing }) => standing === "final")).toBe(true);
  expect(lastRound).toBe(9);
  const unknown = { cohort: [], h1: "0".repeat(64) };
  expect(charges[0]).toMatchObject({ cohort, h1: hash("h1"), release: 0 });
  expect(charges[2]).toMatchObject(unknown);
  expect(charges[4]).toMatchObject(unknown);
  const withVotes = recoverCharges(entries, { self, plan }, { charges: [], lastRound: 1 }, 9).votes;
  expect(withVotes.map(({ round, choice }) => [round, choice])).toEqual([
    [4, "abort"],
    [5, "abort"],
  ]);
  // a retry of a round that was counted is never accepted again
  const party = nodeOf(world, self);
  await run(world, noFaults, 1);
  const offer = world.queue.find(({ to, event }) => to === self && event.type === "message")?.event;
  if (offer?.type !== "message") throw new Error("no offer");
  expect(codeOf(() => stepNode({ ...party.state, charges, lastRound }, offer, nodeContext(party)))).toBe("TRB_ROUND_REPLAYED");
});

test("a peer knows a round once it has its cohort, not while the round waits for anybody's keys; one number ahead is believed", () => {
  const round = (number: number, h1: Sha256 | null) => ({ number, h1 }) as never;
  expect(knownRound({ round: null, lastRound: 4 })).toBe(4);
  expect(knownRound({ round: round(5, null), lastRound: 5 })).toBe(4);
  expect(knownRound({ round: round(5, hash("h1")), lastRound: 5 })).toBe(5);
  expect(knownRound({ round: round(4, null), lastRound: 5 })).toBe(5); // one that it has left behind
  const plan = planOf(identity("coordinator").key);
  const far = recoverCharges([], { self, plan }, { charges: [], lastRound: 4 }, 10 ** 15);
  expect(far).toMatchObject({ charges: [{ round: 5 }], lastRound: 5 });
});

test("an open round is counted at the price of the dearest release that has one left", () => {
  const { key } = identity("coordinator");
  const base = planOf(key);
  const [training] = base.releases;
  if (training === undefined) throw new Error("no release");
  const [cheap, dear] = [
    { ...training, noiseMultiplier: "4" as never },
    { ...training, noiseMultiplier: "1" as never },
  ];
  const plan = { ...base, releases: [cheap, dear] };
  const open = (charged: readonly number[]) => {
    const entry = { kind: "aborted", round: 1, release: 0, charged: false, cohort: [], votes: [], spent: { charged } };
    return recoverCharges([entry as unknown as Entry], { self, plan }, { charges: [], lastRound: 0 }, 2).charges;
  };
  expect(open([0, 0])).toMatchObject([{ round: 2, release: 1 }]);
  expect(open([0, dear.rounds])).toMatchObject([{ round: 2, release: 0 }]);
  // in whichever place it stands, and however little it costs
  const little = { ...training, samplingRate: "0.0001" as never };
  const [less, least] = [little, { ...little, noiseMultiplier: "40" as never }];
  for (const [releases, release] of [
    [[dear, cheap], 0],
    [[least, less], 1],
    [[less, least], 0],
  ] as const) {
    const entry = { kind: "aborted", round: 1, release: 0, charged: false, cohort: [], votes: [], spent: { charged: [0, 0] } };
    const cheaper = { ...base, releases: [...releases] };
    const { charges } = recoverCharges([entry as unknown as Entry], { self, plan: cheaper }, { charges: [], lastRound: 0 }, 2);
    expect(charges).toMatchObject([{ round: 2, release }]);
  }
  expect(Number(spentAfter({ ...base, releases: [less, least] }, [1, 0]).epsilon)).toBeLessThan(1);
});
