import { choosePlan } from "@tributary/simulate";
import { expect, test } from "vitest";
import { withUpdateNorm } from "./update-norm-option.ts";

const request = { catalogueItems: 100, customers: 600, merchants: 4, epsilon: 8, delta: 1e-6 };

test("--update-norm bounds the steps of whatever optimiser was chosen, and changes nothing else", () => {
  const choice = choosePlan(request);
  expect(withUpdateNorm(choice, undefined)).toBe(choice);
  const { optimiser, ...others } = withUpdateNorm(choice, 0.25).plan;
  expect(optimiser).toEqual({ ...choice.plan.optimiser, updateNorm: "0.25" });
  expect({ ...others, optimiser: choice.plan.optimiser }).toEqual(choice.plan);
});

test("--update-norm where nothing is trained is refused", () => {
  const choice = choosePlan({ ...request, statistics: { retries: 0 } });
  expect(() => withUpdateNorm(choice, 0.25)).toThrow(expect.objectContaining({ code: "TRB_CLI_BAD_OPTION" }));
});
