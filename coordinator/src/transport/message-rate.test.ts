/** What one node may say in how much time. */
import { expect, test } from "vitest";
import { messageRate } from "./message-rate.ts";

function talker(most = 10, perSecond = 2) {
  let now = 1_000;
  let hungUp = false;
  const rate = messageRate(
    () => {
      hungUp = true;
    },
    { most, perSecond },
    () => now,
  );
  return {
    /** How many of so many are taken. */
    say(count: number): number {
      let taken = 0;
      for (let i = 0; i < count; i += 1) {
        try {
          rate.take();
          taken += 1;
        } catch (error) {
          expect(error).toMatchObject({ code: "TRB_COORDINATOR_RATE_LIMITED", details: { seconds: 1 } });
        }
      }
      return taken;
    },
    wait: (seconds: number) => {
      now += 1_000 * seconds;
    },
    hungUp: () => hungUp,
  };
}

test("a bucketful at once, and then as fast as it fills", () => {
  const node = talker();
  expect(node.say(12)).toBe(10);
  node.wait(0.4);
  expect(node.say(1)).toBe(0);
  node.wait(0.1);
  expect(node.say(2)).toBe(1);
  node.wait(1_000); // it fills to the brim, and no further
  expect(node.say(20)).toBe(10);
  expect(node.hungUp()).toBe(false);
});

test("who keeps to what it is told is never hung up on; who goes on at once is, after a bucketful of refusals", () => {
  const patient = talker();
  for (let i = 0; i < 1_000; i += 1) {
    patient.say(2);
    patient.wait(0.5);
  }
  expect(patient.hungUp()).toBe(false);
  const deaf = talker();
  deaf.say(20);
  expect(deaf.hungUp()).toBe(false);
  deaf.say(1);
  expect(deaf.hungUp()).toBe(true);
});
