/** A roster that changes between rounds: the coordinator's reducer, the nodes' and the verifier against a model of a few lines. */
import { earliestChange, parseLine, rosterAt, verifyLedger } from "@tributary/ledger";
import { fingerprintOf, type NodeId, signMember, signRotation } from "@tributary/protocol";
import { describe, expect, test } from "vitest";
import { stepCoordinator } from "./coordinator.ts";
import { decodeCoordinatorState, encodeCoordinatorState, whatFollows } from "./coordinator-state.ts";
import {
  addNode,
  coordinatorContext,
  createWorld,
  nodeName,
  nodeOf,
  noFaults,
  run,
  runToRest,
  stepAtCoordinator,
  type World,
} from "./harness.test-support.ts";
import { decodeNodeState, encodeNodeState } from "./node-state.ts";
import { crypto, identity, seeded } from "./parties.test-support.ts";
import type { Note } from "./steps/note.ts";

const operator = "platform";
const member = (node: NodeId, label: string = node) =>
  signMember(identity(label), "test", { node, key: identity(label).key, kind: "merchant" });
const admission = (node: NodeId, label: string = node): Note => ({
  ...{ kind: "roster", revoked: [], admitted: [member(node, label)], operator, reason: "it asked to join" },
});
const rotation = (node: NodeId, from: string, to: string): Note => {
  const [previous, next] = [identity(from), identity(to)];
  const rotated = [signRotation({ previous, next }, "test", { node, key: next.key, kind: "merchant" })];
  return { kind: "roster", revoked: [], rotated, operator, reason: "a new key" };
};
const revocation = (node: NodeId): Note => ({ kind: "roster", revoked: [node], operator, reason: "it left" });

/** Whether the coordinator wrote it. */
async function write(world: World, note: Note): Promise<boolean> {
  const before = world.coordinator.ledger.length;
  await stepAtCoordinator(world, { type: "note", note }, noFaults);
  return world.coordinator.ledger.length > before;
}

/** To the closing entry, and until everybody has heard of it. */
async function runOut(world: World): Promise<void> {
  await run(world);
  world.finished = false;
  while (world.queue.length > 0) await run(world, noFaults, 1);
}

const findingsIn = (world: World) => {
  const text = world.coordinator.ledger.map((line) => `${line}\n`).join("");
  const { failures } = verifyLedger(new TextEncoder().encode(text), { crypto });
  return failures.filter(({ code }) => code !== "TRB_LEDGER_PLAN_REFUSED").map(({ entry, code }) => `${entry} ${code}`);
};
/** Cohorts by round. */
const cohortsIn = (world: World) =>
  new Map(
    world.coordinator.ledger.flatMap((line) => {
      const entry = parseLine(line);
      return entry.kind === "round" ? [[entry.round, entry.cohort] as const] : [];
    }),
  );

