/** Messages that come to the coordinator too early, too late, from who has no part in a step, or to a state that has lost what it needs: each with its code. */
import { isTributaryError } from "@tributary/errors";
import { parseLine } from "@tributary/ledger";
import type { MessageOf, NodeId, StepName } from "@tributary/protocol";
import { describe, expect, test } from "vitest";
import { stepCoordinator } from "./coordinator.ts";
import type { CoordinatorEvent } from "./coordinator-events.ts";
import type { CoordinatorState } from "./coordinator-state.ts";
import {
  coordinatorContext,
  createWorld,
  type Faults,
  nodeName,
  noFaults,
  run,
  stepAtCoordinator,
  stepAtNode,
  type World,
} from "./harness.test-support.ts";
import { coordinatorRefusal, eventOf, forge, runInto, transcriptOf } from "./lies.test-support.ts";
import { hash } from "./parties.test-support.ts";

const self = nodeName(0);
const unexpected = "TRB_ROUND_STEP_UNEXPECTED";

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
