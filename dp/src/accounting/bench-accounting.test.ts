import { expect, it } from "vitest";
import { benchAccounting } from "./bench-accounting.ts";

it("reports medians and spread from the clock that it is given", () => {
  let clock = 0;
  let reads = 0;
  // read twice a repetition: the n-th takes n·100 ms
  const tick = () => (clock += reads++ % 2 === 0 ? 1 : 50 * reads);
  const rows = benchAccounting(tick, { repetitions: 3, only: "steps, rdp" });
  expect(rows.map(({ what }) => what)).toEqual(["ε of 10⁴ steps, rdp-integer", "ε of 10⁴ steps, rdp"]);
  expect(rows[0]).toMatchObject({ median: 200, spread: [100, 300] });
});
