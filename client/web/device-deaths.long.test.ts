/** The same death as in `device.test.ts`, at every strict transaction of a device's whole life: before it is committed, and right after. */
import { expect, test } from "vitest";
import { deviceTrial } from "./device.test-support.ts";

test("a device may die at any of its writes: it never says two things where one was meant, and pays for what is counted", {
  timeout: 3_600_000,
}, async () => {
  const { writes } = await deviceTrial(1);
  expect(writes).toBeGreaterThan(8);
  for (let at = 1; at <= writes; at++) {
    for (const when of ["before", "after"] as const) {
      await deviceTrial(1, { at, when }).catch((error: unknown) => {
        throw new Error(`it died ${when} its write ${at} of ${writes}`, { cause: error });
      });
    }
  }
});
