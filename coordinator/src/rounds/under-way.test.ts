/** Which node is at which step, read off the round's state in each phase. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CoordinatorPhase, CoordinatorRound } from "@tributary/federation";
import type { NodeId } from "@tributary/protocol";
import { afterAll, expect, test } from "vitest";
import { testPlan } from "../scripted-node.test-support.ts";
import { roundNow } from "./under-way.ts";

const nodes = (...names: string[]) => names as NodeId[];
const from = (...names: string[]) => names.map((sender) => ({ sender })) as never;

/** Five were invited; `e` never came, `d` shared nothing, `c` uploaded nothing. */
function roundIn(phase: CoordinatorPhase, more: Partial<CoordinatorRound> = {}): CoordinatorRound {
  const order: readonly CoordinatorPhase[] = ["keys", "shares", "masked", "consistency", "unmask", "summing"];
  const past = (step: CoordinatorPhase) => order.indexOf(phase) > order.indexOf(step);
  return {
    ...{ number: 7, release: 0, phase, invited: nodes("b", "a", "c", "d", "e"), offer: {} as never, h1: null },
    adverts: from("a", "b", "c", "d"),
    cohort: past("keys") ? nodes("a", "b", "c", "d") : [],
    ...{ reveals: [], graphSeed: null, recovered: {}, unmasking: null, sumHash: null },
    shares: phase === "shares" ? from("a", "b") : [],
    sharers: past("shares") ? nodes("a", "b", "c") : [],
    uploads: past("shares") ? from("a", "b") : [],
    survivors: past("masked") ? nodes("a", "b") : [],
    votes: phase === "consistency" ? from("a") : past("consistency") ? from("a", "b") : [],
    ...{ abortVotes: [], unmaskShares: phase === "unmask" ? from("b") : past("unmask") ? from("a", "b") : [] },
    ...more,
  };
}

const home = mkdtempSync(join(tmpdir(), "tributary-under-way-"));
afterAll(() => rmSync(home, { recursive: true }));
const plan = testPlan(home);
const about = { connected: new Set(["a", "c"]), startedAt: "2026-11-30T10:00:00.000Z", exact: undefined };
const told = (round: CoordinatorRound) =>
  roundNow(plan, round, about).nodes.map(({ node, done, state }) => `${node} ${done} ${state}`);

test.each<[CoordinatorPhase, string[]]>([
  ["keys", ["a keys there", "b keys there", "c keys there", "d keys there", "e offer waited-for"]],
  ["shares", ["a shares there", "b shares there", "c keys waited-for", "d keys waited-for", "e offer out"]],
  ["masked", ["a masked there", "b masked there", "c shares waited-for", "d keys out", "e offer out"]],
  ["consistency", ["a consistency there", "b masked waited-for", "c shares out", "d keys out", "e offer out"]],
  ["unmask", ["a consistency waited-for", "b unmask there", "c shares out", "d keys out", "e offer out"]],
  ["summing", ["a unmask there", "b unmask there", "c shares out", "d keys out", "e offer out"]],
])("in the phase %s", (phase, expected) => {
  expect(told(roundIn(phase))).toEqual(expected);
});

test("reveals are a step of rounds on a graph alone", () => {
  const revealing = roundIn("shares", { phase: "reveal", shares: [], reveals: from("a") });
  expect(told(revealing).slice(0, 2)).toEqual(["a reveal there", "b keys waited-for"]);
});

test("who is connected, what has arrived, and until when it is waited for", () => {
  const { deadlines } = plan;
  const round = roundNow(plan, roundIn("masked"), about);
  expect(round.nodes.filter(({ connected }) => connected).map(({ node }) => node)).toEqual(["a", "c"]);
  const vector = 4 * (plan.releases[0]?.dimension ?? 0);
  expect(round.bytes).toEqual({ vector, arrived: 2 * vector });
  const most = deadlines.keys + deadlines.shares + deadlines.uploadOffset + deadlines.masked;
  expect(round.deadline).toEqual({ at: new Date(Date.parse(about.startedAt) + most).toISOString(), exact: false });
  const exact = "2026-11-30T10:00:05.000Z";
  expect(roundNow(plan, roundIn("masked"), { ...about, exact }).deadline).toEqual({ at: exact, exact: true });
  expect(roundNow(plan, roundIn("masked"), { ...about, startedAt: null }).deadline).toBeNull();
  expect(roundNow(plan, roundIn("summing"), about).deadline).toBeNull();
});
