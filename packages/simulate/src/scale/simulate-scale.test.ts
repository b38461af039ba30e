/** Both ways to aggregate give one model, whatever befalls the nodes, in however many threads; and it is the one that state machines in one process make. */
import { initialFederationModel } from "@tributary/federation";
import { verifyLedger } from "@tributary/ledger";
import { fingerprintOf, randomSourceFromSeed } from "@tributary/protocol";
import { expect, test } from "vitest";
import { simulateFederation } from "../in-process/federation.ts";
import { nodeName } from "./node-work.ts";
import { historiesOf } from "./population.ts";
import { identitySecret } from "./seats.ts";
import { type AttemptRecord, type ScaleOptions, simulateScale } from "./simulate-scale.ts";
import { crypto, hex, type SmallWishes, smallFederation } from "./small-federation.fixture.ts";

async function recorded(options: ScaleOptions) {
  const records: AttemptRecord[] = [];
  const result = await simulateScale({ ...options, onAttempt: (record) => void records.push(record) });
  return { ...result, records };
}

test("a federation in which everybody takes part is the one that the in-process simulation runs", async () => {
  const options = smallFederation({ seed: 3, nodes: 5, cohort: 5 });
  const { plan, population, seed } = options;
  const theirs = await simulateFederation({
    ...{ plan, crypto, executor: options.executor, coordinatorSecret: identitySecret(crypto, seed, "coordinator", "") },
    initialParameters: initialFederationModel(crypto, plan).parameters,
    nodes: Array.from({ length: 5 }, (_, node) => ({ node: nodeName(node, 5), histories: historiesOf(population, node) })),
    random: (role, id, round, purpose) => randomSourceFromSeed(crypto, seed, role, id, round, purpose),
  });
  const secure = await simulateScale({ ...options, aggregation: "secure" });
  const fast = await simulateScale(options);
  expect(secure.modelHash).toBe(theirs.modelHash);
  expect(secure.ledger).toBe(theirs.ledger);
  expect(hex(fast.model.parameters)).toBe(hex(theirs.parameters));
});

/** Seeds whose worlds have released rounds and ones given up, charged or not: 31 and 33 lose nodes, 32 has too few online at times. */
const worlds = [
  { seed: 31, conditions: { dropout: 0.15 } },
  { seed: 32, conditions: { availability: 0.7, dropout: 0.1, dailySwing: 0.5 } },
  { seed: 33, conditions: { dropout: 0.3 } },
  { seed: 34, conditions: { slowness: 0.8, patience: 2.5 } },
  { seed: 35, conditions: { adversaries: 0.4, adversary: "flip" as const } },
  { seed: 36, conditions: { adversaries: 0.3, adversary: "noise" as const, dropout: 0.1 } },
  { seed: 37, conditions: { adversaries: 0.3, adversary: "freeRide" as const } },
  { seed: 39, conditions: { adversaries: 0.3, adversary: "largest" as const } },
];

const ran = new Map<number, ReturnType<typeof recorded>>();
/** By the fast path, once, whichever tests ask for it. */
function fastOf(world: SmallWishes): ReturnType<typeof recorded> {
  const run = ran.get(world.seed) ?? recorded(smallFederation(world));
  ran.set(world.seed, run);
  return run;
}

test.each(worlds)(
  "seed $seed, $conditions: the fast path's model and rounds are the state machines', byte for byte",
  {
    timeout: 60_000,
  },
  async ({ seed, conditions }) => {
    const options = smallFederation({ seed, conditions });
    const fast = await fastOf({ seed, conditions });
    const secure = await recorded({ ...options, aggregation: "secure" });
    expect(secure.records).toEqual(fast.records);
    for (const { released, moved } of fast.records) expect(moved > 0).toBe(released);
    expect(secure.modelHash).toBe(fast.modelHash);
    expect(hex(secure.model.parameters)).toBe(hex(fast.model.parameters));
    expect(secure.epsilon).toBe(fast.epsilon);
    const { verified, failures } = verifyLedger(new TextEncoder().encode(secure.ledger ?? ""), {
      crypto,
      key: fingerprintOf(crypto, options.plan.coordinatorKey),
    });
    expect([verified, failures]).toEqual([true, []]);
  },
);

