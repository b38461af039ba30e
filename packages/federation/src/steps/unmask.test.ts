/** Shares that take masks off: which of whose secrets, from whom, when, and what wrong ones can do. */
import type { MessageOf, NodeId, Sha256 } from "@tributary/protocol";
import { expect, test } from "vitest";
import { packedPlan } from "../../../protocol/src/plan/packed-plan.test-support.ts";
import type { CoordinatorEvent } from "../coordinator-events.ts";
import type { CoordinatorRound } from "../coordinator-state.ts";
import {
  createWorld,
  type Faults,
  nodeName,
  nodeOf,
  noFaults,
  run,
  stepAtCoordinator,
  stepAtNode,
  type World,
} from "../harness.test-support.ts";
import { coordinatorRefusal, forge, refusalOf, until } from "../lies.test-support.ts";
import { hash } from "../parties.test-support.ts";
import { sumEffect } from "./unmask.ts";

type Shares = MessageOf<"unmaskShares">;
const [self, gone, silent] = [nodeName(0), nodeName(6), nodeName(7)];
const said = (message: Shares): CoordinatorEvent => ({ type: "message", message });

/** Eight nodes, of whom five can unmask: one of them never shares its secrets, one shares them and never uploads. */
const losing: Faults = {
  ...noFaults,
  lose: (to, event) => (to === silent && event === "adverts") || (to === gone && event === "envelopes"),
};

/** Runs until this node's shares are on their way to the coordinator; they are taken off the wire. */
async function sharesOf(world: World, id: NodeId): Promise<Shares> {
  for (let deliveries = 0; deliveries < 3000; deliveries++) {
    const place = world.queue.findIndex(
      ({ event }) => event.type === "message" && event.message.step === "unmaskShares" && event.message.sender === id,
    );
    const [found] = place < 0 ? [] : world.queue.splice(place, 1);
    if (found?.event.type === "message") return found.event.message as Shares;
    await run(world, losing, 1);
  }
  throw new Error("they never came");
}

async function runInto(world: World, phase: string): Promise<void> {
  while (world.coordinator.state.round?.phase !== phase) {
    if (world.finished) throw new Error(`no round came to ${phase}`);
    await run(world, losing, 1);
  }
}

const dropouts = () => createWorld({ nodes: 8, rounds: 1 });

test("are of own masks of survivors and of mask keys of those who dropped out after they shared, and of nobody else", async () => {
  const world = dropouts();
  const shares = await sharesOf(world, self);
  const survivors = [0, 1, 2, 3, 4, 5].map(nodeName);
  expect(shares.body.ownMask.map(({ node }) => node).toSorted()).toEqual(survivors);
  expect(shares.body.maskKey.map(({ node }) => node)).toEqual([gone]);
  const { ownMask, maskKey } = shares.body;
  const [one, other] = [ownMask[0]?.share, maskKey[0]?.share];
  const lies: readonly object[] = [
    { ownMask: [...ownMask, { node: gone, share: one }] }, // both secrets of one node
    { ownMask: [...ownMask, { node: silent, share: one }] },
    { maskKey: [...maskKey, { node: nodeName(1), share: other }] },
    { maskKey: [...maskKey, { node: silent, share: other }] }, // it has no masks on anything
    { maskKey: [...maskKey, ...maskKey] },
  ];
  for (const lie of lies) expect(coordinatorRefusal(world, said(forge(shares, {}, lie)))).toBe("TRB_SECAGG_SHARES_UNASKED");
  expect(coordinatorRefusal(world, said(forge(shares, {}, { h1: hash("other") })))).toBe("TRB_SECAGG_TRANSCRIPT_MISMATCHED");
  expect(coordinatorRefusal(world, said(forge(shares, { sender: gone }, {}, gone)))).toBe("TRB_ROUND_NOT_INVITED");
  await stepAtCoordinator(world, said(shares), noFaults);
  expect(coordinatorRefusal(world, said(forge(shares, {}, { ownMask: ownMask.toReversed() })))).toBe(
    "TRB_SECAGG_SECOND_MESSAGE",
  );
  expect(coordinatorRefusal(world, said(shares))).toBe("accepted");
  await run(world, losing);
  expect(world.journal.sums).toEqual([1]); // which the harness has compared
});

test("that are wrong spoil nothing as long as enough are right, for either kind of secret", async () => {
  const world = dropouts();
  const shares = await sharesOf(world, self);
  const wrong = `01${"00".repeat(31)}`;
  const spoilt = (list: Shares["body"]["ownMask"]) => list.map((one) => ({ ...one, share: wrong }));
  const { ownMask, maskKey } = shares.body;
  await stepAtCoordinator(world, said(forge(shares, {}, { ownMask: spoilt(ownMask), maskKey: spoilt(maskKey) })), noFaults);
  await run(world, losing);
  expect(world.journal.sums).toEqual([1]);
});

test("come too early before a quorum stands, and are not missed once the sum is under way; then nothing of them is kept", async () => {
  const world = dropouts();
  const early = dropouts();
  const late = await sharesOf(world, nodeName(5));
  await runInto(early, "consistency");
  expect(coordinatorRefusal(early, said(late))).toBe("TRB_ROUND_STEP_UNEXPECTED");
  for (const phase of ["summing", "applying"]) {
    await runInto(world, phase);
    const { state } = world.coordinator;
    expect(state.round).toMatchObject({ unmaskShares: [], recovered: {} });
    await stepAtCoordinator(world, said(late), noFaults);
    expect(world.coordinator.state).toBe(state);
    expect(coordinatorRefusal(world, said(forge(late, { sender: gone }, {}, gone)))).toBe("TRB_ROUND_NOT_INVITED");
  }
});

test("are not released by a node that has left the round, although it voted for the set", async () => {
  const world = createWorld({ rounds: 1 });
  const unmask = await until(world, "unmask", { to: self });
  expect(refusalOf(world, self, unmask)).toBe("accepted");
  stepAtNode(world, nodeOf(world, self), { type: "expired", round: 1 }, noFaults);
  expect(nodeOf(world, self).state.round).toMatchObject({ phase: "left", secrets: null, vote: { step: "vote" } });
  expect(refusalOf(world, self, unmask)).toBe("TRB_ROUND_STEP_UNEXPECTED");
});

test("of a packed release take the masks off in as many bits as are uploaded, over as many coordinates as are masked", () => {
  const unmasking = { ownMasks: [], pairMasks: [] };
  const round = { number: 4, release: 0, uploads: [] } as unknown as CoordinatorRound;
  const asked = { type: "sum", round: 4, uploads: [], unmasking };
  const packed = { plan: packedPlan() } as Parameters<typeof sumEffect>[0];
  expect(sumEffect(packed, round, unmasking)).toEqual({ ...asked, length: 1024, bits: 16 });
  const { plan } = createWorld();
  const upload = { sender: self, body: { sha256: "ab".repeat(32) as Sha256 } };
  const whole = { ...round, uploads: [upload] } as unknown as CoordinatorRound;
  expect(sumEffect({ plan } as Parameters<typeof sumEffect>[0], whole, unmasking)).toEqual({
    ...{ ...asked, length: plan.releases[0]?.dimension },
    uploads: [{ node: self, sha256: "ab".repeat(32) }],
  });
});
