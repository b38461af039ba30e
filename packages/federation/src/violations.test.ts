/**
 * A coordinator that lies, and what an honest node says to each lie: a code, and nothing else. The state stays as it was, so
 * that the honest message is still taken afterwards.
 */
import { isTributaryError } from "@tributary/errors";
import { parseLine, signEntry } from "@tributary/ledger";
import {
  type AgreementKey,
  type Decimal,
  type Message,
  type MessageOf,
  type NodeId,
  type Sha256,
  type StepName,
  signMessage,
} from "@tributary/protocol";
import { describe, expect, test } from "vitest";
import {
  createWorld,
  nodeContext,
  nodeName,
  nodeOf,
  noFaults,
  run,
  stepAtNode,
  type World,
  type WorldOptions,
} from "./harness.test-support.ts";
import { stepNode } from "./node.ts";
import { type Identity, identity } from "./parties.test-support.ts";

const self = nodeName(0);
const hash = (digit: string) => digit.repeat(64) as Sha256;

/** Runs honestly until this node is about to hear this step of this round; the message is taken off the wire. */
async function until<Step extends StepName>(world: World, step: Step, round = 1, id: NodeId = self): Promise<MessageOf<Step>> {
  for (let deliveries = 0; deliveries < 3000; deliveries++) {
    const place = world.queue.findIndex(
      ({ to, event }) => to === id && event.type === "message" && event.message.step === step && event.message.round === round,
    );
    const [found] = place < 0 ? [] : world.queue.splice(place, 1);
    if (found?.event.type === "message") return found.event.message as MessageOf<Step>;
    await run(world, noFaults, 1);
  }
  throw new Error(`${step} never came`);
}

/** The message with changes, signed again by whoever lies. */
function forge<Step extends StepName>(
  message: MessageOf<Step>,
  changes: object,
  body: object = {},
  by: Identity = identity("coordinator"),
): MessageOf<Step> {
  const { signature: _, ...unsigned } = { ...message, ...changes, body: { ...message.body, ...body } };
  return signMessage(by, unsigned as unknown as Parameters<typeof signMessage<Step>>[1]);
}

function refusal(world: World, message: Message, id: NodeId = self): string {
  const party = nodeOf(world, id);
  const before = JSON.stringify(party.state);
  try {
    stepNode(party.state, { type: "message", message }, nodeContext(party));
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    expect(JSON.stringify(party.state)).toBe(before);
    return error.code;
  }
  return "accepted";
}