test("160 nodes on a graph of neighbours, some of whom fall silent at every step: the same model, byte for byte", {
  timeout: 300_000,
}, async () => {
  const conditions = { dropout: 0.06 };
  const options = smallFederation({ seed: 38, nodes: 165, cohort: 160, customers: 1700, conditions, plan: { rounds: 1 } });
  expect(options.plan.graph).toEqual({ dropoutRate: "0.1", dropouts: "independent" });
  const fast = await recorded(options);
  const secure = await recorded({ ...options, aggregation: "secure" });
  expect(fast.releasedRounds).toBe(1);
  const released = fast.records.find(({ released: is }) => is);
  expect(released?.cohort).toBeGreaterThan(150);
  expect(released?.survivors).toBeLessThan(released?.cohort ?? 0);
  expect(secure.records).toEqual(fast.records);
  expect(hex(secure.model.parameters)).toBe(hex(fast.model.parameters));
  const { failures } = verifyLedger(new TextEncoder().encode(secure.ledger ?? ""), { crypto });
  expect(failures).toEqual([]);
});

test("among these worlds there are rounds given up before and after they cost something, and idle attempts", async () => {
  const records = (await Promise.all(worlds.map(fastOf))).flatMap((world) => world.records);
  const kinds = new Set(records.map(({ round, released, charged }) => `${round > 0} ${released} ${charged}`));
  expect([...kinds].sort()).toEqual(["false false false", "true false false", "true false true", "true true true"]);
});

test.each(["fast", "secure"] as const)(
  "threads change no bit: %s, also with central noise and several local steps of devices",
  {
    timeout: 120_000,
  },
  async (aggregation) => {
    const customers = smallFederation({ seed: 41, conditions: { dropout: 0.1 } });
    const one = await recorded({ ...customers, aggregation });
    const three = await recorded({ ...customers, aggregation, threads: 3 });
    expect([three.modelHash, three.records, three.ledger]).toEqual([one.modelHash, one.records, one.ledger]);

    const wishes = { unit: "node" as const, local: { epochs: 2, batchSize: 4, learningRate: 0.1 } };
    const devices = smallFederation({ seed: 42, nodes: 60, cohort: 10, plan: wishes });
    const noise = aggregation === "fast" ? ("central" as const) : ("distributed" as const);
    const alone = await recorded({ ...devices, aggregation, noise });
    const together = await recorded({ ...devices, aggregation, noise, threads: 2 });
    expect(together.modelHash).toBe(alone.modelHash);
    expect(alone.releasedRounds).toBe(3);
  },
);

test("central noise is no part of secure aggregation, and a federation of the absent ends", async () => {
  const options = smallFederation({ seed: 43 });
  await expect(simulateScale({ ...options, aggregation: "secure", noise: "central" })).rejects.toMatchObject({
    code: "TRB_SIMULATE_CENTRAL_NEEDS_FAST",
  });
  const absent = smallFederation({ seed: 44, conditions: { availability: 0 } });
  await expect(simulateScale(absent)).rejects.toMatchObject({ code: "TRB_SIMULATE_NOBODY_THERE" });
});

test("a run goes on from any checkpoint to the same model and ledger", { timeout: 60_000 }, async () => {
  for (const aggregation of ["fast", "secure"] as const) {
    const options = { ...smallFederation({ seed: 33, conditions: { dropout: 0.3 } }), aggregation };
    const whole = await recorded(options);
    for (const stop of [1, whole.attempts - 1]) {
      let text = "";
      const first = simulateScale({
        ...options,
        onAttempt: (record, _times, checkpoint) => {
          if (record.attempt < stop) return;
          const { model, optimiserState, ...rest } = checkpoint();
          text = JSON.stringify(rest); // as it goes through a file
          throw Object.assign(new Error("killed"), { model, optimiserState });
        },
      });
      const { model, optimiserState } = await first.then(
        () => Promise.reject(new Error("it was to be killed")),
        (error) => error,
      );
      const rest = await simulateScale({ ...options, from: { ...JSON.parse(text), model, optimiserState } });
      expect([rest.modelHash, rest.ledger, rest.attempts]).toEqual([whole.modelHash, whole.ledger, whole.attempts]);
    }
  }
});
