/** Both languages of `explainPlan` are held to the same facts, on plans that between them say every sentence there is. */
import { describe, expect, test } from "vitest";
import { describePlan, explainPlan } from "./explain.ts";
import { explainWords } from "./explain-words.ts";
import type { PlanOptimiser } from "./optimiser.ts";
import type { Plan } from "./schema.ts";
import { decimal, priced, soundPlans } from "./sound-plans.test-support.ts";

/** Every number in the order in which it is said, powers of ten, times and hashes and all. */
const figures = (text: string) => text.match(/[0-9a-f]{64}|\d+(?:[.,:]\d+)*(?:e[+-]?\d+)?/g) ?? [];

const { training: base, read, stopping, acceptance, packed, parts } = soundPlans;
const rate = { learningRate: decimal("0.1") };
const moments = { ...rate, beta1: decimal("0.9"), beta2: decimal("0.98"), epsilon: decimal("0.001") };
const penalties = {
  ...{ l1: decimal("0.002"), l2: decimal("0.003"), weightDecay: decimal("0.04"), updateNorm: decimal("0.5") },
};

/** Each optimiser that there is, one with all that can stand beside it. */
const optimisers: Readonly<Record<PlanOptimiser["name"] | "fedavgm", PlanOptimiser>> = {
  fedavg: { name: "fedavg", ...rate, momentum: decimal("0") },
  fedavgm: { name: "fedavg", ...rate, momentum: decimal("0.9") },
  fedadam: { name: "fedadam", ...moments, ...penalties },
  adamw: { name: "adamw", ...moments, weightDecay: decimal("0.01") },
  fedyogi: { name: "fedyogi", ...moments },
  fedadagrad: { name: "fedadagrad", ...rate, beta1: decimal("0.9"), epsilon: decimal("0.001") },
  rmsprop: { name: "rmsprop", ...rate, decay: decimal("0.95"), epsilon: decimal("0.001") },
  dpadam: { name: "dpadam", ...rate, beta1: decimal("0.9"), beta2: decimal("0.98"), floor: decimal("1e-7") },
  extension: { name: "extension", ...rate, extension: "visits", numbers: { half: decimal("0.25") } },
};

const pulled = { proximal: decimal("0.07") };
const firstPart = (parts.catalogueParts ?? []).slice(0, 1);
const stage = (plan: Plan) => plan.releases.map((one) => ({ ...one, rounds: 3 }));

/** Beside the sound ones: what these have one way is here the other way. None has to be a plan that a node accepts. */
const others: Readonly<Record<string, Plan>> = {
  once: priced({ ...base, releases: base.releases.map((one) => ({ ...one, rounds: 1 })) }),
  local: { ...base, noiseMode: "local" },
  central: { ...base, noiseMode: "central", catalogueProvenance: "log" },
  opendp: { ...base, sampler: "opendp" },
  strong: { ...base, epsilon: decimal("0.9") },
  weak: { ...base, epsilon: decimal("11") },
  laidOpen: { ...base, delta: decimal("0.25") },
  steps: { ...base, caps: { ...base.caps, localSteps: 4 }, local: { ...base.local, ...pulled } },
  passes: { ...packed, local: { ...packed.local, ...pulled, epochs: 3 } },
  onePass: { ...packed, local: { ...packed.local, epochs: 1 } },
  stages: {
    ...base,
    releases: [...stage(base), ...stage(base).map((one) => ({ ...one, noiseMultiplier: decimal("2.5") }))],
  },
  oneLook: { ...stopping, earlyStop: { metric: "hr10", patience: 1, leastGain: decimal("0.002") } },
  reciprocal: { ...acceptance, acceptance: { metric: "mrr", tolerance: decimal("0.02") } },
  onePart: { ...base, catalogueParts: firstPart },
  partsAtSeveral: { ...parts, maxMerchantsPerCustomer: 2 },
  twoReadings: {
    ...read,
    releases: read.releases.flatMap((one) => [one, { ...one, noiseMultiplier: decimal("7.5") }]),
  },
  ...Object.fromEntries(Object.entries(optimisers).map(([name, optimiser]) => [`optimiser ${name}`, { ...base, optimiser }])),
};
const plans: readonly (readonly [string, Plan])[] = [...Object.entries(soundPlans), ...Object.entries(others)];

const isTable = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);
const pathsOf = (table: object, at = ""): string[] =>
  Object.entries(table).flatMap(([key, value]) => (isTable(value) ? pathsOf(value, `${at}${key}.`) : [`${at}${key}`]));

/** The table itself, each text that is looked up noted. */
function noting<Table extends object>(table: Table, used: Set<string>, at = ""): Table {
  return new Proxy(table, {
    get(target, key, receiver) {
      const value: unknown = Reflect.get(target, key, receiver);
      if (isTable(value)) return noting(value, used, `${at}${String(key)}.`);
      used.add(`${at}${String(key)}`);
      return value;
    },
  });
}

/** All of them in Chinese, and which texts of the table that took. */
function sayAll() {
  const used = new Set<string>();
  const table = explainWords.zh;
  Object.assign(explainWords, { zh: noting(table, used) });
  try {
    return { used, said: plans.map(([name, plan]) => ({ name, plan, chinese: explainPlan(plan, "zh") })) };
  } finally {
    Object.assign(explainWords, { zh: table });
  }
}

describe("a plan in English and in Chinese", () => {
  const { used, said } = sayAll();

  test.each(said)("says the same sentences with the same figures in the same order: $name", ({ plan, chinese }) => {
    const english = explainPlan(plan);
    expect(chinese.map(figures)).toEqual(english.map(figures));
    for (const sentence of english) expect(sentence).not.toMatch(/\p{Script=Han}|undefined|NaN|\{|\[object/u);
    for (const sentence of chinese) {
      expect(sentence).toMatch(/^\S.*\p{Script=Han}.*。$/u);
      expect(sentence).not.toMatch(/undefined|NaN|\{|\[object|=>|[,;] ?\p{Script=Han}/u);
    }
  });

  test("and these plans between them say every text of the table", () => {
    expect(pathsOf(explainWords.zh).filter((path) => !used.has(path))).toEqual([]);
    expect(pathsOf(explainWords.en)).toEqual(pathsOf(explainWords.zh));
    const { chinese } = said.find(({ name }) => name === "declared") ?? { chinese: [] };
    expect(chinese[0]).toContain(`联邦“${base.federation}”`);
    expect(chinese.join("\n")).toContain("final.*、item.weight");
  });

  test.each(plans.filter(([name]) => ["training", "packed", "central", "read"].includes(name)))(
    "has the same facts under the same keys: %s",
    (_, plan) => {
      const [english, chinese] = [describePlan(plan), describePlan(plan, "zh")];
      const facts = ({ releases, optimiser, trust, notVerifiable, statement, ...rest }: typeof english) => ({
        ...{ ...rest, releases: releases.map(({ what, ...one }) => ({ ...one, what: figures(what) })) },
        ...{ optimiser: figures(optimiser), trust: { ...trust, sampler: figures(trust.sampler) } },
        ...{ notVerifiable: notVerifiable.map(figures), tier: statement.tier },
        sections: Object.entries(statement.sections).map(([section, lines]) => [section, lines.map(figures)]),
      });
      expect(facts(chinese)).toEqual(facts(english));
      expect(chinese.notVerifiable).not.toEqual(english.notVerifiable);
    },
  );
});
