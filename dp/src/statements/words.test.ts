import fc from "fast-check";
import { expect, it } from "vitest";
import { describe, statementLines, statementSections } from "./describe.ts";
import type { Guarantee } from "./guarantee.ts";
import { statementWords } from "./words.ts";

/** Every number in the order in which it is said, powers of ten and all. */
const figures = (text: string) => text.match(/\d+(?:\.\d+)?(?:e[+-]?\d+)?/g) ?? [];

/** Everything that a guarantee can be, each choice its own. */
const guarantees = fc
  .record({
    unit: fc.constantFrom<Guarantee["unit"]>(
      { kind: "customer", merchants: 1 },
      { kind: "customer", merchants: 7 },
      { kind: "node" },
      { kind: "other", words: "X3" },
    ),
    adjacency: fc.constantFrom("add-or-remove-one" as const, "zero-out" as const, "replace-one" as const),
    trust: fc.constantFrom<Guarantee["trust"]>(
      { model: "distributed", cohort: 11, corrupt: 2 },
      { model: "local", cohort: 13 },
      { model: "central" },
    ),
    sampling: fc.constantFrom("everybody" as const, "secret-poisson" as const),
    times: fc.constantFrom(1, 40),
    epsilon: fc.constantFrom("0.5", "3.21", "12.5", "Infinity"),
    delta: fc.constantFrom("1e-6", "0.25"),
    mu: fc.constantFrom<Guarantee["mu"]>(
      undefined,
      { value: 0.123, upTo: 2.34 },
      { value: 0.5, upTo: Number.POSITIVE_INFINITY },
    ),
    profile: fc.constantFrom<readonly { readonly epsilon: number; readonly delta: number }[]>(
      [],
      [
        { epsilon: 1.25, delta: 0.01 },
        { epsilon: 2.5, delta: 3.2e-5 },
      ],
    ),
    assumptions: fc.constantFrom<string[]>([], ["A17"], ["A17", "A18"]),
    notCovered: fc.constantFrom<string[]>([], ["C19"]),
    notVerifiable: fc.constantFrom<string[]>([], ["V21", "V22"]),
  })
  .map(
    ({ times, mu, ...rest }): Guarantee => ({
      ...rest,
      releases: [
        {
          ...{ what: "W23", times, clipNorm: "0.75", noiseMultiplier: "1.2" },
          samplingRate: rest.sampling === "everybody" ? "1" : "0.05",
        },
      ],
      ...{ people: 2000, accountant: "rdp-integer", period: "P29" },
      ...(mu === undefined ? {} : { mu }),
    }),
  );

it("every sentence is there in both languages, with the same figures in the same order (fast-check)", () => {
  const said = new Set<string>();
  fc.assert(
    fc.property(guarantees, (guarantee) => {
      const [english, chinese] = [describe(guarantee), describe(guarantee, "zh")];
      expect(chinese.tier).toBe(english.tier);
      for (const section of statementSections) {
        const [ours, theirs] = [english.sections[section], chinese.sections[section]];
        expect(theirs.map(figures), section).toEqual(ours.map(figures));
        for (const sentence of theirs) expect(sentence).toMatch(/\p{Script=Han}.*。$/u);
        for (const sentence of ours) expect(sentence).not.toMatch(/\p{Script=Han}/u);
        for (const sentence of [...ours, ...theirs]) expect(sentence).not.toMatch(/undefined|NaN|\{|\[object/);
      }
      for (const line of statementLines(chinese)) said.add(line.replaceAll(/[\d.e-]+/g, "#"));
    }),
    { numRuns: 600, seed: 20_261_130 },
  );
  // all that the Chinese table has was said: no sentence is out of reach
  const text = [...said].join("\n");
  const { tiers, sampling, lists, central, device, customer, atEach, noBound } = statementWords.zh;
  for (const words of [...Object.values(tiers), ...Object.values(sampling), central, device, customer, atEach, noBound])
    expect(text).toContain(words);
  for (const [lead, none] of Object.values(lists)) expect([text.includes(lead), text.includes(none)]).toEqual([true, true]);
});

it("a statement whose tier's words are another tier's is refused in either language", () => {
  const [guarantee] = fc.sample(guarantees, { numRuns: 1, seed: 20_261_130 });
  if (guarantee === undefined) throw new Error("there is one");
  const weak = describe({ ...guarantee, epsilon: "12.5" }, "zh");
  expect(statementLines(weak).join("")).toContain(statementWords.zh.tiers["not protected"]);
  const strength = weak.sections.strength.map((line) =>
    line.replace(statementWords.zh.tiers["not protected"], statementWords.zh.tiers.strong),
  );
  const polished = { ...weak, sections: { ...weak.sections, strength } };
  expect(() => statementLines(polished)).toThrow(expect.objectContaining({ code: "TRB_DP_STATEMENT_TIER_WRONG" }));
});
