/** Messages that come too early, too late, from who has no part in a step, or to a state that has lost what the step needs: each with its code. */
import { isTributaryError } from "@tributary/errors";
import { parseLine } from "@tributary/ledger";
import type { Message, MessageOf, NodeId, StepName } from "@tributary/protocol";
import { graphSeed } from "@tributary/secagg";
import { describe, expect, test } from "vitest";
import { stepCoordinator } from "./coordinator.ts";
import type { CoordinatorEvent } from "./coordinator-events.ts";
import type { CoordinatorPhase, CoordinatorState } from "./coordinator-state.ts";
import {
  coordinatorContext,
  createWorld,
  type Faults,
  nodeContext,
  nodeName,
  nodeOf,
  noFaults,
  run,
  stepAtCoordinator,
  stepAtNode,
  type World,
  type WorldOptions,
} from "./harness.test-support.ts";
import { coordinatorRefusal, forge, refusalOf } from "./lies.test-support.ts";
import { stepNode } from "./node.ts";
import type { NodePhase, NodeRound, NodeState } from "./node-state.ts";
import { dimension, hash } from "./parties.test-support.ts";

const self = nodeName(0);
const unexpected = "TRB_ROUND_STEP_UNEXPECTED";

/** Runs until the coordinator, or the node, is in this phase. */
async function runInto(
  world: World,
  at: { readonly coordinator?: CoordinatorPhase; readonly node?: NodePhase },
  faults = noFaults,
) {
  const there = () =>
    (at.coordinator === undefined || world.coordinator.state.round?.phase === at.coordinator) &&
    (at.node === undefined || nodeOf(world, self).state.round?.phase === at.node);
  for (let deliveries = 0; !there(); deliveries++) {
    if (world.finished || deliveries > 4000) throw new Error(`it never came to ${JSON.stringify(at)}`);
    await run(world, faults, 1);
  }
}

/** What this node hears, and what it says, in a round of these options: worlds are the same whenever they are made. */
async function transcriptOf(options: WorldOptions = { rounds: 1 }) {
  const world = createWorld(options);
  const [heard, said] = [new Map<StepName, Message>(), new Map<StepName, Message>()];
  while (!world.finished) {
    for (const { to, event } of world.queue) {
      const message = "message" in event ? event.message : undefined;
      if (message?.round !== 1) continue;
      if (to === self && !heard.has(message.step)) heard.set(message.step, message);
      if (to === "coordinator" && message.sender === self) said.set(message.step, message);
    }
    await run(world, noFaults, 1);
  }
  const of = (messages: ReadonlyMap<StepName, Message>) => (step: StepName) => {
    const message = messages.get(step);
    if (message === undefined) throw new Error(`no ${step} in the round`);
    return message;
  };
  return { heard: of(heard), said: of(said) };
}

const eventOf = (message: Message): CoordinatorEvent =>
  message.step === "masked" ? { type: "uploaded", message: message as MessageOf<"masked"> } : { type: "message", message };

