/** Whatever is done with a store, in whatever order: it answers as its twin in memory, on both engines. The seed is printed when it doesn't. */
import { isTributaryError } from "@tributary/errors";
import type { Note } from "@tributary/federation";
import type { Entry } from "@tributary/ledger";
import { nodeId } from "@tributary/protocol";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ledgerLine, member, postgresEngine, sqliteEngine, tokenHash } from "./engines.test-support.ts";
import type { FederationFigures } from "./round-table.ts";
import type { LedgerLine, Presence } from "./store.ts";
import { type StoreTwin, storeTwin } from "./store-twin.test-support.ts";

/** Done to both. What it returns, and the code that it throws, must be the same. */
type Deed = (store: StoreTwin) => Promise<unknown>;

/** Of the newest leadership, or of the one before. */
const fenceOf = async (store: StoreTwin, late: boolean) => ((await store.leader())?.fence ?? 0) - (late ? 1 : 0);

const few = (most: number) => fc.integer({ min: 0, max: most });
const node = fc.constantFrom("a", "b", "c", "d").map((name) => nodeId.parse(name));
const replica = fc.constantFrom("one", "two");
const instant = few(100_000).map((milliseconds) => new Date(1_767_225_600_000 + milliseconds).toISOString());
/** Whether whoever writes leads no more. */
const late = few(5).map((sixth) => sixth === 5);
const text = fc.string({ unit: "grapheme", maxLength: 20 });
const bytes = fc.integer({ min: 0, max: 2 ** 40 });

interface Written {
  readonly ahead: number;
  readonly kind: string;
  readonly round: number;
  readonly epsilon: string;
}

/** Of rounds, for the most part. `ahead` is how far its place is from the one that is free. */
const written: fc.Arbitrary<Written> = fc.record({
  ahead: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, few(2)),
  kind: fc.constantFrom("round", "aborted", "operator"),
  round: few(4),
  epsilon: few(1_000_000).map((millionths) => String(millionths / 1e6)),
});

function lineOf(size: number, place: number, { ahead, kind, round, epsilon }: Written): LedgerLine {
  const index = size + place + ahead;
  const entry = {
    index,
    kind,
    round,
    spent: { epsilon },
    nextModelHash: "a".repeat(64),
    modelHash: "b".repeat(64),
    code: "TRB_X",
  };
  return { ...ledgerLine(index, kind), entry: entry as unknown as Entry };
}

const deed: fc.Arbitrary<Deed> = fc.oneof(
  replica.map(
    (name): Deed =>
      (store) =>
        store.takeLeadership(name),
  ),
  fc
    .record({
      state: text,
      shares: fc.option(text, { nil: undefined }),
      entries: fc.array(written, { maxLength: 4 }),
      settled: fc.uniqueArray(few(3), { maxLength: 2 }),
      late,
    })
    .map(
      ({ state, shares, entries, settled: places, late }): Deed =>
        async (store) => {
          const size = await store.ledgerSize();
          const fence = await fenceOf(store, late);
          const asked = await store.requests();
          const settled = places.flatMap((place) => asked[place]?.id ?? []);
          const lines = entries.map((entry, place) => lineOf(size, place, entry));
          return store.persist({ state, shares, entries: lines, settled, fence });
        },
    ),
  fc.tuple(few(3), node, instant).map(
    ([token, name, expires]): Deed =>
      (store) =>
        store.addInvite({ tokenHash: tokenHash(`${token}`), node: name, expires }),
  ),
  fc.tuple(few(4), node, few(4)).map(
    ([token, name, key]): Deed =>
      (store) =>
        store.admit(tokenHash(`${token}`), member(name, `k${key}`)),
  ),
  few(4).map(
    (token): Deed =>
      (store) =>
        store.invite(tokenHash(`${token}`)),
  ),
  fc
    .tuple(
      replica,
      fc.uniqueArray(fc.record({ node, version: fc.constantFrom("1.0", "1.1") }), {
        selector: (one) => one.node,
        maxLength: 4,
      }),
    )
    .map(
      ([name, nodes]): Deed =>
        (store) =>
          store.setConnected(name, nodes),
    ),
  replica.map(
    (name): Deed =>
      (store) =>
        store.forgetReplica(name),
  ),
  fc.tuple(fc.option(few(9), { nil: undefined }), late).map(
    ([offers, late]): Deed =>
      async (store) =>
        store.setStandstill(
          offers === undefined ? undefined : { code: "TRB_COORDINATOR_OFFERS_REFUSED", reason: "r", offers, nodes: [] },
          await fenceOf(store, late),
        ),
  ),
  few(3).map(
    (words): Deed =>
      (store) =>
        store.request({ kind: "operator", words } as unknown as Note),
  ),
  fc.tuple(few(3), late).map(
    ([place, late]): Deed =>
      async (store) =>
        store.settleRequest((await store.requests())[place]?.id ?? 0, await fenceOf(store, late)),
  ),
  fc.tuple(few(4), instant, few(8), late).map(
    ([round, at, nodes, late]): Deed =>
      async (store) =>
        store.rounds.begin(round, { at, nodes: nodes + 1 }, await fenceOf(store, late)),
  ),
  fc.tuple(few(4), instant, bytes, bytes, late).map(
    ([round, at, bytesIn, bytesOut, late]): Deed =>
      async (store) =>
        store.rounds.end(round, { at, bytesIn, bytesOut }, await fenceOf(store, late)),
  ),
);