describe("an offer", () => {
  test.each<[string, object, object, string]>([
    ["of another plan", { planHash: hash("1") }, {}, "TRB_ROUND_PLAN_MISMATCHED"],
    ["of another federation", { federation: "other" }, {}, "TRB_ROUND_WRONG_FEDERATION"],
    ["in another protocol version", { version: "2.0" }, {}, "TRB_ROUND_VERSION_UNKNOWN"],
    ["with a tampered model hash", { modelHash: hash("2") }, {}, "TRB_ROUND_MODEL_MISMATCHED"],
    ["on another ledger", {}, { head: hash("3") }, "TRB_ROUND_LEDGER_BEHIND"],
    ["of a release that the plan hasn't", {}, { release: 7 }, "TRB_ROUND_RELEASE_UNKNOWN"],
    ["from a node", { sender: "node-b" }, {}, "TRB_ROUND_SENDER_UNEXPECTED"],
  ])("%s is refused", async (_, changes, body, code) => {
    const world = createWorld();
    const offer = await until(world, "offer");
    expect(refusal(world, forge(offer, changes, body))).toBe(code);
    expect(refusal(world, offer)).toBe("accepted");
  });

  test("that somebody else signed is refused", async () => {
    const world = createWorld();
    const offer = await until(world, "offer");
    expect(refusal(world, forge(offer, {}, {}, identity("node-b")))).toBe("TRB_ROUND_SIGNATURE_INVALID");
    expect(refusal(world, { ...offer, round: 2 })).toBe("TRB_ROUND_SIGNATURE_INVALID");
  });

  test.each<[string, WorldOptions, string]>([
    ["plan above the node's limit", { policy: { maxEpsilon: "7.9" as Decimal } }, "TRB_POLICY_PLAN_ABOVE_LIMIT"],
    [
      "plan that understates its cost",
      { plan: { epsilon: "0.01" as Decimal }, policy: { maxEpsilon: "0.02" as Decimal } },
      "TRB_POLICY_EPSILON_EXCEEDED",
    ],
    ["plan whose coordinator adds the noise", { plan: { noiseMode: "central" } }, "TRB_PLAN_CENTRAL_NOISE"],
    ["delta above the node's limit", { policy: { delta: "0.0000001" as Decimal } }, "TRB_POLICY_DELTA_TOO_LARGE"],
    ["minimum cohort below the node's limit", { policy: { minCohort: 5 } }, "TRB_POLICY_COHORT_TOO_SMALL"],
    ["kind of release that isn't permitted", { policy: { releases: [] } }, "TRB_POLICY_RELEASE_FORBIDDEN"],
  ])("under a %s is refused before anything is computed", async (_, options, code) => {
    const world = createWorld(options);
    expect(refusal(world, await until(world, "offer"))).toBe(code);
  });

  test("that is replayed, or comes twice with different words, is refused", async () => {
    const world = createWorld();
    const offer = await until(world, "offer");
    stepAtNode(world, nodeOf(world, self), { type: "message", message: offer }, noFaults);
    expect(refusal(world, forge(offer, {}, { head: hash("4") }))).toBe("TRB_ROUND_REPLAYED");
    expect(refusal(world, offer)).toBe("accepted"); // the same bytes get the same advert
    await until(world, "offer", 2);
    expect(refusal(world, offer)).toBe("TRB_ROUND_REPLAYED");
    expect(refusal(world, forge(offer, {}, { head: nodeOf(world, self).state.head.hash }))).toBe("TRB_ROUND_REPLAYED");
  });

  test("beyond the plan's rounds, or after the end, is refused", async () => {
    const world = createWorld({ rounds: 1 });
    const offer = await until(world, "offer");
    stepAtNode(world, nodeOf(world, self), { type: "message", message: offer }, noFaults);
    const closing = await until(world, "result").then(async (result) => {
      stepAtNode(world, nodeOf(world, self), { type: "message", message: result }, noFaults);
      return until(world, "result");
    });
    const { head, modelHash } = nodeOf(world, self).state;
    const fourth = forge(offer, { round: 2, modelHash }, { head: head.hash });
    expect(refusal(world, fourth)).toBe("TRB_ROUND_RELEASE_SPENT");
    stepAtNode(world, nodeOf(world, self), { type: "message", message: closing }, noFaults);
    expect(refusal(world, fourth)).toBe("TRB_ROUND_LEDGER_CLOSED");
  });
});