describe("who is admitted", () => {
  test("takes part from the round after the next one, having followed the ledger from its first entry", async () => {
    const world = createWorld({ nodes: 5, rounds: 4 });
    await runToRest(world);
    const late = nodeName(5);
    expect(await write(world, admission(late))).toBe(true);
    addNode(world, late);
    const { lastRound, rosterChanges, plan } = world.coordinator.state;
    expect(rosterChanges.map(({ from, entry }) => [from, entry])).toEqual([[earliestChange(plan, lastRound), 2]]);
    await runOut(world);
    const sizes = [...cohortsIn(world)].map(([round, cohort]) => [round, cohort.includes(late)]);
    expect(sizes).toEqual([
      [1, false],
      [2, false],
      [3, true],
      [4, true],
    ]);
    expect(findingsIn(world)).toEqual([]);
    expect(nodeOf(world, late).state).toMatchObject({ head: world.coordinator.state.head, closed: true });
    expect(nodeOf(world, late).state.charges.map(({ round }) => round)).toEqual([3, 4]);
  });

  test("counts among those whom a node trusts only if it is named by its key", async () => {
    // four founders of whom each trusts two others; minCohort − maxCorrupt is what it needs
    const world = createWorld({ nodes: 4, rounds: 4 });
    const least = world.plan.minCohort - world.plan.maxCorrupt;
    await runToRest(world);
    for (const [i, name] of [nodeName(4), nodeName(5)].entries()) {
      await write(world, admission(name));
      addNode(world, name);
      const party = nodeOf(world, name);
      // the first newcomer trusts itself and nobody else of them
      if (i === 0) party.state = { ...party.state, policy: { ...party.state.policy, trustedPeers: [] } };
    }
    await runOut(world);
    expect(least).toBeGreaterThan(1);
    expect(world.journal.refusals).toContain(`${nodeName(4)} adverts TRB_ROUND_TOO_FEW_TRUSTED`);
    expect(world.journal.refusals).not.toContain(`${nodeName(5)} adverts TRB_ROUND_TOO_FEW_TRUSTED`);
    expect(world.journal.refusals).not.toContain(`${nodeName(0)} adverts TRB_ROUND_TOO_FEW_TRUSTED`);
  });

  test("may not be offered a round before: neither does it accept one, nor do the others have it in theirs", async () => {
    const world = createWorld({ nodes: 5, rounds: 3 });
    await runToRest(world);
    const late = nodeName(5);
    await write(world, admission(late));
    addNode(world, late);
    // a coordinator that lies of its own state, from which the offer goes to the newcomer
    const { coordinator } = world;
    const truth = coordinator.state.rosterChanges;
    coordinator.state = { ...coordinator.state, rosterChanges: truth.map((change) => ({ ...change, from: 1 })) };
    world.queue.length = 0;
    await stepAtCoordinator(world, { type: "start", online: world.nodes.map(({ id }) => id) }, noFaults);
    await runToRest(world);
    expect(world.journal.refusals).toContain(`${late} offer TRB_ROUND_NOT_IN_ROSTER`);

    coordinator.state = { ...coordinator.state, rosterChanges: truth };
    const early = { ...admission(nodeName(6)), from: coordinator.state.lastRound + 1 } as Note;
    expect(await write(world, early)).toBe(false);
    expect(await write(world, { ...early, from: coordinator.state.lastRound + 2 } as Note)).toBe(true);
  });

  test("makes up for who was revoked: a round that can have no cohort is passed over, and costs nothing", async () => {
    const world = createWorld({ nodes: 4, rounds: 2, plan: { minCohort: 4, maxCorrupt: 1 } });
    await runToRest(world);
    await write(world, revocation(nodeName(0)));
    expect(whatFollows(world.coordinator.state)).toHaveProperty("closing");
    const late = nodeName(4);
    await write(world, admission(late));
    addNode(world, late);
    expect(whatFollows(world.coordinator.state)).toEqual({ passed: 2, of: 0 });
    await runOut(world);
    expect([...cohortsIn(world)].map(([round, cohort]) => [round, cohort])).toEqual([
      [1, [0, 1, 2, 3].map(nodeName)],
      [3, [1, 2, 3, 4].map(nodeName)],
    ]);
    expect(world.coordinator.state).toMatchObject({ charged: [2], completed: 2, closed: true });
    expect(findingsIn(world)).toEqual([]);
  });
});

