/** Switches that hold for every command. */
import { expect, test } from "vitest";
import { withoutSwitches } from "./global-switches.ts";

test("--debug and --no-color are taken out wherever they stand, and set what they stand for", () => {
  const environment: Record<string, string | undefined> = {};
  expect(withoutSwitches(["node", "--debug", "check", "--home", "shop", "--no-color"], environment)).toEqual([
    "node",
    "check",
    "--home",
    "shop",
  ]);
  expect(environment).toEqual({ TRIBUTARY_DEBUG: "1", NO_COLOR: "1" });
});

test("what stands behind -- is the command's, and without a switch nothing is set", () => {
  const environment: Record<string, string | undefined> = {};
  expect(withoutSwitches(["node", "import", "--", "--debug"], environment)).toEqual(["node", "import", "--", "--debug"]);
  expect(environment).toEqual({});
});