describe("the adverts", () => {
  type Adverts = MessageOf<"adverts">["body"]["adverts"];
  const liar = nodeName(1);
  const replaced = (adverts: Adverts, advert: MessageOf<"advert">) =>
    adverts.map((one) => (one.sender === advert.sender ? advert : one));
  const of = (adverts: Adverts, id: NodeId) => adverts.find(({ sender }) => sender === id) as MessageOf<"advert">;

  test.each<[string, (adverts: Adverts, world: World) => Adverts, string]>([
    [
      "a swapped public key",
      (adverts) => {
        const theirs = of(adverts, liar);
        return replaced(adverts, { ...theirs, body: { ...theirs.body, maskKey: hash("5") as string as AgreementKey } });
      },
      "TRB_ROUND_SIGNATURE_INVALID",
    ],
    [
      "a swapped public key under the coordinator's own signature",
      (adverts) => replaced(adverts, forge(of(adverts, liar), {}, { encryptionKey: hash("5") })),
      "TRB_ROUND_SIGNATURE_INVALID",
    ],
    [
      "a key that is another node's",
      (adverts) =>
        replaced(adverts, forge(of(adverts, liar), {}, { maskKey: of(adverts, nodeName(2)).body.maskKey }, identity(liar))),
      "TRB_SECAGG_DUPLICATE_KEY",
    ],
    [
      "a mask key that is the same node's encryption key",
      (adverts) =>
        replaced(adverts, forge(of(adverts, liar), {}, { maskKey: of(adverts, liar).body.encryptionKey }, identity(liar))),
      "TRB_SECAGG_DUPLICATE_KEY",
    ],
    [
      "an advert of an earlier round",
      (adverts) => replaced(adverts, forge(of(adverts, liar), { round: 9 }, {}, identity(liar))),
      "TRB_ROUND_NOT_CURRENT",
    ],
    [
      "an advert bound to another model",
      (adverts) => replaced(adverts, forge(of(adverts, liar), { modelHash: hash("6") }, {}, identity(liar))),
      "TRB_ROUND_MODEL_MISMATCHED",
    ],
    [
      "an advert bound to another plan",
      (adverts) => replaced(adverts, forge(of(adverts, liar), { planHash: hash("6") }, {}, identity(liar))),
      "TRB_ROUND_PLAN_MISMATCHED",
    ],
    [
      "another advert in this node's name",
      (adverts) => replaced(adverts, forge(of(adverts, self), {}, { maskKey: hash("7") }, identity(self))),
      "TRB_SECAGG_OWN_ADVERT_CHANGED",
    ],
    ["this node left out", (adverts) => adverts.filter(({ sender }) => sender !== self), "TRB_SECAGG_OWN_ADVERT_CHANGED"],
    ["another order", (adverts) => adverts.toReversed(), "TRB_SECAGG_ADVERTS_UNORDERED"],
    [
      "one node twice",
      (adverts) => adverts.flatMap((one) => (one.sender === liar ? [one, one] : [one])),
      "TRB_SECAGG_ADVERTS_UNORDERED",
    ],
    ["too few nodes", (adverts) => adverts.slice(0, 3), "TRB_ROUND_COHORT_TOO_SMALL"],
    [
      "a node that isn't in the roster",
      (adverts) => [...adverts, forge(of(adverts, liar), { sender: "node-z" }, {}, identity("node-z"))],
      "TRB_ROUND_SENDER_UNKNOWN",
    ],
  ])("with %s are refused", async (_, lie, code) => {
    const world = createWorld();
    const adverts = await until(world, "adverts");
    expect(refusal(world, forge(adverts, {}, { adverts: lie(adverts.body.adverts, world) }))).toBe(code);
    expect(refusal(world, adverts)).toBe("accepted");
  });

  test("of a cohort in which this node trusts too few are refused, unless every node brings all the noise", async () => {
    const policy = { trustedPeers: [] };
    const alone = createWorld({ policy });
    expect(refusal(alone, await until(alone, "adverts"))).toBe("TRB_ROUND_TOO_FEW_TRUSTED");
    const local = createWorld({ policy, plan: { noiseMode: "local" } });
    expect(refusal(local, await until(local, "adverts"))).toBe("accepted");
  });

  test("of a cohort are trusted enough with this node itself among n_min − n_corrupt, and with one fewer are not", async () => {
    const fingerprints = createWorld().policy.trustedPeers;
    const trusting = async (count: number) => {
      const world = createWorld({ policy: { trustedPeers: fingerprints.slice(1, 1 + count) } }); // others than itself
      return refusal(world, await until(world, "adverts"));
    };
    expect([await trusting(2), await trusting(1)]).toEqual(["accepted", "TRB_ROUND_TOO_FEW_TRUSTED"]);
  });

  test("can't be changed afterwards", async () => {
    const world = createWorld();
    const adverts = await until(world, "adverts");
    stepAtNode(world, nodeOf(world, self), { type: "message", message: adverts }, noFaults);
    const fewer = forge(adverts, {}, { adverts: adverts.body.adverts.slice(0, 4) });
    expect(refusal(world, fewer)).toBe("TRB_SECAGG_TRANSCRIPT_MISMATCHED");
  });
});