describe("a key that is another one", () => {
  const node = nodeName(1);

  test("is signed with from its round on, and the old one is refused", async () => {
    const world = createWorld({ nodes: 5, rounds: 4 });
    await runToRest(world);
    expect(await write(world, rotation(node, node, "second"))).toBe(true);
    await runToRest(world); // round 2, still under the old key
    expect(rosterAt(world.coordinator.state, 2).find((one) => one.node === node)?.key).toBe(identity(node).key);
    await stepAtCoordinator(world, { type: "start", online: world.nodes.map(({ id }) => id) }, noFaults);
    world.queue.shift(); // the start that waited
    while (nodeOf(world, node).state.round?.number !== 3) await run(world, noFaults, 1);
    const advert = nodeOf(world, node).state.round?.advert;
    if (advert === undefined) throw new Error("no advert");
    const { signature: _, ...unsigned } = advert;
    const old = { ...unsigned, signature: signMember(identity(node), "test", member(node)).signature };
    expect(() =>
      stepCoordinator(world.coordinator.state, { type: "message", message: old }, coordinatorContext(world)),
    ).toThrow(expect.objectContaining({ code: "TRB_ROUND_SIGNATURE_INVALID" }));
    await runOut(world);
    expect(findingsIn(world)).toEqual([]);
    // whoever trusted the first key trusts the second, which it signed: nobody fell short
    expect(world.journal.refusals.filter((refusal) => refusal.includes("TRUSTED"))).toEqual([]);
    expect([...cohortsIn(world).values()].map((cohort) => cohort.includes(node))).toEqual([true, true, true, true]);
  });

  test("is not taken when the old one did not sign it, and no key counts twice", async () => {
    const world = createWorld({ nodes: 5, rounds: 4 });
    await runToRest(world);
    const wrong: readonly Note[] = [
      rotation(node, nodeName(2), "second"), // somebody else's word
      rotation(node, node, nodeName(2)), // somebody else's key
      rotation(node, node, node), // the same key
      rotation(nodeName(7), nodeName(7), "second"), // a stranger
      { ...rotation(node, node, "second"), from: 2 } as Note, // without notice
    ];
    for (const note of wrong) expect(await write(world, note)).toBe(false);
    expect(await write(world, rotation(node, node, "second"))).toBe(true);
    expect(await write(world, rotation(node, node, "third"))).toBe(false); // the second is not in force yet
    await runToRest(world);
    await runToRest(world);
    expect(await write(world, rotation(node, node, "third"))).toBe(false); // by a key that was replaced
    expect(await write(world, rotation(node, "second", node))).toBe(false); // back to it
    expect(await write(world, admission(nodeName(8), node))).toBe(false); // as somebody else's
    expect(await write(world, rotation(node, "second", "third"))).toBe(true);
    await runOut(world);
    expect(findingsIn(world)).toEqual([]);
  });
});

test("states of builds before rosters changed are read as states of a roster that never did", () => {
  const world = createWorld();
  const { rosterChanges: _, ...coordinator } = JSON.parse(encodeCoordinatorState(world.coordinator.state));
  expect(decodeCoordinatorState(JSON.stringify(coordinator))).toEqual(world.coordinator.state);
  const [party] = world.nodes;
  if (party === undefined) throw new Error("no node");
  const { rosterChanges: __, ...node } = JSON.parse(encodeNodeState(party.state));
  expect(decodeNodeState(JSON.stringify(node))).toEqual(party.state);
});

test("states of builds before rounds on a graph of neighbours are read as of rounds without one, a round under way among them", async () => {
  const world = createWorld();
  while (world.coordinator.state.round?.phase !== "shares") await run(world, noFaults, 1);
  const { barred: _, round: coordinating, ...coordinator } = JSON.parse(encodeCoordinatorState(world.coordinator.state));
  const { reveals: _r, graphSeed: _g, recovered: _c, ...older } = coordinating;
  expect(decodeCoordinatorState(JSON.stringify({ ...coordinator, round: older }))).toEqual(world.coordinator.state);
  const [party] = world.nodes;
  if (party === undefined) throw new Error("no node");
  while (party.state.round?.phase !== "masked") await run(world, noFaults, 1);
  const { graphsDrawn: _d, barred: _b, round: masking, ...node } = JSON.parse(encodeNodeState(party.state));
  const { reveal: _v, cohort: _u, graphSeed: _s, ...old } = masking;
  expect(decodeNodeState(JSON.stringify({ ...node, round: old }))).toEqual(party.state);
});

/** What is known of one name, in a model that knows no ledger. */
interface Known {
  readonly from: number;
  readonly keys: readonly { readonly label: string; readonly from: number }[];
  readonly revoked: boolean;
}

