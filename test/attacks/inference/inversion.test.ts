/**
 * Gradient inversion: what one node's message tells of its customers' histories, without noise and masks, with noise, and with both. The seed is fixed, so that
 * these come out the same each time; limits are such that under another seed they alarm falsely with a chance below 1e-9. `inference.long.test.ts` has more
 * customers, and whole rounds.
 */
import type { NodeId } from "@tributary/protocol";
import { afterAll, expect, test } from "vitest";
import { finding } from "../finding.ts";
import { attackHistories, attackItems, identify, isGuessing, itemsInWords, targetsOf } from "./inversion.ts";
import { oneRound } from "./one-round.ts";
import { compareSets, itemScores, ranked } from "./read-items.ts";
import { bareUpdate, inClipNorms, openStage } from "./stage.ts";
import { uniformity } from "./uniformity.ts";

const stage = await openStage(1);
afterAll(() => stage.close());

const percent = (part: number) => `${(100 * part).toFixed(0)} %`;
test("without noise and masks one customer's items are read off the message, and those of four nearly as well", {
  timeout: 120_000,
}, async (context) => {
  for (const size of [1, 4]) {
    const found = await attackItems(stage, targetsOf(stage, 10, size), "bare", 1);
    finding(context, {
      what: `one node's bare update, ${size} customer${size === 1 ? "" : "s"} in it: which items they looked at`,
      result: `precision ${percent(found.precision)}, recall ${percent(found.recall)} of ${found.items} items, by as many as the attacker sees`,
      held: found.precision > 0.95 && found.recall > 0.9,
    });
  }
});

test("without noise and masks a customer's whole history comes out, in order, with actions and times", {
  timeout: 120_000,
}, async (context) => {
  const read = await attackHistories(stage, 5, 5);
  finding(context, {
    what: "one customer's bare update: item, action and time gap of every event, in order",
    result: `${percent(read.items)} of ${read.events} items in their places, ${percent(read.actions)} of actions, ${percent(read.gaps)} of time gaps`,
    held: read.customers === 5 && read.items > 0.9 && read.actions > 0.75 && read.gaps > 0.75,
  });
});

test("under a real plan's noise, and under masks, the same attack guesses", { timeout: 120_000 }, async (context) => {
  const targets = targetsOf(stage, 20);
  for (const layer of ["one node's noise", "the cohort's noise", "masks alone"] as const) {
    const found = await attackItems(stage, targets, layer, 4);
    finding(context, {
      what: `one customer's update with ${layer}: which items`,
      result: itemsInWords(found),
      held: isGuessing(found),
    });
  }
});

test("who holds a list of histories, the right one in it, knows without noise whose it is, and under masks has nothing", {
  timeout: 120_000,
}, async (context) => {
  const candidates = targetsOf(stage, 32);
  const bare = await identify(stage, candidates, "bare", 1);
  finding(context, {
    what: "one customer's bare update matched with 32 histories",
    result: `${bare.right} of ${bare.messages} right`,
    held: bare.right === bare.messages,
  });
  const masked = await identify(stage, candidates, "masks alone", 4);
  // Chernoff and Hoeffding: n·D(0.25 ‖ 1/32) = 43 nats of 128 messages, a chance of 2e-19
  finding(context, {
    what: "the same under masks alone",
    result: `${masked.right} of ${masked.messages} right, ${(masked.messages * masked.chance).toFixed(0)} by guessing`,
    held: masked.right < masked.messages / 4,
  });
});

test("in a real round what a node uploads is uniform, and what is left after unmasking tells nobody's items", {
  timeout: 120_000,
}, async (context) => {
  const [target] = targetsOf(stage, 1);
  if (target === undefined) throw new Error("nobody has a history");
  const logs = [target, ...stage.logs.slice(1)];
  const { masked, noisy, unmasked } = await oneRound(stage, logs, "1");
  const [node] = [...masked.keys()].sort();
  const [words, below] = [masked.get(node as NodeId), noisy.get(node as NodeId)].map((one) => one ?? new Uint32Array(0)) as [
    Uint32Array,
    Uint32Array,
  ];
  const [seen, unseen] = [uniformity(words, below), uniformity(below, below)];
  finding(context, {
    what: "a real node's masked message against uniform words (false alarm below 1e-9)",
    result: `χ² at most ${seen.chiSquare.toFixed(1)} of ${seen.chiSquareLimit.toFixed(1)}, bits agree with what is below within ${percent(seen.agreement)} of a half`,
    held: seen.uniform,
  });
  expect(unseen.uniform).toBe(false); // without masks the same test says no

  // the sum is that of the vectors below the masks: this is what the coordinator has, and all that it has
  const sum = new Uint32Array(unmasked.length);
  for (const vector of noisy.values()) for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (vector[i] ?? 0);
  expect(unmasked).toEqual(sum);
  const truth = new Set(target.items);
  const named = (update: Float64Array) =>
    compareSets(ranked(itemScores(stage.plan.model, update)).slice(0, truth.size), truth).hits;
  const bare = named(await bareUpdate(stage, target, stage.random("dither")));
  const left = [words, unmasked].map((message) => named(inClipNorms(stage, message)));
  finding(context, {
    what: "that node's one customer: items named from the bare update, the upload, and the sum",
    result: `${bare} of ${truth.size}; ${left[0]}; ${left[1]}`,
    held: bare === truth.size && left.every((hits) => hits < truth.size),
  });
});