describe("the envelopes", () => {
  const all = [0, 1, 2, 3, 4].map(nodeName);
  test.each<[string, object, string]>([
    ["another h₁", { h1: hash("8") }, "TRB_SECAGG_TRANSCRIPT_MISMATCHED"],
    ["sharers out of order", { sharers: all.toReversed() }, "TRB_SECAGG_SHARERS_UNORDERED"],
    ["this node left out", { sharers: all.slice(1) }, "TRB_SECAGG_SHARERS_NOT_SUBSET"],
    ["a sharer from outside", { sharers: [...all, "node-z"] }, "TRB_SECAGG_SHARERS_NOT_SUBSET"],
    ["too few sharers", { sharers: all.slice(0, 3) }, "TRB_SECAGG_TOO_FEW_SHARERS"],
    ["an envelope missing", { sharers: all, envelopes: [] }, "TRB_SECAGG_ENVELOPES_MISMATCHED"],
  ])("with %s are refused", async (_, body, code) => {
    const world = createWorld();
    const envelopes = await until(world, "envelopes");
    expect(refusal(world, forge(envelopes, {}, body))).toBe(code);
  });

  test("for a second set of sharers are refused", async () => {
    const world = createWorld();
    const envelopes = await until(world, "envelopes");
    stepAtNode(world, nodeOf(world, self), { type: "message", message: envelopes }, noFaults);
    const others = forge(envelopes, {}, { sharers: all.slice(0, 4), envelopes: envelopes.body.envelopes.slice(0, 3) });
    expect(refusal(world, others)).toBe("TRB_SECAGG_SHARERS_CHANGED");
  });

  test("from too few whom this node trusts by then are refused", async () => {
    const world = createWorld();
    const envelopes = await until(world, "envelopes");
    const party = nodeOf(world, self);
    stepAtNode(world, party, { type: "policy", policy: { ...party.state.policy, trustedPeers: [] } }, noFaults);
    expect(refusal(world, envelopes)).toBe("TRB_ROUND_TOO_FEW_TRUSTED");
  });

  test("of which one was tampered with still let the round go on, without that share", async () => {
    const world = createWorld();
    const { body, ...rest } = await until(world, "envelopes");
    const [first, ...others] = body.envelopes;
    const spoiled = { ...first, box: `00${first?.box.slice(2)}` };
    const message = forge({ ...rest, body }, {}, { envelopes: [spoiled, ...others] });
    stepAtNode(world, nodeOf(world, self), { type: "message", message }, noFaults);
    const held = nodeOf(world, self).state.round?.secrets?.held.map(({ of }) => of);
    expect(held).toEqual([self, ...others.map(({ from }) => from)]);
    await until(world, "result");
    expect(world.journal.sums).toEqual([1]);
  });
});

describe("the survivors", () => {
  const all = [0, 1, 2, 3, 4].map(nodeName);
  test.each<[string, object, string]>([
    ["another h₁", { h1: hash("9") }, "TRB_SECAGG_TRANSCRIPT_MISMATCHED"],
    ["out of order", { survivors: all.toReversed() }, "TRB_SECAGG_SURVIVORS_UNORDERED"],
    ["one counted twice", { survivors: [...all.slice(0, 4), nodeName(3)] }, "TRB_SECAGG_SURVIVORS_UNORDERED"],
    ["without this node", { survivors: all.slice(1) }, "TRB_SECAGG_SURVIVORS_NOT_SUBSET"],
    ["with one that shared nothing", { survivors: [...all, "node-z"] }, "TRB_SECAGG_SURVIVORS_NOT_SUBSET"],
    ["too few", { survivors: all.slice(0, 3) }, "TRB_SECAGG_TOO_FEW_SURVIVORS"],
  ])("%s: refused", async (_, body, code) => {
    const world = createWorld();
    const survivors = await until(world, "survivors");
    expect(refusal(world, forge(survivors, {}, body))).toBe(code);
  });

  test("too few of whom are trusted: refused", async () => {
    const world = createWorld();
    const survivors = await until(world, "survivors");
    const party = nodeOf(world, self);
    stepAtNode(world, party, { type: "policy", policy: { ...party.state.policy, trustedPeers: [] } }, noFaults);
    expect(refusal(world, survivors)).toBe("TRB_ROUND_TOO_FEW_TRUSTED");
  });

  test("a second set is refused, also after a restart, and the first gets the same vote again", async () => {
    const world = createWorld();
    const survivors = await until(world, "survivors");
    const party = nodeOf(world, self);
    let life = 0;
    // killed right after the vote was persisted
    stepAtNode(
      world,
      party,
      { type: "message", message: survivors },
      { ...noFaults, crash: (_, effect) => effect === "send" && life++ === 0 },
    );
    expect(party.lives).toBe(1);
    expect(refusal(world, forge(survivors, {}, { survivors: all.slice(0, 4) }))).toBe("TRB_SECAGG_SECOND_SURVIVOR_SET");
    expect(refusal(world, survivors)).toBe("accepted");
  });

  test("a node that voted for abort does not vote for survivors", async () => {
    const world = createWorld();
    const survivors = await until(world, "survivors");
    stepAtNode(world, nodeOf(world, self), { type: "expired", round: 1 }, noFaults);
    expect(refusal(world, survivors)).toBe("TRB_SECAGG_SECOND_SURVIVOR_SET");
  });
});