describe("whatever is asked for between rounds", () => {
  const seeds = Array.from({ length: 8 }, (_, seed) => seed);

  test.each(seeds)("seed %i: who is in a round, what is refused and what verifies is what the model says", async (seed) => {
    const source = seeded(`roster world ${seed}`);
    const below = (most: number) => Math.floor(source.number() * most);
    const notice = 1 + below(2);
    const world = createWorld({
      nodes: 5 + below(2),
      rounds: 7,
      plan: { minCohort: 4, maxCorrupt: 1, ...(notice === 1 ? {} : { rosterNotice: notice }) },
    });
    const founders = world.nodes.map(({ id }) => id);
    const known = new Map<NodeId, Known>(
      founders.map((id) => [id, { from: 1, keys: [{ label: id, from: 1 }], revoked: false }]),
    );
    const used = new Set<string>(founders);
    const membersAt = (round: number) =>
      [...known].filter(([, { from, revoked }]) => !revoked && from <= round).map(([id]) => id);
    const expected = new Map<number, readonly NodeId[]>();
    let made = 0;

    for (let round = 1; round <= 7 && !world.finished; round++) {
      for (let asked = below(4); asked > 0; asked--) {
        const last = world.coordinator.state.lastRound;
        const earliest = last + 1 + notice;
        const from = below(5) === 0 ? last + 1 + below(notice) : earliest; // at times too early
        const names = [...known.keys()];
        const name = names[below(names.length)] as NodeId;
        const one = known.get(name) as Known;
        const kind = below(5);
        let note: Note;
        let fits = from >= earliest;
        if (kind < 2) {
          const fresh = nodeName(10 + made++);
          const taken = below(4) === 0;
          const label = below(4) === 0 ? ([...used][below(used.size)] as string) : fresh;
          note = { ...admission(taken ? name : fresh, label), from } as Note;
          fits &&= !taken && !used.has(label);
          if (fits) {
            known.set(fresh, { from, keys: [{ label, from }], revoked: false });
            used.add(label);
            addNode(world, fresh);
          }
        } else if (kind < 4) {
          const current = one.keys.findLast((key) => key.from <= last + 1);
          const by = below(5) === 0 ? nodeName(9) : (current?.label ?? "nobody");
          const label = below(5) === 0 ? ([...used][below(used.size)] as string) : `key ${seed} ${made++}`;
          note = { ...rotation(name, by, label), from } as Note;
          const isPending = one.keys.some((key) => key.from > last + 1);
          fits &&= current !== undefined && by === current.label && !isPending && !one.revoked && !used.has(label);
          if (fits) {
            known.set(name, { ...one, keys: [...one.keys, { label, from }] });
            used.add(label);
          }
        } else {
          const left = membersAt(Number.POSITIVE_INFINITY).length;
          if (left <= 5) continue; // the federation goes on
          note = revocation(name);
          fits = !one.revoked;
          if (fits) known.set(name, { ...one, revoked: true });
        }
        expect([JSON.stringify(note), await write(world, note)]).toEqual([JSON.stringify(note), fits]);
      }
      const number = world.coordinator.state.lastRound + 1;
      const members = membersAt(number).sort();
      if (members.length >= 4) expected.set(number, members);
      await runToRest(world);
    }
    await runOut(world);

    expect(world.coordinator.state.closed).toBe(true);
    const cohorts = cohortsIn(world);
    for (const [round, members] of expected) expect([round, cohorts.get(round)]).toEqual([round, members]);
    expect(findingsIn(world)).toEqual([]);
    const { rosterChanges, head } = world.coordinator.state;
    for (const { id, state } of world.nodes) {
      expect({ id, ...state }).toMatchObject({ id, rosterChanges, head });
    }
    const keys = rosterAt(world.coordinator.state, Number.POSITIVE_INFINITY).map(({ key }) => fingerprintOf(crypto, key));
    const labels = [...known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { keys: all }]) => all.at(-1)?.label ?? "");
    expect(keys).toEqual(labels.map((label) => fingerprintOf(crypto, identity(label).key)));
  });
});