describe("a node", () => {
  test("refuses what belongs to a later step, and what no coordinator says", async () => {
    const { heard, said } = await transcriptOf();
    const world = createWorld({ rounds: 1 });
    expect(refusalOf(world, self, heard("adverts"))).toBe("TRB_ROUND_NOT_CURRENT");
    await runInto(world, { node: "keys" });
    const early = (...steps: StepName[]) => steps.map((step) => refusalOf(world, self, heard(step)));
    // h₁ is not there yet, so that nothing can be bound to it
    expect(early("envelopes", "survivors", "unmask")).toEqual(Array(3).fill("TRB_SECAGG_TRANSCRIPT_MISMATCHED"));
    await runInto(world, { node: "shares" });
    expect(early("survivors", "unmask")).toEqual([unexpected, unexpected]);
    await runInto(world, { node: "masked" });
    expect(early("unmask")).toEqual([unexpected]);
    for (const step of ["advert", "shares", "vote", "unmaskShares"] as const) {
      const echo = forge(said(step) as MessageOf<"vote">, { sender: "coordinator" }, {}, "coordinator");
      expect(refusalOf(world, self, echo)).toBe("TRB_ROUND_SENDER_UNEXPECTED");
    }
  });

  test("that has left a round answers nothing in it", async () => {
    const { heard } = await transcriptOf();
    const leave = (world: World) => stepAtNode(world, nodeOf(world, self), { type: "expired", round: 1 }, noFaults);
    const left: readonly (readonly [NodePhase, StepName, string])[] = [
      ["keys", "adverts", unexpected],
      ["shares", "adverts", "accepted"],
      ["shares", "envelopes", unexpected],
      ["masked", "envelopes", "accepted"],
      ["masked", "survivors", "TRB_SECAGG_SECOND_SURVIVOR_SET"],
      ["voted", "survivors", "accepted"],
      ["unmasked", "unmask", "accepted"],
    ];
    for (const [phase, step, answer] of left) {
      const world = createWorld({ rounds: 1 });
      await runInto(world, { node: phase });
      leave(world);
      const party = nodeOf(world, self);
      expect(refusalOf(world, self, heard(step))).toBe(answer);
      if (answer !== "accepted") continue;
      const { state, effects } = stepNode(party.state, { type: "message", message: heard(step) }, nodeContext(party));
      expect([state, effects]).toEqual([party.state, []]);
    }
  });

  test("whose state has lost its secrets, or stands elsewhere, refuses the step that needs them", async () => {
    const { heard } = await transcriptOf();
    type Secrets = NonNullable<NodeRound["secrets"]>;
    const lost: readonly (readonly [NodePhase, StepName, (secrets: Secrets) => Partial<NodeRound>])[] = [
      ["keys", "adverts", () => ({ secrets: null })],
      ["keys", "adverts", (secrets) => ({ secrets: { ...secrets, encryptionSecret: null } })],
      ["keys", "adverts", (secrets) => ({ secrets: { ...secrets, maskSecret: null } })],
      ["keys", "adverts", (secrets) => ({ secrets: { ...secrets, ownSeed: null } })],
      ["shares", "envelopes", () => ({ secrets: null })],
      ["shares", "envelopes", (secrets) => ({ secrets: { ...secrets, encryptionSecret: null } })],
      ["shares", "envelopes", () => ({ phase: "reveal" })],
      ["masked", "survivors", () => ({ secrets: null })],
      ["masked", "survivors", () => ({ phase: "masking" })],
      ["voted", "unmask", () => ({ secrets: null })],
      ["voted", "unmask", () => ({ phase: "masked" })],
    ];
    for (const [phase, step, loss] of lost) {
      const world = createWorld({ rounds: 1 });
      await runInto(world, { node: phase });
      const { state } = nodeOf(world, self);
      const { round } = state;
      if (round === null || round.secrets === null) throw new Error("it has none");
      expect(refusalOf(world, self, heard(step), state)).toBe("accepted");
      const without: NodeState = { ...state, round: { ...round, ...loss(round.secrets) } };
      expect(refusalOf(world, self, heard(step), without)).toBe(unexpected);
    }
  });

  test("masks nothing without its secrets, nor twice, and keeps nothing of an upload that it never made", async () => {
    const world = createWorld({ rounds: 1 });
    await runInto(world, { node: "keys" });
    const party = nodeOf(world, self);
    const uploaded = (state: NodeState) => stepNode(state, { type: "uploaded", round: 1 }, nodeContext(party));
    expect(uploaded(party.state)).toEqual({ state: party.state, effects: [] });
    // a vector that comes before U2 is known waits: it would have nobody's masks
    const early = createWorld({ rounds: 1 });
    await runInto(early, { node: "shares" });
    const soon = nodeOf(early, self);
    const own = new Uint32Array(dimension).fill(7);
    const waiting = stepNode(soon.state, { type: "trained", round: 1, vector: own }, nodeContext(soon));
    expect(waiting).toEqual({ state: { ...soon.state, unpersisted: { vector: own } }, effects: [] });
    // the vector comes last: all else waits for it
    const late = createWorld({ rounds: 1 });
    const { vector } = await withoutVector(late);
    const slow = nodeOf(late, self);
    expect(slow.state.round?.phase).toBe("masking");
    const { round } = slow.state;
    if (round === null || round.secrets === null) throw new Error("it has no secrets");
    const { secrets } = round;
    const trained = (state: NodeState) => stepNode(state, { type: "trained", round: 1, vector }, nodeContext(slow));
    expect(trained(slow.state).effects.map(({ type }) => type)).toEqual(["persist", "upload"]);
    expect(trained(slow.state).state).toMatchObject({ round: { phase: "masked" }, unpersisted: { vector: null } });
    for (const changes of [
      ...[{ h1: null }, { secrets: null }, { secrets: { ...secrets, maskSecret: null } }],
      { secrets: { ...secrets, ownSeed: null } },
    ]) {
      const { state, effects } = trained({ ...slow.state, round: { ...round, ...changes } });
      expect(effects).toEqual([]);
      expect(state.charges).toEqual([]);
    }
    const masked = trained(slow.state).state;
    const told = uploaded(masked);
    expect(told.effects.map(({ type }) => type)).toEqual(["persist", "eraseVector"]);
    expect(uploaded(told.state)).toEqual({ state: told.state, effects: [] });
  });

  test("that hears who survived before it hears of its upload erases its vector: being among them, it arrived", async () => {
    const world = createWorld({ rounds: 1 });
    const { heard } = await transcriptOf();
    await runInto(world, { node: "masked" });
    const party = nodeOf(world, self);
    expect(party.state.round?.uploaded).toBe(false);
    const { state, effects } = stepNode(party.state, { type: "message", message: heard("survivors") }, nodeContext(party));
    expect(effects.map(({ type }) => type)).toEqual(["persist", "eraseVector", "send"]);
    expect(state.round).toMatchObject({ phase: "voted", uploaded: true });
  });

  test("leaves with a vote for abort if the others can count it, having stopped, persisted and erased; and votes once", async () => {
    const erased = ["persist", "eraseSecrets", "eraseVector"];
    const leaving: readonly (readonly [NodePhase, readonly string[]])[] = [
      ["keys", ["stopTraining", ...erased]],
      ["shares", ["stopTraining", ...erased, "send"]],
      ["masked", [...erased, "send"]],
      ["voted", erased],
      ["unmasked", erased],
    ];
    for (const [phase, types] of leaving) {
      for (const event of ["expired", "trainingFailed"] as const) {
        const world = createWorld({ rounds: 1 });
        await runInto(world, { node: phase });
        const party = nodeOf(world, self);
        const left = event === "expired" ? { type: event, round: 1 } : { type: event, round: 1, code: "TRB_TRAINING_FAILED" };
        const { state, effects } = stepNode(party.state, left, nodeContext(party));
        const over = event === "trainingFailed" && !types.includes("stopTraining"); // nothing is being trained any more
        expect(effects.map(({ type }) => type)).toEqual(over ? [] : types);
        if (over) continue;
        expect(
          effects.filter(({ type }) => type !== "persist" && type !== "send").every((one) => "round" in one && one.round === 1),
        ).toBe(true);
        expect(state).toMatchObject({ round: { phase: "left", secrets: null }, unpersisted: { vector: null } });
        const vote = types.includes("send") ? { body: { choice: { for: "abort" } } } : (party.state.round?.vote ?? null);
        if (vote === null) expect(state.round?.vote).toBeNull();
        else expect(state.round?.vote).toMatchObject(vote);
        // and not a second time
        const again = stepNode(state, { type: "expired", round: 1 }, nodeContext(party));
        expect(again).toEqual({ state, effects: [] });
      }
    }
  });

  test("that is offered the next round drops the one before, without a vote in it", async () => {
    const { heard } = await transcriptOf({ rounds: 2 });
    const world = createWorld({ rounds: 2 });
    await runInto(world, { node: "shares" });
    const next = forge(heard("offer") as MessageOf<"offer">, { round: 2 });
    const party = nodeOf(world, self);
    const { state, effects } = stepNode(party.state, { type: "message", message: next }, nodeContext(party));
    expect(effects.map(({ type }) => type)).toEqual([
      ...["stopTraining", "persist", "eraseSecrets", "eraseVector"],
      ...["persist", "setExpiry", "startTraining", "send"],
    ]);
    expect(effects.at(-1)).toMatchObject({ message: { step: "advert", round: 2 } });
    expect(state).toMatchObject({ lastRound: 2, round: { number: 2, vote: null } });
  });

  test("that hears everybody's randomness again says its shares again, for the same graph alone and while they may be missing", async () => {
    const { heard } = await transcriptOf();
    const world = createWorld({ rounds: 1 });
    await runInto(world, { node: "shares" });
    const party = nodeOf(world, self);
    const { round, planHash } = party.state;
    if (round === null || round.h1 === null) throw new Error("it is in no round");
    const { h1, modelHash } = round;
    const reveals = ["ab".repeat(32), "cd".repeat(32)];
    const seed = graphSeed(nodeContext(party).crypto, { planHash, modelHash, round: 1, h1 }, reveals);
    const { body: _, ...header } = heard("adverts");
    const tell = (list: readonly string[], changes: Partial<NodeRound> = {}) => {
      const message = forge({ ...header, step: "reveals", body: { h1, reveals: list } } as unknown as MessageOf<"reveals">, {});
      const state: NodeState = { ...party.state, round: { ...round, graphSeed: seed, ...changes } };
      return stepNode(state, { type: "message", message }, nodeContext(party)).effects;
    };
    expect(tell(reveals)).toEqual([{ type: "send", message: round.shares }]);
    expect(tell(reveals, { phase: "masked" })).toEqual([]);
    const mismatch = expect.objectContaining({ code: "TRB_SECAGG_TRANSCRIPT_MISMATCHED" });
    expect(() => tell(reveals.toReversed())).toThrow(mismatch);
    expect(() => tell(reveals, { h1: hash("another") })).toThrow(mismatch);
    // before anybody was asked to reveal
    expect(() => tell(reveals, { graphSeed: null })).toThrow(expect.objectContaining({ code: unexpected }));
  });

  test("wipes the keys of envelopes once they are sealed or open", async () => {
    const { heard } = await transcriptOf();
    for (const [phase, step] of [
      ["keys", "adverts"],
      ["shares", "envelopes"],
    ] as const) {
      const world = createWorld({ rounds: 1 });
      await runInto(world, { node: phase });
      const party = nodeOf(world, self);
      const made: Uint8Array[] = [];
      const { crypto, ...context } = nodeContext(party);
      const hkdf: typeof crypto.hkdf = (...input) => {
        const key = crypto.hkdf(...input);
        if (input.some((part) => part instanceof Uint8Array && Buffer.from(part).includes("envelope key"))) made.push(key);
        return key;
      };
      stepNode(party.state, { type: "message", message: heard(step) }, { ...context, crypto: { ...crypto, hkdf } });
      expect(made).toHaveLength(4);
      for (const key of made) expect(key.every((byte) => byte === 0)).toBe(true);
    }
  });
});

