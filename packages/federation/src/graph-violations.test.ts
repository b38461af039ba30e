/** Lies about a round on a graph of neighbours, from either side, and the code that each is refused with. */
import { parseLine, signEntry } from "@tributary/ledger";
import type { Decimal, MessageOf, NodeId, Plan, Sha256 } from "@tributary/protocol";
import { hashOf } from "@tributary/protocol";
import { describe, expect, test } from "vitest";
import type { CoordinatorEvent } from "./coordinator-events.ts";
import {
  createWorld,
  nodeContext,
  nodeName,
  nodeOf,
  noFaults,
  run,
  stepAtCoordinator,
  stepAtNode,
  type World,
} from "./harness.test-support.ts";
import { coordinatorRefusal, forge, refusalOf, until } from "./lies.test-support.ts";
import { crypto, identity } from "./parties.test-support.ts";
import { graphOf } from "./round-graph.ts";

const self = nodeName(0);
const hash = (digit: string) => digit.repeat(64) as Sha256;
const graph: Plan["graph"] & object = { dropoutRate: "0.1" as Decimal, dropouts: "independent" };
const said = (message: Extract<CoordinatorEvent, { type: "message" }>["message"]): CoordinatorEvent => ({
  type: "message",
  message,
});

describe("a plan with a graph", () => {
  const small = () => createWorld({ plan: { graph } });

  test("has every node commit to randomness of its own, and a plan without has none", async () => {
    const world = small();
    const adverts = await until(world, "adverts", { to: self });
    const liar = nodeName(1);
    const lie = (change: object) => {
      const all = adverts.body.adverts.map((advert) => (advert.sender === liar ? forge(advert, {}, change) : advert));
      return refusalOf(world, self, forge(adverts, {}, { adverts: all }));
    };
    const [, theirs, third] = adverts.body.adverts;
    if (theirs === undefined || third === undefined) throw new Error("nobody there");
    const copied = third.body.graphCommitment;
    expect(lie({ graphCommitment: copied })).toBe("TRB_SECAGG_DUPLICATE_KEY");
    const { graphCommitment: _, ...bare } = theirs.body;
    const uncommitted = adverts.body.adverts.map((advert) =>
      advert.sender === liar ? forge({ ...advert, body: bare }, {}) : advert,
    );
    expect(refusalOf(world, self, forge(adverts, {}, { adverts: uncommitted }))).toBe("TRB_SECAGG_GRAPH_COMMITMENT_MISSING");
    expect(refusalOf(world, self, adverts)).toBe("accepted");

    const plain = createWorld();
    const advert = await until(plain, "advert", { to: "coordinator", from: liar });
    expect(coordinatorRefusal(plain, said(forge(advert, {}, { graphCommitment: hash("1") })))).toBe(
      "TRB_SECAGG_GRAPH_COMMITMENT_MISSING",
    );
  });

  test("lets a node help to draw sixteen graphs in vain, and no more", async () => {
    const world = small();
    const offer = await until(world, "offer", { to: self });
    const { state } = nodeOf(world, self);
    expect(refusalOf(world, self, offer, { ...state, graphsDrawn: 15 })).toBe("accepted");
    expect(refusalOf(world, self, offer, { ...state, graphsDrawn: 16 })).toBe("TRB_ROUND_GRAPH_ABORTS_SPENT");
    // a graph that came to its end, and was paid for, is none in vain; one that was refunded is
    const cohort = Array.from({ length: 151 }, (_, i) => nodeName(i));
    const charge = { round: 1, release: 0, cohort, h1: hash("2") } as const;
    const paid = { ...state, graphsDrawn: 16, charges: [{ ...charge, standing: "final" as const }] };
    expect(refusalOf(world, self, offer, paid)).toBe("accepted");
    const refunded = { ...paid, charges: [{ ...charge, standing: "refunded" as const }] };
    expect(refusalOf(world, self, offer, refunded)).toBe("TRB_ROUND_GRAPH_ABORTS_SPENT");
  });

  test("has nobody in it who was barred, and bars nobody but for refusing to reveal", async () => {
    const world = small();
    const adverts = await until(world, "adverts", { to: self });
    const { state } = nodeOf(world, self);
    const barred = [{ node: nodeName(3), entry: 4 }];
    expect(refusalOf(world, self, adverts, { ...state, barred })).toBe("TRB_ROUND_NODE_BARRED");
    while (world.coordinator.state.round?.phase !== "consistency") await run(world, noFaults, 1);
    world.queue.splice(0);
    await stepAtCoordinator(world, { type: "deadline", round: 1, phase: "consistency" }, noFaults);
    const abort = await until(world, "abort", { to: self });
    const { signature: _, ...entry } = parseLine(abort.body.entry);
    const signer = { sign: identity("coordinator").sign, crypto };
    const { line } = signEntry(signer, { ...entry, barred: [nodeName(1)] } as unknown as Parameters<typeof signEntry>[1]);
    expect(refusalOf(world, self, forge(abort, {}, { entry: line }))).toBe("TRB_ROUND_ENTRY_INVALID");
    expect(refusalOf(world, self, abort)).toBe("accepted");
    // nor does an offer go to somebody barred
    const { state: coordinator } = world.coordinator;
    world.coordinator.state = { ...coordinator, barred: [nodeName(4)] };
    await stepAtCoordinator(world, { type: "start", online: [0, 1, 2, 3, 4].map(nodeName) }, noFaults);
    expect(world.coordinator.state.round?.invited).toEqual([0, 1, 2, 3].map(nodeName));
  });

  test("comes no more where too few are left that may take part: the ledger is closed, and says why", async () => {
    const world = small();
    const { state } = world.coordinator;
    const { minCohort } = state.plan;
    const all = state.roster.map(({ node }) => node);
    const gone = all.slice(0, all.length - minCohort + 1);
    world.coordinator.state = { ...state, round: null, barred: gone };
    await stepAtCoordinator(world, { type: "start", online: [] }, noFaults);
    expect(world.coordinator.state.closed).toBe(true);
    const last = parseLine(world.coordinator.ledger.at(-1) ?? "");
    expect(last).toMatchObject({ kind: "closing", reason: expect.stringContaining(`${gone.length} of ${all.length}`) });
  });
});

