import { nodeId } from "@tributary/protocol";
import { expect, test } from "vitest";
import { watchHomecoming } from "./homecoming.ts";

const [north, south] = [nodeId.parse("north"), nodeId.parse("south")];

function watched(members: readonly (typeof north)[]) {
  let clock = 0;
  const homecoming = watchHomecoming(members, { arrival: 300, patience: 1_000 }, () => clock);
  const state = { over: false };
  return {
    homecoming,
    to: (time: number) => {
      clock = time;
    },
    end: () => {
      void homecoming.everybody().then(() => {
        state.over = true;
      });
    },
    /** Whether the end has come, a few looks later. */
    isOver: async () => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      return state.over;
    },
  };
}

test("the end waits for who lost its connection just now, until it is back", async () => {
  const { homecoming, to, end, isOver } = watched([]);
  homecoming.left(north);
  to(500);
  end();
  expect(await isOver()).toBe(false);
  homecoming.came(north);
  expect(await isOver()).toBe(true);
});

test("after a start it waits for members who have had no time to come, and for nobody for ever", async () => {
  const { homecoming, to, end, isOver } = watched([north, south]);
  homecoming.came(north);
  end();
  to(299);
  expect(await isOver()).toBe(false);
  to(300);
  expect(await isOver()).toBe(true);
});

test("who leaves after the end has heard of it, and who left long ago isn't awaited", async () => {
  const { homecoming, to, end, isOver } = watched([]);
  homecoming.left(north);
  to(2_000);
  end();
  homecoming.left(south);
  expect(await isOver()).toBe(true);
});