/** A world in which this node's training takes until everybody else has uploaded. */
async function withoutVector(world: World): Promise<{ readonly vector: Uint32Array }> {
  for (let deliveries = 0; deliveries < 4000; deliveries++) {
    const place = world.queue.findIndex(({ to, event }) => to === self && event.type === "trained");
    const [found] = place < 0 ? [] : world.queue.splice(place, 1);
    if (found?.event.type === "trained") {
      const { vector } = found.event as { vector: Uint32Array };
      await runInto(world, { node: "masking" });
      return { vector };
    }
    await run(world, noFaults, 1);
  }
  throw new Error("it never trained");
}

describe("the coordinator", () => {
  test("refuses what belongs to a later step", async () => {
    const { said } = await transcriptOf();
    const world = createWorld({ rounds: 1 });
    const early = (...steps: StepName[]) => steps.map((step) => coordinatorRefusal(world, eventOf(said(step))));
    expect(early("advert")).toEqual(["TRB_ROUND_NOT_CURRENT"]);
    await runInto(world, { coordinator: "keys" });
    expect(early("shares", "masked", "vote")).toEqual([unexpected, unexpected, unexpected]);
    expect(early("unmaskShares")).toEqual(["TRB_ROUND_NOT_INVITED"]);
    await runInto(world, { coordinator: "shares" });
    expect(early("masked", "vote")).toEqual([unexpected, unexpected]);
    await runInto(world, { coordinator: "masked" });
    expect(early("vote")).toEqual([unexpected]);
    await runInto(world, { coordinator: "consistency" });
    expect(early("unmaskShares")).toEqual([unexpected]);
  });

  test("refuses what comes after its step is over, and whoever had no part in the step before", async () => {
    const { said } = await transcriptOf();
    const deaf = (event: string): Faults => ({ ...noFaults, lose: (to, what) => to === self && what === event });
    // it never answered the offer
    const keys = createWorld({ nodes: 5, rounds: 1 });
    await runInto(keys, { coordinator: "shares" }, deaf("offer"));
    expect(coordinatorRefusal(keys, eventOf(said("advert")))).toBe(unexpected);
    expect(coordinatorRefusal(keys, eventOf(said("shares")))).toBe("TRB_ROUND_NOT_INVITED");
    await runInto(keys, { coordinator: "masked" }, deaf("offer"));
    expect(coordinatorRefusal(keys, eventOf(said("masked")))).toBe("TRB_ROUND_NOT_INVITED");
    // it never shared
    const shares = createWorld({ nodes: 5, rounds: 1 });
    await runInto(shares, { coordinator: "masked" }, deaf("adverts"));
    expect(coordinatorRefusal(shares, eventOf(said("shares")))).toBe(unexpected);
    expect(coordinatorRefusal(shares, eventOf(said("masked")))).toBe("TRB_ROUND_NOT_INVITED");
    // a node that isn't invited at all
    const invited = createWorld({ nodes: 6, rounds: 1 });
    invited.queue.length = 0;
    await stepAtCoordinator(invited, { type: "start", online: [1, 2, 3, 4].map(nodeName) }, noFaults);
    const advert = forge(said("advert") as MessageOf<"advert">, { modelHash: invited.coordinator.state.modelHash });
    const here = forge(advert, { planHash: invited.coordinator.state.planHash });
    expect(coordinatorRefusal(invited, eventOf(here))).toBe("TRB_ROUND_NOT_INVITED");
  });

  test("takes one vote of a node, for survivors or for abort, and no vote for abort once a quorum stands", async () => {
    const { said } = await transcriptOf();
    const world = createWorld({ rounds: 1 });
    await runInto(world, { coordinator: "consistency" });
    const vote = said("vote") as MessageOf<"vote">;
    await stepAtCoordinator(world, eventOf(vote), noFaults);
    const fewer = { ...vote.body.choice, survivors: [0, 1, 2, 3].map(nodeName) };
    expect(coordinatorRefusal(world, eventOf(forge(vote, {}, { choice: fewer })))).toBe("TRB_SECAGG_SECOND_MESSAGE");
    const stop = forge(vote, {}, { choice: { for: "abort" } });
    expect(coordinatorRefusal(world, eventOf(stop))).toBe("TRB_SECAGG_SECOND_MESSAGE");
    await runInto(world, { coordinator: "unmask" });
    const { round } = world.coordinator.state;
    const last = world.nodes.map(({ id }) => id).find((id) => !round?.votes.some(({ sender }) => sender === id)) as NodeId;
    const late = forge(vote, { sender: last }, { choice: { for: "abort" } }, last);
    expect(coordinatorRefusal(world, eventOf(late))).toBe(unexpected);

    const aborting = createWorld({ rounds: 1 });
    await runInto(aborting, { coordinator: "consistency" });
    await stepAtCoordinator(aborting, eventOf(stop), noFaults);
    const { state } = aborting.coordinator;
    expect(state.round?.abortVotes).toEqual([stop]);
    expect(stepCoordinator(state, eventOf(stop), coordinatorContext(aborting))).toEqual({ state, effects: [] });
    expect(coordinatorRefusal(aborting, eventOf(vote))).toBe("TRB_SECAGG_SECOND_MESSAGE");
    const other = forge(vote, { sender: nodeName(1) }, { choice: { for: "abort" } }, nodeName(1));
    const second = stepCoordinator(state, eventOf(other), coordinatorContext(aborting));
    expect(second.effects).toEqual([]);
    expect(second.state.round?.abortVotes).toHaveLength(2);
  });

  test.each(["shares", "masked", "consistency"] as const)(
    "gives a round up in step %s when a quorum votes for it, and nobody pays",
    async (phase) => {
      const world = createWorld({ rounds: 1 });
      const all = ({ state }: World["nodes"][number]) => state.round?.h1 !== null;
      await runInto(world, { coordinator: phase });
      while (!world.nodes.every(all)) await run(world, noFaults, 1);
      if (world.coordinator.state.round?.phase !== phase) throw new Error("it went on");
      world.queue.length = 0;
      for (const party of world.nodes) stepAtNode(world, party, { type: "expired", round: 1 }, noFaults);
      const votes = world.queue.splice(0, 4);
      for (const { event } of votes.slice(0, 3)) await stepAtCoordinator(world, event as CoordinatorEvent, noFaults);
      expect(world.coordinator.state.round?.phase).toBe(phase);
      const { effects, state } = stepCoordinator(
        world.coordinator.state,
        votes[3]?.event as CoordinatorEvent,
        coordinatorContext(world),
      );
      const [written, sent, ...rest] = effects;
      expect(written?.type === "persist" && written.entry?.entry).toMatchObject({
        ...{ kind: "aborted", code: "TRB_ROUND_ABORT_VOTED", step: phase, charged: false },
        cohort: world.nodes.map(({ id }) => id),
      });
      expect(sent).toMatchObject({ type: "send", to: world.nodes.map(({ id }) => id), message: { step: "abort" } });
      expect(rest).toEqual([
        { type: "eraseUploads", round: 1 },
        { type: "roundEnded", round: 1, released: false },
      ]);
      expect(state).toMatchObject({ charged: [0], round: null });
    },
  );

  test("gives a round up when too few have come by the end of a step, each step under its own code", async () => {
    const lost: readonly (readonly [string, string, string, boolean])[] = [
      ["advert", "keys", "TRB_ROUND_COHORT_TOO_SMALL", false],
      ["shares", "shares", "TRB_SECAGG_TOO_FEW_SHARERS", false],
      ["uploaded", "masked", "TRB_SECAGG_TOO_FEW_SURVIVORS", true],
      ["vote", "consistency", "TRB_ROUND_DEADLINE_PASSED", true],
      ["unmaskShares", "unmask", "TRB_ROUND_DEADLINE_PASSED", true],
    ];
    for (const [message, step, code, charged] of lost) {
      const world = createWorld({ rounds: 1 });
      let heard = 0;
      const lose = (to: string, event: string) => to === "coordinator" && event === message && heard++ > 2; // three come
      for (let turns = 0; world.coordinator.ledger.length < 2; turns++) {
        if (turns > 2000) throw new Error("the ledger doesn't grow");
        await run(world, { ...noFaults, lose }, 1);
      }
      const entry = parseLine(world.coordinator.ledger[1] ?? "");
      expect(entry).toMatchObject({ kind: "aborted", step, code, charged, votes: [] });
      expect("cohort" in entry).toBe(step !== "keys");
      expect(entry).not.toHaveProperty("protocol"); // the oldest version goes without saying
    }
  });

  test("says in which version a round was spoken that it gave up", async () => {
    const parties = ["coordinator", ...createWorld().nodes.map(({ id }) => id)];
    const world = createWorld({ rounds: 1, versions: Object.fromEntries(parties.map((party) => [party, "1.4"])) });
    await runInto(world, { coordinator: "shares" });
    await stepAtCoordinator(world, { type: "deadline", round: 1, phase: "shares" }, noFaults);
    expect(parseLine(world.coordinator.ledger[1] ?? "")).toMatchObject({ kind: "aborted", protocol: "1.4" });
  });

  test("whose state has lost h₁, or the sum, refuses whatever is bound to it", async () => {
    const { said } = await transcriptOf();
    for (const phase of ["shares", "masked", "consistency", "unmask", "applying"] as const) {
      const world = createWorld({ rounds: 1 });
      await runInto(world, { coordinator: phase });
      const { state } = world.coordinator;
      const lost = (changes: object): CoordinatorState => ({
        ...state,
        round: state.round && { ...state.round, ...changes, votes: [], uploads: [], unmaskShares: [] },
      });
      const refusal = (event: CoordinatorEvent, changes: object) => {
        try {
          stepCoordinator(lost(changes), event, coordinatorContext(world));
        } catch (error) {
          if (isTributaryError(error)) return error.code;
          throw error;
        }
        return "accepted";
      };
      const connected: CoordinatorEvent = { type: "connected", node: self };
      const applied: CoordinatorEvent = { type: "applied", round: 1, modelHash: hash("next"), optimiserHash: null };
      if (phase === "applying") {
        expect([{ h1: null }, { sumHash: null }].map((changes) => refusal(applied, changes))).toEqual([unexpected, unexpected]);
        continue;
      }
      if (phase !== "shares") expect(refusal(connected, { h1: null })).toBe(unexpected);
      if (phase === "consistency") expect(refusal(eventOf(said("vote")), { h1: null })).toBe(unexpected);
      if (phase === "unmask") expect(refusal(eventOf(said("unmaskShares")), { h1: null })).toBe(unexpected);
      const stop = forge(said("vote") as MessageOf<"vote">, {}, { choice: { for: "abort" } });
      expect(refusal(eventOf(stop), { h1: null })).toBe(unexpected);
    }
  });
});