describe("a round of 151 nodes", { timeout: 300_000 }, () => {
  test("refuses every lie about its graph, step by step", async () => {
    const world = createWorld({ nodes: 151, rounds: 1, plan: { graph, maxCorrupt: 37, minCohort: 101 } });
    const take = (message: MessageOf<"adverts" | "reveals" | "envelopes" | "survivors" | "unmask">) =>
      stepAtNode(world, nodeOf(world, self), { type: "message", message }, noFaults);

    // ── reveal, at the coordinator
    const other = nodeName(1);
    const reveal = await until(world, "reveal", { to: "coordinator", from: other });
    expect(coordinatorRefusal(world, said(forge(reveal, {}, { randomness: hash("3") })))).toBe("TRB_SECAGG_REVEAL_INVALID");
    expect(coordinatorRefusal(world, said(forge(reveal, {}, { h1: hash("3") })))).toBe("TRB_SECAGG_TRANSCRIPT_MISMATCHED");
    expect(coordinatorRefusal(world, said(forge(reveal, {}, {}, "node-c")))).toBe("TRB_ROUND_SIGNATURE_INVALID");
    await stepAtCoordinator(world, said(reveal), noFaults);
    expect(coordinatorRefusal(world, said(forge(reveal, {}, { randomness: hash("3") })))).toBe("TRB_SECAGG_SECOND_MESSAGE");
    expect(coordinatorRefusal(world, said(reveal))).toBe("accepted");

    // ── reveals, at a node
    const reveals = await until(world, "reveals", { to: self });
    const { reveals: list } = reveals.body;
    const [first = "", second = "", ...rest] = list;
    const lies: readonly (readonly [object, string])[] = [
      [{ h1: hash("3") }, "TRB_SECAGG_TRANSCRIPT_MISMATCHED"],
      [{ reveals: list.slice(1) }, "TRB_SECAGG_REVEALS_MISMATCHED"],
      [{ reveals: [...list, first] }, "TRB_SECAGG_REVEALS_MISMATCHED"],
      [{ reveals: [second, first, ...rest] }, "TRB_SECAGG_REVEAL_INVALID"],
      [{ reveals: [first, hash("3"), ...rest] }, "TRB_SECAGG_REVEAL_INVALID"],
    ];
    for (const [lie, code] of lies) expect(refusalOf(world, self, forge(reveals, {}, lie))).toBe(code);
    expect(refusalOf(world, self, reveals)).toBe("accepted");
    take(reveals);
    expect(refusalOf(world, self, forge(reveals, {}, { reveals: [first, hash("3"), ...rest] }))).toBe(
      "TRB_SECAGG_TRANSCRIPT_MISMATCHED",
    );

    // ── shares, at the coordinator
    const shares = await until(world, "shares", { to: "coordinator", from: other });
    const { round } = world.coordinator.state;
    if (round === null) throw new Error("no round");
    const joined = graphOf(world.coordinator.state, round, nodeContext(nodeOf(world, self)));
    const strangers = round.cohort.filter((node) => node !== self && !joined.peers(self).includes(node));
    const toAll = { envelopes: [...shares.body.envelopes, { ...shares.body.envelopes[0], to: strangers[0] }] };
    expect(coordinatorRefusal(world, said(forge(shares, {}, toAll)))).toBe("TRB_SECAGG_ENVELOPES_MISMATCHED");
    const fewer = { envelopes: shares.body.envelopes.slice(1) };
    expect(coordinatorRefusal(world, said(forge(shares, {}, fewer)))).toBe("TRB_SECAGG_ENVELOPES_MISMATCHED");
    await stepAtCoordinator(world, said(shares), noFaults);

    // ── envelopes, at a node
    const envelopes = await until(world, "envelopes", { to: self });
    const boxes = envelopes.body.envelopes;
    const fromStranger = { envelopes: [...boxes, { ...boxes[0], from: strangers[0] }] };
    expect(refusalOf(world, self, forge(envelopes, {}, fromStranger))).toBe("TRB_SECAGG_ENVELOPES_MISMATCHED");
    expect(refusalOf(world, self, forge(envelopes, {}, { envelopes: boxes.slice(1) }))).toBe("TRB_SECAGG_ENVELOPES_MISMATCHED");
    // enough nodes, but too few of this one's neighbours among them
    const peers = joined.peers(self);
    const lonely = without(envelopes.body.sharers, peers.slice(joined.threshold - 1));
    expect(refusalOf(world, self, forge(envelopes, {}, { sharers: lonely }))).toBe("TRB_SECAGG_TOO_FEW_SHARE_HOLDERS");
    take(envelopes);

    // ── the masked vector, at the coordinator
    const masked = await until(world, "masked", { to: "coordinator", from: other });
    const uploaded = (message: MessageOf<"masked">): CoordinatorEvent => ({ type: "uploaded", message });
    expect(coordinatorRefusal(world, uploaded(forge(masked, {}, { sharersHash: hash("3") })))).toBe(
      "TRB_SECAGG_SHARERS_DIFFER",
    );
    const { sharersHash, ...unnamed } = masked.body;
    expect(sharersHash).toBe(hashOf(crypto, world.coordinator.state.round?.sharers));
    expect(coordinatorRefusal(world, uploaded(forge({ ...masked, body: unnamed }, {})))).toBe("TRB_SECAGG_SHARERS_DIFFER");
    await stepAtCoordinator(world, uploaded(masked), noFaults);

    // ── survivors, at a node
    const survivors = await until(world, "survivors", { to: self });
    const { uploads = [], survivors: all } = survivors.body;
    expect(uploads.map(({ sender }) => sender)).toEqual(peers);
    const withFirst = (change: object, by?: string) => {
      const [upload, ...others] = uploads;
      return upload === undefined ? {} : { uploads: [forge(upload, {}, change, by), ...others] };
    };
    const stranger = await shown(world, strangers[0]);
    const cut = without(all, joined.peers(strangers[0] ?? self).slice(joined.threshold - 1));
    const { uploads: _, ...bare } = survivors.body;
    const denied: readonly (readonly [object, string])[] = [
      // its neighbour masked for a U2 that this node never heard of: two or three of whom nobody else knows would be summed alone
      [withFirst({ sharersHash: hash("4") }), "TRB_SECAGG_SHARERS_DIFFER"],
      [withFirst({ h1: hash("4") }), "TRB_SECAGG_TRANSCRIPT_MISMATCHED"],
      [withFirst({}, "coordinator"), "TRB_ROUND_SIGNATURE_INVALID"],
      [{ uploads: uploads.slice(1) }, "TRB_SECAGG_UPLOADS_MISMATCHED"],
      [{ uploads: [stranger, ...uploads.slice(1)] }, "TRB_SECAGG_UPLOADS_MISMATCHED"],
      [{ uploads: [] }, "TRB_SECAGG_UPLOADS_MISMATCHED"],
      [
        { survivors: cut, uploads: uploads.filter(({ sender }) => cut.includes(sender as NodeId)) },
        "TRB_SECAGG_TOO_FEW_SHARE_HOLDERS",
      ],
    ];
    for (const [lie, code] of denied) expect(refusalOf(world, self, forge(survivors, {}, lie))).toBe(code);
    expect(refusalOf(world, self, forge({ ...survivors, body: bare }, {}))).toBe("TRB_SECAGG_UPLOADS_MISMATCHED");
    expect(refusalOf(world, self, survivors)).toBe("accepted");
    take(survivors);
    expect(refusalOf(world, self, forge(survivors, {}, { survivors: all.slice(0, -1) }))).toBe(
      "TRB_SECAGG_SECOND_SURVIVOR_SET",
    );

    // ── votes and unmasking
    const vote = await until(world, "vote", { to: "coordinator", from: other });
    const byList = { choice: { for: "survivors", sharers: all, survivors: all } };
    expect(coordinatorRefusal(world, said(forge(vote, {}, byList)))).toBe("TRB_SECAGG_VOTE_INVALID");
    await stepAtCoordinator(world, said(vote), noFaults);
    const unmask = await until(world, "unmask", { to: self });
    const { votes } = unmask.body;
    const [one, ...more] = votes;
    if (one === undefined) throw new Error("no votes");
    const listed = forge(vote, { sender: one.node }, byList, one.node);
    expect(
      refusalOf(world, self, forge(unmask, {}, { votes: [{ node: one.node, signature: listed.signature }, ...more] })),
    ).toBe("TRB_ROUND_SIGNATURE_INVALID");
    expect(refusalOf(world, self, forge(unmask, {}, { votes: more }))).toBe("TRB_SECAGG_TOO_FEW_VOTES");
    expect(refusalOf(world, self, forge(unmask, {}, { survivors: cut }))).toBe("TRB_SECAGG_UNMASK_SET_DIFFERS");
    take(unmask);

    // ── shares for unmasking, at the coordinator
    const released = await until(world, "unmaskShares", { to: "coordinator", from: self });
    expect(released.body.ownMask.map(({ node }) => node).toSorted()).toEqual(peers);
    const [share, ...others] = released.body.ownMask;
    const unasked = { ownMask: [{ ...share, node: strangers[0] }, ...others] };
    expect(coordinatorRefusal(world, said(forge(released, {}, unasked)))).toBe("TRB_SECAGG_SHARES_UNASKED");
    // a wrong share spoils nothing as long as enough are right
    await stepAtCoordinator(
      world,
      said(forge(released, {}, { ownMask: [{ ...share, share: `01${"00".repeat(31)}` }, ...others] })),
      noFaults,
    );
    await run(world, noFaults, 5000);
    expect(world.journal.sums).toEqual([1]);
  });
});

function without(nodes: readonly NodeId[], gone: readonly NodeId[]): NodeId[] {
  return nodes.filter((node) => !gone.includes(node));
}

/** What a node said of its upload. */
async function shown(world: World, node: NodeId | undefined): Promise<MessageOf<"masked">> {
  const masked = world.coordinator.state.round?.uploads.find(({ sender }) => sender === node);
  if (masked === undefined) throw new Error("nothing uploaded");
  return masked;
}
