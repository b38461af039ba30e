/** The flow of a round: how many are at each step, whom it waits for, and where it lost them. */
import { expect, test } from "vitest";
import { flowOf, type NodeNow } from "./flow.ts";

const node = (name: string, done: NodeNow["done"], state: NodeNow["state"]): NodeNow => ({
  node: name,
  done,
  state,
  connected: true,
});

test("in the middle of a round", () => {
  const flow = flowOf({
    phase: "masked",
    nodes: [
      node("a", "masked", "there"),
      node("b", "shares", "waited-for"),
      node("c", "keys", "out"),
      node("d", "offer", "out"),
    ],
  });
  expect(flow.map(({ step, place, done }) => `${step} ${place} ${done}`)).toEqual([
    ...[
      "offer past 4",
      "keys past 3",
      "shares past 2",
      "masked now 1",
      "consistency ahead 0",
      "unmask ahead 0",
      "apply ahead 0",
    ],
  ]);
  expect(flow.flatMap(({ step, waitedFor }) => waitedFor.map((name) => `${step} ${name}`))).toEqual(["masked b"]);
  expect(flow.flatMap(({ step, lost }) => lost.map((name) => `${step} ${name}`))).toEqual(["keys d", "shares c"]);
});

test("rounds on a graph have a step more, and a coordinator that adds up waits for nobody", () => {
  const nodes = [node("a", "reveal", "there"), node("b", "keys", "waited-for")];
  expect(flowOf({ phase: "reveal", nodes }).map(({ step }) => step)).toContain("reveal");
  const summing = flowOf({ phase: "summing", nodes: [node("a", "unmask", "there"), node("b", "masked", "out")] });
  expect(summing.map(({ place }) => place)).toEqual(["past", "past", "past", "past", "past", "past", "now"]);
  expect(summing.flatMap(({ waitedFor }) => waitedFor)).toEqual([]);
  expect(summing.flatMap(({ step, lost }) => lost.map((name) => `${step} ${name}`))).toEqual(["consistency b"]);
});
