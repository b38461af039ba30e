import { actions, type Histories } from "@tributary/events";
import { rankOf } from "@tributary/model";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prepareServing } from "../serving/prepare.ts";
import { openServed, type ServedModel } from "../serving/served-model.ts";
import { catalogue, historiesOf, ingredients, secret, shopRows } from "../serving/shop.test-support.ts";
import { stretchOf } from "./ranked.ts";
import { timelinesOf } from "./timelines.ts";

const executor = onnxruntimeExecutor();
const options = { events: 4, shown: 3 };
/** A login first, then from item to item by two, and back to the first. */
const walk = [0, 3, 5, 7, 9, 3];
const sample: Histories = historiesOf({
  [`${secret}-a`]: walk.map((item, place) => ({ item, action: place === 0 ? "login" : "view", time: 1000 + 60 * place })),
  [`${secret}-b`]: [{ item: 4, action: "view", time: 5 }],
});
let served: ServedModel;

beforeAll(async () => {
  served = await openServed(await prepareServing(ingredients({ histories: historiesOf(shopRows(300)) }), executor), executor);
}, 60_000);
afterAll(() => served.ranker.close());

test("each event stands beside what was predicted from the events before it, and a first item is nobody's to predict", async () => {
  const [only, ...others] = await timelinesOf(served, sample, catalogue, options);
  expect(others).toEqual([]);
  if (only === undefined) throw new Error("nobody is shown");
  expect(only).toMatchObject({ customer: 1, before: 2 });
  expect(only.events.map(({ item, isNew }) => [item, isNew])).toEqual([
    ["Thing 4", true],
    ["Thing 6", true],
    ["Thing 8", true],
    ["Thing 2", false],
  ]);
  for (const [place, { rank, shown, time, expected }] of only.events.entries()) {
    const known = stretchOf(sample, 0, 2 + place);
    const { values } = await served.ranker.scores(known);
    expect(rank).toBe(rankOf(values, (walk[2 + place] as number) - 1));
    expect(shown).toHaveLength(3);
    expect(time).toBe(1000 + 60 * (2 + place));
    expect(actions).toContain(expected?.action);
    expect(expected?.probability).toBeGreaterThan(0);
  }
  // after 5 come 7 and, by pairs that have no direction, 3
  expect(only.events[1]?.shown).toContain("Thing 6");
  expect(JSON.stringify(only)).not.toContain(secret);
});

test("what comes later changes nothing that was predicted before", async () => {
  const other = { ...sample, items: sample.items.map((item, place) => (place === 5 ? 20 : item)) };
  const [[before], [after]] = [
    await timelinesOf(served, sample, catalogue, options),
    await timelinesOf(served, other, catalogue, options),
  ];
  expect(after?.events.slice(0, 3)).toEqual(before?.events.slice(0, 3));
  expect(after?.events[3]?.shown).toEqual(before?.events[3]?.shown);
  expect(after?.events[3]?.item).not.toBe(before?.events[3]?.item);
});
