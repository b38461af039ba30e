import { expect, it } from "vitest";
import { benchSampler } from "./bench-sampler.ts";
import { seededSource } from "./seeded-source.ts";

it("reports samples a second from the clock that it is given", () => {
  let clock = 0;
  const tick = () => (clock += 100); // every timed stretch takes 100 ms
  const rows = benchSampler(seededSource(1), tick, { scales: ["4.5"], repetitions: 3, samples: 5000 });
  const same = { scale: 4.5, fast: 50_000, twin: 1000, ratio: 50, spread: [50_000, 50_000] };
  expect(rows).toEqual([
    { distribution: "gaussian", ...same },
    { distribution: "laplace", ...same },
  ]);
});