describe("the request to unmask", () => {
  const all = [0, 1, 2, 3, 4].map(nodeName);
  type Unmask = MessageOf<"unmask">;
  const agreed = { for: "survivors", sharers: all, survivors: all } as const;

  /** The request with its first vote replaced by one that says something else, signed by whoever is named. */
  function withVote(unmask: Unmask, says: { node?: string; round?: number; choice?: object; by?: string }): object {
    const { body, signature: _, ...header } = unmask;
    const [first, ...rest] = body.votes;
    const { node = first?.node ?? "", round = 1, choice = agreed, by = node } = says;
    const vote = { ...header, round, sender: node, step: "vote", body: { h1: body.h1, choice } };
    const { signature } = signMessage(identity(by), vote as unknown as Parameters<typeof signMessage<"vote">>[1]);
    return { votes: [{ node, signature }, ...rest] };
  }

  test.each<[string, (unmask: Unmask) => object, string]>([
    ["another set than voted for", () => ({ survivors: all.slice(0, 4) }), "TRB_SECAGG_UNMASK_SET_DIFFERS"],
    ["another h₁", () => ({ h1: hash("a") }), "TRB_SECAGG_TRANSCRIPT_MISMATCHED"],
    ["a vote too few", ({ body }) => ({ votes: body.votes.slice(1) }), "TRB_SECAGG_TOO_FEW_VOTES"],
    ["one vote counted twice", ({ body }) => ({ votes: [...body.votes.slice(1), body.votes[1]] }), "TRB_SECAGG_TOO_FEW_VOTES"],
    ["a vote that the coordinator made up", (unmask) => withVote(unmask, { by: "coordinator" }), "TRB_ROUND_SIGNATURE_INVALID"],
    [
      "a vote for another set",
      (unmask) => withVote(unmask, { choice: { ...agreed, survivors: all.slice(0, 4) } }),
      "TRB_ROUND_SIGNATURE_INVALID",
    ],
    ["a vote for abort", (unmask) => withVote(unmask, { choice: { for: "abort" } }), "TRB_ROUND_SIGNATURE_INVALID"],
    ["a vote from outside", (unmask) => withVote(unmask, { node: "node-z" }), "TRB_SECAGG_VOTE_FROM_OUTSIDE"],
    ["a vote of another round", (unmask) => withVote(unmask, { round: 2 }), "TRB_ROUND_SIGNATURE_INVALID"],
  ])("with %s is refused", async (_, lie, code) => {
    const world = createWorld();
    const unmask = await until(world, "unmask");
    expect(refusal(world, forge(unmask, {}, lie(unmask)))).toBe(code);
    expect(withVote(unmask, {})).toEqual({ votes: unmask.body.votes });
    expect(refusal(world, unmask)).toBe("accepted");
  });

  test("gets nothing from a node that has not voted", async () => {
    const world = createWorld();
    await until(world, "survivors"); // the others vote
    const unmask = await until(world, "unmask");
    expect(refusal(world, unmask)).toBe("TRB_ROUND_STEP_UNEXPECTED");
  });
});

