/** What is audited is what runs: without canaries the model is that of the other simulations, to the byte; with them nothing else is in a sum. */
import { expect, test } from "vitest";
import { simulateScale } from "../scale/simulate-scale.ts";
import { hex, smallFederation } from "../scale/small-federation.fixture.ts";
import { runAudited } from "./audited-federation.ts";
import { canaryLength, type GradientCanaries } from "./gradient-canaries.ts";

const small = (seed: number, plan = {}) => smallFederation({ seed, nodes: 5, cohort: 5, plan });

test("without canaries the model is the one that the simulation at scale makes", async () => {
  const options = small(3, { samplingRate: 0.5 });
  const { model } = await simulateScale(options);
  const audited = await runAudited(options);
  expect(hex(audited.final)).toBe(hex(model.parameters));
  expect(hex(audited.initial)).not.toBe(hex(audited.final));
  expect(audited.views).toEqual([]);
});

/** Ten canaries at coordinates of their own, of which every other one is in. */
const planted = (merchants: number): GradientCanaries => ({
  coordinates: Uint32Array.from({ length: 10 }, (_, canary) => 3 * canary),
  signs: Int8Array.from({ length: 10 }, (_, canary) => (canary % 3 === 0 ? -1 : 1)),
  merchants,
});
const included = Uint8Array.from({ length: 10 }, (_, canary) => canary % 2);

test("what an attacker has left of a sum is what canaries brought, clipped, at each of their merchants", async () => {
  const options = small(4);
  const left = async (merchants: number, faults: { noise: "0"; clipped?: false } = { noise: "0" }) => {
    const { views } = await runAudited({ ...options, canaries: { planted: planted(merchants), included }, faults });
    expect(views.length).toBe(3);
    return views.map((view) => [...view.left].map((x) => Number(x.toFixed(2)) + 0));
  };
  const times = (length: number) => [...included].map((coin) => coin * length);
  // the dither moves a sum by at most a unit of each honest node: less than a hundredth of a clip norm
  for (const round of await left(1)) expect(round).toEqual(times(1));
  for (const round of await left(2)) expect(round).toEqual(times(2));
  for (const round of await left(1, { noise: "0", clipped: false })) expect(round).toEqual(times(canaryLength));
});

test("the noise that is left is that of the honest minimum, as the plan has it", async () => {
  const options = small(5);
  const { plan } = options;
  const dimension = plan.releases[0]?.dimension ?? 0;
  const canaries: GradientCanaries = {
    coordinates: Uint32Array.from({ length: dimension }, (_, place) => place),
    signs: new Int8Array(dimension).fill(1),
    merchants: 1,
  };
  const { views, rule } = await runAudited({
    ...options,
    canaries: { planted: canaries, included: new Uint8Array(dimension) },
  });
  const all = views.flatMap((view) => [...view.left]);
  const deviation = Math.sqrt(all.reduce((sum, x) => sum + x * x, 0) / all.length);
  // n normals' deviation is within 6.2/√(2n) of the truth but for one in 10⁹; the seed is fixed
  expect(Math.abs(deviation / rule.deviation - 1)).toBeLessThan(6.2 / Math.sqrt(2 * all.length));
  expect(rule.deviation).toBeGreaterThan(Number(plan.releases[0]?.noiseMultiplier));
  expect(rule.deviation).toBeLessThan(1.01 * Number(plan.releases[0]?.noiseMultiplier));
});
