/** Nodes that misbehave, and what becomes of rounds that are given up: the coordinator's half of each check. */
import { isTributaryError } from "@tributary/errors";
import { parseLine, verifyLedger } from "@tributary/ledger";
import { type Message, type MessageOf, type Sha256, type StepName, signMessage } from "@tributary/protocol";
import { describe, expect, test } from "vitest";
import { checkUpload, stepCoordinator } from "./coordinator.ts";
import type { CoordinatorEvent } from "./coordinator-events.ts";
import { decodeCoordinatorState, encodeCoordinatorState } from "./coordinator-state.ts";
import {
  coordinatorContext,
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
import { decodeNodeState } from "./node-state.ts";
import { crypto, dimension, identity } from "./parties.test-support.ts";

const hash = (digit: string) => digit.repeat(64) as Sha256;

/** Runs honestly until the coordinator is about to take this step's message of this node; it is taken off the wire. */
async function until<Step extends StepName>(world: World, step: Step, sender: string = nodeName(0)): Promise<MessageOf<Step>> {
  const wanted = (event: { readonly type: string; readonly message?: Message }) =>
    (event.type === "message" || event.type === "uploaded") && event.message?.step === step && event.message.sender === sender;
  for (let deliveries = 0; deliveries < 2000; deliveries++) {
    const place = world.queue.findIndex(
      ({ side, event }) => side === "coordinator" && wanted(event as Parameters<typeof wanted>[0]),
    );
    const [found] = place < 0 ? [] : world.queue.splice(place, 1);
    if (found !== undefined && "message" in found.event) return found.event.message as MessageOf<Step>;
    await run(world, noFaults, 1);
  }
  throw new Error(`${step} never came`);
}

function forge<Step extends StepName>(
  message: MessageOf<Step>,
  changes: object,
  body: object = {},
  by?: string,
): MessageOf<Step> {
  const { signature: _, ...unsigned } = { ...message, ...changes, body: { ...message.body, ...body } };
  const signer = identity(by ?? unsigned.sender);
  return signMessage(signer, unsigned as unknown as Parameters<typeof signMessage<Step>>[1]);
}

function refusal(world: World, event: CoordinatorEvent): string {
  const { state } = world.coordinator;
  const before = encodeCoordinatorState(state);
  try {
    stepCoordinator(state, event, coordinatorContext(world));
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    expect(encodeCoordinatorState(state)).toBe(before);
    return error.code;
  }
  return "accepted";
}

const said = (message: Message): CoordinatorEvent => ({ type: "message", message });
const take = (world: World, event: CoordinatorEvent) => stepAtCoordinator(world, event, noFaults);

describe("starting", () => {
  test("needs the minimum cohort, an open ledger and no other round", async () => {
    const world = createWorld({ rounds: 1 });
    const online = [0, 1, 2].map(nodeName);
    expect(refusal(world, { type: "start", online })).toBe("TRB_ROUND_COHORT_TOO_SMALL");
    await until(world, "advert");
    expect(refusal(world, { type: "start", online: [0, 1, 2, 3].map(nodeName) })).toBe("TRB_ROUND_IN_PROGRESS");
    expect(refusal(world, { type: "close", reason: "early" })).toBe("TRB_ROUND_IN_PROGRESS");
    const done = createWorld({ rounds: 1 });
    await run(done);
    expect(refusal(done, { type: "start", online: [0, 1, 2, 3].map(nodeName) })).toBe("TRB_ROUND_LEDGER_CLOSED");
    expect(stepCoordinator(done.coordinator.state, { type: "restarted" }, coordinatorContext(done)).effects).toEqual([
      { type: "finished" },
    ]);
  });
});

describe("a node's message", () => {
  test("of keys: signed by it, invited, once, and with keys of its own", async () => {
    const world = createWorld();
    const theirs = await until(world, "advert", nodeName(1));
    await take(world, said(theirs));
    const advert = await until(world, "advert");
    expect(refusal(world, said(forge(advert, {}, {}, "node-b")))).toBe("TRB_ROUND_SIGNATURE_INVALID");
    expect(refusal(world, said(forge(advert, { sender: "node-z" })))).toBe("TRB_ROUND_SENDER_UNKNOWN");
    expect(refusal(world, said(forge(advert, { sender: "coordinator" })))).toBe("TRB_ROUND_SENDER_UNEXPECTED");
    expect(refusal(world, said(forge(advert, { round: 2 })))).toBe("TRB_ROUND_NOT_CURRENT");
    expect(refusal(world, said(forge(advert, { modelHash: hash("1") })))).toBe("TRB_ROUND_MODEL_MISMATCHED");
    expect(refusal(world, said(forge(advert, { planHash: hash("1") })))).toBe("TRB_ROUND_PLAN_MISMATCHED");
    expect(refusal(world, said(forge(advert, { federation: "another" })))).toBe("TRB_ROUND_WRONG_FEDERATION");
    expect(refusal(world, said(forge(advert, {}, { maskKey: theirs.body.maskKey })))).toBe("TRB_SECAGG_DUPLICATE_KEY");
    expect(refusal(world, said(forge(theirs, {}, { maskKey: hash("2") })))).toBe("TRB_SECAGG_SECOND_MESSAGE");
    expect(refusal(world, said(theirs))).toBe("accepted");
    expect(refusal(world, said(advert))).toBe("accepted");
  });

  test("of shares: for this h₁, one envelope for every other node, once", async () => {
    const world = createWorld();
    const shares = await until(world, "shares");
    expect(refusal(world, said(forge(shares, {}, { h1: hash("3") })))).toBe("TRB_SECAGG_TRANSCRIPT_MISMATCHED");
    expect(refusal(world, said(forge(shares, {}, { envelopes: shares.body.envelopes.slice(1) })))).toBe(
      "TRB_SECAGG_ENVELOPES_MISMATCHED",
    );
    await take(world, said(shares));
    expect(refusal(world, said(forge(shares, {}, { envelopes: shares.body.envelopes.toReversed() })))).toBe(
      "TRB_SECAGG_SECOND_MESSAGE",
    );
    expect(refusal(world, said(await until(world, "shares", nodeName(1))))).toBe("accepted");
  });

  test("of a masked vector: right length and h₁, one a node, and never after the step has ended", async () => {
    const world = createWorld();
    const masked = await until(world, "masked");
    const uploaded = (message: MessageOf<"masked">): CoordinatorEvent => ({ type: "uploaded", message });
    expect(refusal(world, uploaded(forge(masked, {}, { length: dimension + 1 })))).toBe("TRB_SECAGG_VECTOR_MISMATCHED");
    expect(refusal(world, uploaded(forge(masked, {}, { h1: hash("4") })))).toBe("TRB_SECAGG_TRANSCRIPT_MISMATCHED");
    expect(refusal(world, said(masked))).toBe("TRB_ROUND_STEP_UNEXPECTED"); // without its vector
    const theirs = await until(world, "masked", nodeName(1));
    await take(world, uploaded(theirs));
    expect(refusal(world, uploaded(forge(theirs, {}, { sha256: hash("5") })))).toBe("TRB_SECAGG_SECOND_MESSAGE");
    expect(refusal(world, uploaded(theirs))).toBe("accepted");
    // the deadline passes with four of five
    const vote = await until(world, "vote", nodeName(1));
    expect(refusal(world, uploaded(masked))).toBe("TRB_ROUND_STEP_UNEXPECTED");
    expect(() => checkUpload(world.coordinator.state, masked, coordinatorContext(world))).toThrow(
      expect.objectContaining({ code: "TRB_ROUND_STEP_UNEXPECTED" }),
    );
    await take(world, said(vote));
    await run(world, noFaults, 60);
    expect(world.journal.sums).toContain(1);
    expect(world.coordinator.ledger.map(parseLine)[1]).toMatchObject({ kind: "round", survivors: [1, 2, 3, 4].map(nodeName) });
  });

  test("of a vote: for exactly this set, from a survivor, once", async () => {
    const world = createWorld();
    const vote = await until(world, "vote");
    const other = { for: "survivors", sharers: [0, 1, 2, 3, 4].map(nodeName), survivors: [0, 1, 2, 3].map(nodeName) };
    expect(refusal(world, said(forge(vote, {}, { choice: other })))).toBe("TRB_SECAGG_VOTE_INVALID");
    expect(refusal(world, said(forge(vote, {}, { h1: hash("6") })))).toBe("TRB_SECAGG_VOTE_INVALID");
    await take(world, said(vote));
    expect(refusal(world, said(forge(vote, {}, { choice: { for: "abort" } })))).toBe("TRB_SECAGG_SECOND_MESSAGE");
  });

  test("of shares for unmasking: only what was asked for; a wrong share spoils nothing as long as enough are right", async () => {
    const world = createWorld();
    const message = await until(world, "unmaskShares");
    const [first, ...rest] = message.body.ownMask;
    const share = `01${"00".repeat(31)}`;
    expect(refusal(world, said(forge(message, {}, { maskKey: [{ node: nodeName(1), share }] })))).toBe(
      "TRB_SECAGG_SHARES_UNASKED",
    );
    expect(refusal(world, said(forge(message, {}, { ownMask: [first, first] })))).toBe("TRB_SECAGG_SHARES_UNASKED");
    expect(refusal(world, said(forge(message, {}, { ownMask: [{ node: nodeName(1), share: "ff".repeat(32) }] })))).toBe(
      "TRB_SECAGG_SHARE_MALFORMED",
    );
    await take(world, said(forge(message, {}, { ownMask: [{ ...first, share }, ...rest] })));
    await run(world, noFaults, 60);
    expect(world.journal.sums).toContain(1); // and the harness has compared the sum
  });
});

describe("a round that is given up", () => {
  const expire = (world: World, ...nodes: number[]) => {
    for (const i of nodes) stepAtNode(world, nodeOf(world, nodeName(i)), { type: "expired", round: 1 }, noFaults);
  };

  test("by a quorum of votes for abort is charged to nobody, and every node gets its charge back", async () => {
    const world = createWorld();
    while (world.coordinator.state.round?.phase !== "consistency") await run(world, noFaults, 1);
    world.queue.splice(0); // nobody hears who survived
    expire(world, 0, 1, 2, 3, 4);
    await run(world, noFaults, 12);
    expect(world.coordinator.ledger.map(parseLine)[1]).toMatchObject({
      kind: "aborted",
      charged: false,
      code: "TRB_ROUND_ABORT_VOTED",
    });
    for (const { state } of world.nodes) expect(state.charges.map(({ standing }) => standing)).toEqual(["refunded"]);
    expect(world.coordinator.state.charged).toEqual([0]);
  });

  test("by a quorum of a cohort smaller than the roster is verified by anyone: the entry says whose quorum it is", async () => {
    const world = createWorld();
    const missesOffer = { ...noFaults, lose: (to: string, event: string) => to === nodeName(4) && event === "offer" };
    while (world.coordinator.state.round?.phase !== "consistency") await run(world, missesOffer, 1);
    world.queue.splice(0);
    expire(world, 0, 1, 2); // ⌊(4 + 1)/2⌋ + 1 = 3 of the cohort's four; of the roster's five it would take four
    await run(world, noFaults, 3);
    const { ledger } = world.coordinator;
    const cohort = [0, 1, 2, 3].map(nodeName);
    expect(parseLine(ledger[1] ?? "")).toMatchObject({ kind: "aborted", charged: false, cohort });
    const file = new TextEncoder().encode(
      ledger
        .slice(0, 2)
        .map((line) => `${line}\n`)
        .join(""),
    );
    expect(verifyLedger(file, { crypto })).toMatchObject({ failures: [], rounds: { abortedRefunded: 1 } });
  });

  test("without such a quorum stays charged, whatever the entry claims", async () => {
    const world = createWorld();
    while (world.coordinator.state.round?.phase !== "consistency") await run(world, noFaults, 1);
    world.queue.splice(0);
    await take(world, { type: "deadline", round: 1, phase: "consistency" });
    await run(world, noFaults, 6);
    expect(world.coordinator.ledger.map(parseLine)[1]).toMatchObject({ kind: "aborted", charged: true });
    for (const { state } of world.nodes) expect(state.charges.map(({ standing }) => standing)).toEqual(["final"]);
  });

  test("is charged as soon as a masked vector may exist, although none has arrived", async () => {
    const world = createWorld();
    while (world.coordinator.state.round?.phase !== "masked") await run(world, noFaults, 1);
    while (world.nodes.some(({ state }) => state.charges.length === 0)) await run(world, noFaults, 1);
    if (world.coordinator.state.round.uploads.length > 0) throw new Error("an upload came too early for this test");
    world.queue.splice(0);
    await take(world, { type: "deadline", round: 1, phase: "masked" });
    expect(world.coordinator.ledger.map(parseLine)[1]).toMatchObject({ kind: "aborted", charged: true, step: "masked" });
    expect(world.coordinator.state.charged).toEqual([1]);
  });

  test("for an upload that was lost is charged, in the step that needs it and in no other, and another round follows", async () => {
    const world = createWorld();
    const lost: CoordinatorEvent = { type: "uploadLost", round: 1, code: "TRB_COORDINATOR_UPLOAD_LOST" };
    const phase = () => world.coordinator.state.round?.phase;
    while (phase() !== "consistency") await run(world, noFaults, 1);
    expect(stepCoordinator(world.coordinator.state, lost, coordinatorContext(world)).effects).toEqual([]);
    while (phase() !== "summing") await run(world, noFaults, 1);
    expect(stepCoordinator(world.coordinator.state, { ...lost, round: 2 }, coordinatorContext(world)).effects).toEqual([]);
    await take(world, lost);
    await run(world);
    const [, first, second] = world.coordinator.ledger.map(parseLine);
    expect(first).toMatchObject({ kind: "aborted", step: "summing", charged: true, code: "TRB_COORDINATOR_UPLOAD_LOST" });
    expect(second).toMatchObject({ kind: "round", round: 2 });
    for (const { state } of world.nodes) expect(state.charges[0]?.standing).toBe("final");
    const file = new TextEncoder().encode(world.coordinator.ledger.map((line) => `${line}\n`).join(""));
    expect(verifyLedger(file, { crypto })).toMatchObject({ failures: [], complete: true });
  });

  test("a set of survivors without a node, signed by a quorum, gives that node its charge back", async () => {
    const world = createWorld();
    const masked = await until(world, "masked"); // persisted and paid, but it never arrives
    expect(nodeOf(world, nodeName(0)).state.charges.map(({ standing }) => standing)).toEqual(["open"]);
    while (world.coordinator.state.lastRound < 2) await run(world, noFaults, 1);
    await run(world, noFaults, 8);
    expect(masked.sender).toBe(nodeName(0));
    expect(nodeOf(world, nodeName(0)).state.charges.map(({ standing }) => standing)).toEqual(["refunded"]);
    expect(nodeOf(world, nodeName(1)).state.charges.map(({ standing }) => standing)).toEqual(["final"]);
  });
});

describe("what is written down", () => {
  test("comes back as it was, on both sides", async () => {
    const world = createWorld();
    await until(world, "unmaskShares");
    const text = encodeCoordinatorState(world.coordinator.state);
    expect(encodeCoordinatorState(decodeCoordinatorState(text))).toBe(text);
    for (const other of ["", "[]", '{"version":1}']) {
      expect(() => decodeCoordinatorState(other)).toThrow(expect.objectContaining({ code: "TRB_FEDERATION_STATE_UNREADABLE" }));
      expect(() => decodeNodeState(other)).toThrow(expect.objectContaining({ code: "TRB_FEDERATION_STATE_UNREADABLE" }));
    }
  });

  test("of a node holds no vector, and no key of masks once the masked vector is there, and no share once it is released", async () => {
    const world = createWorld();
    await until(world, "masked");
    const { secrets } = nodeOf(world, nodeName(0)).state.round ?? { secrets: undefined };
    expect(secrets).toMatchObject({ encryptionSecret: null, maskSecret: null, ownSeed: null });
    expect(nodeOf(world, nodeName(0)).disk).not.toContain("unpersisted");
    const later = createWorld();
    await until(later, "unmaskShares");
    expect(nodeOf(later, nodeName(0)).state.round?.secrets).toBeNull();
    expect(nodeContext(nodeOf(later, nodeName(0))).now).toBeTypeOf("string");
  });
});
