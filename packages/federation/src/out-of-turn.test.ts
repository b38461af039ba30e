/** Messages that come to a node too early, too late, or when it has left or lost what the step needs: each with its code; and how it leaves. */
import type { MessageOf, StepName } from "@tributary/protocol";
import { graphSeed } from "@tributary/secagg";
import { describe, expect, test } from "vitest";
import { createWorld, nodeContext, nodeName, nodeOf, noFaults, run, stepAtNode, type World } from "./harness.test-support.ts";
import { forge, refusalOf, runInto, transcriptOf } from "./lies.test-support.ts";
import { stepNode } from "./node.ts";
import type { NodePhase, NodeRound, NodeState } from "./node-state.ts";
import { dimension, hash } from "./parties.test-support.ts";

const self = nodeName(0);
const unexpected = "TRB_ROUND_STEP_UNEXPECTED";

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
