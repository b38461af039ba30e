/** Which release a round serves when a plan has several kinds, and what becomes of statistics whose rounds fail. */
import { verifyLedger } from "@tributary/ledger";
import type { Decimal, Plan, Release } from "@tributary/protocol";
import { describe, expect, test } from "vitest";
import { type CoordinatorState, nextRelease } from "./coordinator-state.ts";
import { createWorld, type Faults, noFaults, run, type World } from "./harness.test-support.ts";
import { crypto, dimension, seeded } from "./parties.test-support.ts";

const decimal = (text: string) => text as Decimal;
const statistic = (kind: "popularity" | "pairs", rounds: number, retries?: number): Release => ({
  ...{ kind, arithmetic: "exact", clipNorm: decimal("1"), samplingRate: decimal("1"), noiseMultiplier: decimal("9") },
  ...{ rounds, dimension, touched: 4, scale: decimal("1000"), fractionBits: 4 },
  ...(retries === undefined ? {} : { retries }),
});
const training: Release = {
  ...{ kind: "training", arithmetic: "bucketed", clipNorm: decimal("1"), samplingRate: decimal("0.1") },
  ...{ noiseMultiplier: decimal("1"), rounds: 2, dimension, touched: dimension, scale: decimal("1000"), fractionBits: 4 },
};
const statistics: NonNullable<Plan["statistics"]> = {
  ...{ window: 3, weighBy: "mean", latest: 20 },
  ...{ firstPopularity: decimal("1"), firstContent: decimal("1"), firstNorm: decimal("1"), aliveAbove: decimal("0.01") },
  ...{ weightFloor: decimal("0.1"), weightPower: decimal("1"), laterNorm: decimal("1"), priorMean: decimal("1") },
  ...{ priorPopularity: decimal("1"), roundOdds: decimal("1"), finalOdds: decimal("1"), roundContent: decimal("1") },
  ...{ finalContent: decimal("1"), keepAbove: decimal("0"), targetPopularity: decimal("0"), contentWeight: decimal("1") },
  ...{ contentSharpness: decimal("14"), decay: decimal("0.5") },
};
const releases = [statistic("popularity", 2, 1), statistic("pairs", 1), statistic("pairs", 2), training];
const kinds = ["popularity", "pairs", "training"] as const;

function worldOf(list: readonly Release[] = releases): World {
  const plan: Partial<Plan> = {
    ...{ releases: [...list], statistics, epsilon: decimal("40") },
    caps: { maxEvents: 1, maxItems: 4, maxPairs: 4, localSteps: 1 },
  };
  return createWorld({ plan, policy: { releases: [...kinds], maxEpsilon: decimal("40") } });
}

/** Place by place, as the ledger has them. */
function rounds({ coordinator }: World): string[] {
  return coordinator.ledger
    .map((line) => JSON.parse(line) as { kind: string; release: number; charged?: boolean })
    .filter(({ kind }) => kind === "round" || kind === "aborted")
    .map(({ kind, release, charged }) =>
      kind === "round" ? `${release}` : `${release} given up${charged ? ", charged" : ""}`,
    );
}

/** Nobody's uploads of these rounds arrive: the rounds are given up, and charged. */
const without = (...lost: readonly number[]) => {
  let round = 0;
  return (world: World): Faults => ({
    ...noFaults,
    lose: (to, event) => {
      round = world.coordinator.state.round?.number ?? round;
      return to === "coordinator" && event === "uploaded" && lost.includes(round);
    },
  });
};

describe("releases of several kinds", () => {
  test("run in the plan's order, and a retry that isn't needed is never run; the ledger verifies", async () => {
    const world = worldOf();
    await run(world);
    expect(rounds(world)).toEqual(["0", "1", "2", "2", "3", "3"]);
    const bytes = new TextEncoder().encode(world.coordinator.ledger.map((line) => `${line}\n`).join(""));
    const verdict = verifyLedger(bytes, { crypto });
    expect(verdict.failures).toEqual([]);
    expect(verdict).toMatchObject({ verified: true, complete: true, rounds: { released: 6 } });
    expect(Number(verdict.epsilon)).toBeLessThan(Number(verdict.limit)); // the spare round wasn't charged
  });

  test("a charged round that brought nothing is made up for by the retry", async () => {
    const world = worldOf();
    await run(world, without(1)(world));
    expect(rounds(world)).toEqual(["0 given up, charged", "0", "1", "2", "2", "3", "3"]);
    expect(world.coordinator.state.closed).toBe(true);
  });

  test("without popularity there are no pairs, and training goes on", async () => {
    const world = worldOf();
    await run(world, without(1, 2)(world));
    expect(rounds(world)).toEqual(["0 given up, charged", "0 given up, charged", "3", "3"]);
  });

  test("without the first pair round, the later ones go on", async () => {
    const world = worldOf();
    await run(world, without(2)(world));
    expect(rounds(world)).toEqual(["0", "1 given up, charged", "2", "2", "3", "3"]);
  });

  test("a node that doesn't permit statistics takes no part in them", async () => {
    const world = createWorld({
      plan: { releases: [...releases], statistics, epsilon: decimal("40") },
      policy: { releases: ["training"], maxEpsilon: decimal("40") },
    });
    await run(world, noFaults, 40);
    expect(new Set(world.journal.refusals.filter((one) => one.includes("offer")))).toEqual(
      new Set(world.nodes.map(({ id }) => `${id} offer TRB_POLICY_RELEASE_FORBIDDEN`)),
    );
    expect(rounds(world).every((one) => one === "0 given up")).toBe(true);
  });

  test("no order of charges and releases makes a place run more often than it may, nor after it is done (seed 7)", () => {
    const random = seeded("7");
    const { plan } = worldOf();
    for (let trial = 0; trial < 300; trial++) {
      let state: Pick<CoordinatorState, "plan" | "charged" | "released"> = {
        plan,
        charged: releases.map(() => 0),
        released: releases.map(() => 0),
      };
      for (let place = nextRelease(state); place !== undefined; place = nextRelease(state)) {
        const success = random.number() < 0.5;
        const one = (counts: readonly number[], by: number) => counts.map((n, i) => (i === place ? n + by : n));
        state = { ...state, charged: one(state.charged, 1), released: one(state.released, success ? 1 : 0) };
      }
      for (const [place, { rounds: most, retries = 0 }] of releases.entries()) {
        expect(state.charged[place]).toBeLessThanOrEqual(most);
        expect(state.released[place]).toBeLessThanOrEqual(most - retries);
        expect(state.charged[place] === most || state.released[place] === most - retries || state.released[0] === 0).toBe(true);
      }
      if (state.released[0] === 0) expect([state.charged[1], state.charged[2]]).toEqual([0, 0]);
    }
  });
});