const outcome = (store: StoreTwin, of: Deed) =>
  of(store).then(
    (answer) => ({ answer }),
    (error: unknown) => ({
      code: isTributaryError(error) ? error.code : error,
      details: isTributaryError(error) && error.details,
    }),
  );

async function everything(store: StoreTwin) {
  const withoutTime = ({ seen: _, ...rest }: Presence) => rest;
  return {
    written: [
      await store.state(),
      await store.shares(),
      await store.leader(),
      await store.ledgerHead(),
      await store.ledgerSize(),
    ],
    lines: await store.ledgerLines(0),
    some: await store.ledgerLines(1, 3),
    members: [await store.members(), await store.member(nodeId.parse("a"))],
    connected: (await store.connected()).map(withoutTime),
    asked: [await store.standstill(), (await store.requests()).map(({ note }) => note)],
    rounds: [await store.rounds.all(), await store.rounds.one(2)],
    figures: await store.rounds.figures(),
  };
}

/** Means of the same numbers, added in another order. */
const closeTo = (figures: FederationFigures) =>
  Object.fromEntries(Object.entries(figures).map(([name, mean]) => [name, mean === null ? null : near(mean)]));
const near = (mean: number) =>
  expect.toSatisfy((answer) => Math.abs(Number(answer) - mean) <= 1e-9 * Math.max(1, Math.abs(mean)), `${mean}`);

const long = process.env["TRIBUTARY_LONG"] === "1";

describe.each([
  { ...sqliteEngine(), runs: long ? 1_500 : 60 },
  { ...postgresEngine(), runs: long ? 500 : 20 },
])("a store on $engine", (engine) => {
  beforeAll(() => engine.start(), 60_000);
  afterAll(() => engine.stop(), 120_000); // of thousands of places

  test("does and answers what its twin does", { timeout: long ? 1_800_000 : 120_000 }, async () => {
    const scripts = fc.array(fc.record({ deed, again: fc.boolean() }), { minLength: 10, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(scripts, async (script) => {
        const place = engine.place();
        const twin = storeTwin();
        let store = await place.store();
        try {
          for (const [step, { deed: one, again }] of script.entries()) {
            expect([step, await outcome(store, one)]).toEqual([step, await outcome(twin, one)]);
            if (!again || step % 5 > 0) continue;
            await store.close();
            store = await place.store();
          }
          const { figures, ...expected } = await everything(twin);
          expect(await everything(store)).toEqual({ ...expected, figures: closeTo(figures) });
        } finally {
          await store.close();
        }
      }),
      { numRuns: engine.runs },
    );
  });
});
