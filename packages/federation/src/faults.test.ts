/**
 * Seeded faults: messages come in any order and get lost, and every party may be killed between any two effects and comes back
 * with what it had persisted. The harness throws as soon as a sum is wrong, a node says two different things in one step, two
 * masked vectors exist for one (node, round), or both kinds of shares leave for one node; here the ledgers are looked at.
 */
import { parseLine } from "@tributary/ledger";
import { describe, expect, test } from "vitest";
import { createWorld, type Faults, noFaults, run, type World } from "./harness.test-support.ts";
import { chargedRounds } from "./node-state.ts";
import { seeded } from "./parties.test-support.ts";

const long = process.env["TRIBUTARY_LONG"] === "1";
const seeds = Number(process.env["TRIBUTARY_FAULT_SEEDS"] ?? (long ? 2000 : 64));
const first = Number(process.env["TRIBUTARY_FAULT_FIRST"] ?? 0);

const plannedRounds = 2;

/** Faults for a while; then calm, so that the plan gets done. */
function chaos(seed: number): Faults {
  const random = seeded(`chaos ${seed}`);
  const crashRate = [0.01, 0.03, 0.08, 0.15][seed % 4] ?? 0;
  const lossRate = [0, 0.02, 0.1][seed % 3] ?? 0;
  const expiryRate = seed % 5 === 0 ? 0.02 : 0;
  let calm = 300;
  return {
    crash: () => calm-- > 0 && random.number() < crashRate,
    lose: () => calm > 0 && random.number() < lossRate,
    repeat: () => random.number() < 0.05,
    expire: () => (calm <= 0 || random.number() >= expiryRate ? "nobody" : random.number() < 0.5 ? "one" : "all"),
    next: (waiting) => (random.number() < 0.5 ? 0 : Math.floor(random.number() * waiting)),
  };
}

function check(world: World): void {
  const entries = world.coordinator.ledger.map(parseLine);
  expect(entries.at(-1)?.kind).toBe("closing");
  const rounds = entries.flatMap((entry) => (entry.kind === "round" || entry.kind === "aborted" ? [entry.round] : []));
  // one entry a round, in order
  expect(rounds).toEqual(rounds.map((_, i) => i + 1));
  const charged = entries.filter((entry) => entry.kind === "round" || (entry.kind === "aborted" && entry.charged)).length;
  expect(charged).toBe(plannedRounds);
  expect(world.coordinator.state.charged).toEqual([charged]);
  const released = entries.flatMap((entry) => (entry.kind === "round" ? [entry] : []));
  const free = entries.flatMap((entry) => (entry.kind === "aborted" && !entry.charged ? [entry.round] : []));
  for (const { id, state, ledger } of world.nodes) {
    // what a node has paid for, the ledger counts
    const paying = state.charges.filter(({ standing }) => standing !== "refunded").map(({ round }) => round);
    const known = free.filter((round) => round <= state.settledRound);
    expect(known.filter((round) => paying.includes(round))).toEqual([]);
    // a copy is a beginning of the ledger
    expect(ledger).toEqual(world.coordinator.ledger.slice(0, ledger.length));
    // an entry is written before the state that knows it: a node killed in between is one line ahead until it is fed again
    expect([0, 1]).toContain(ledger.length - state.head.entries);
    for (const { round, survivors } of released) {
      const charge = state.charges.find((one) => one.round === round);
      if (survivors.includes(id)) expect(["open", "final"]).toContain(charge?.standing);
      else expect(charge?.standing).not.toBe("final");
    }
    const paid = released.filter(({ survivors }) => survivors.includes(id)).length;
    expect(chargedRounds(state)[0]).toBeGreaterThanOrEqual(paid);
  }
}

describe("under faults", () => {
  test(
    `a plan gets done, nothing is said twice and nothing is counted twice (seeds ${first} to ${first + seeds - 1})`,
    async () => {
      let crashes = 0;
      let releases = 0;
      let refunds = 0;
      for (let seed = first; seed < first + seeds; seed++) {
        const world = createWorld({ rounds: plannedRounds });
        try {
          await run(world, chaos(seed));
          await run({ ...world, finished: false }, noFaults, world.queue.length);
          check(world);
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error });
        }
        crashes += world.journal.crashes;
        refunds += [...world.journal.settled.values()].filter((fate) => fate === "refunded").length;
        releases += world.journal.sums.length;
      }
      expect(crashes).toBeGreaterThan(seeds);
      expect(releases).toBeGreaterThan(seeds / 2);
      expect(refunds).toBeGreaterThan(0);
    },
    seeds * 1_000 + 60_000,
  );
});