describe("the ledger entry", () => {
  const forgedEntry = (world: World, message: MessageOf<"result">, changes: object): MessageOf<"result"> => {
    const { signature: _, ...entry } = parseLine(message.body.entry);
    const signer = { sign: identity("coordinator").sign, crypto: nodeContext(nodeOf(world, self)).crypto };
    const { line } = signEntry(signer, { ...entry, ...changes } as Parameters<typeof signEntry>[1]);
    return forge(message, {}, { entry: line });
  };
  const entryOf = (message: MessageOf<"result">) => {
    const entry = parseLine(message.body.entry);
    if (entry.kind !== "round") throw new Error("not a round");
    return entry;
  };
  type Release = ReturnType<typeof entryOf>;

  test.each<[string, (entry: Release) => object, string]>([
    ["another plan", () => ({ planHash: hash("b") }), "TRB_ROUND_ENTRY_INVALID"],
    ["another model before", () => ({ modelHash: hash("b") }), "TRB_ROUND_ENTRY_INVALID"],
    ["too small a noise", ({ mechanism }) => ({ mechanism: { ...mechanism, nodeVariance: "16" } }), "TRB_ROUND_ENTRY_INVALID"],
    ["an understated epsilon", ({ spent }) => ({ spent: { ...spent, epsilon: "0.001" } }), "TRB_ROUND_ENTRY_INVALID"],
    ["a round that isn't counted", ({ spent }) => ({ spent: { ...spent, charged: [0] } }), "TRB_ROUND_ENTRY_INVALID"],
    ["a vote too few", ({ votes }) => ({ votes: votes.slice(1) }), "TRB_ROUND_ENTRY_INVALID"],
    ["a set that nobody voted for", ({ survivors }) => ({ survivors: survivors.slice(0, 4) }), "TRB_ROUND_ENTRY_INVALID"],
    [
      "an understated divergence",
      ({ spent }) => ({ spent: { ...spent, rdp: spent.rdp.toReversed() } }),
      "TRB_ROUND_ENTRY_INVALID",
    ],
    [
      "another cohort",
      ({ cohort, sharers, survivors }) => {
        const without = (nodes: NodeId[]) => nodes.filter((node) => node !== nodeName(4));
        return { cohort: without(cohort), sharers: without(sharers), survivors: without(survivors) };
      },
      "TRB_ROUND_ENTRY_INVALID",
    ],
    ["another h₁", () => ({ h1: hash("c") }), "TRB_ROUND_ENTRY_INVALID"],
    ["another predecessor", () => ({ previous: hash("d") }), "TRB_ROUND_LEDGER_FORKED"],
    ["another round number", () => ({ round: 5 }), "TRB_ROUND_ENTRY_INVALID"],
    ["a gap before it", () => ({ index: 4 }), "TRB_ROUND_LEDGER_BEHIND"],
  ])("with %s is refused", async (_, lie, code) => {
    const world = createWorld();
    const result = await until(world, "result");
    expect(refusal(world, forgedEntry(world, result, lie(entryOf(result))))).toBe(code);
    expect(refusal(world, result)).toBe("accepted");
  });

  test("that replaces one which the node has is refused as a fork", async () => {
    const world = createWorld();
    const result = await until(world, "result");
    stepAtNode(world, nodeOf(world, self), { type: "message", message: result }, noFaults);
    const other = forgedEntry(world, result, { nextModelHash: hash("e") });
    expect(refusal(world, other)).toBe("TRB_ROUND_LEDGER_FORKED");
    expect(refusal(world, result)).toBe("accepted");
  });

  test("with a signature that isn't the coordinator's is refused", async () => {
    const world = createWorld();
    const result = await until(world, "result");
    const { signature: _, ...entry } = parseLine(result.body.entry);
    const signer = { sign: identity("node-b").sign, crypto: nodeContext(nodeOf(world, self)).crypto };
    const { line } = signEntry(signer, entry as Parameters<typeof signEntry>[1]);
    expect(refusal(world, forge(result, {}, { entry: line }))).toBe("TRB_ROUND_ENTRY_INVALID");
  });
});
