/**
 * The server optimiser that a plan names: its form, the ranges of its numbers, and what it is in words. What each computes is in
 * `optimisers/` of `@tributary/model`; a type test in `federation` holds the names and fields of the two together.
 */
import { noiseDeviation, sumQueryParameters } from "@tributary/dp";
import { z } from "zod";
import { parseDecimal } from "../canonical/decimals.ts";
import { type Decimal, decimal } from "../identifiers.ts";
import { extensionName } from "./extensions.ts";
import type { PlanLanguage } from "./language.ts";
import type { Plan } from "./schema.ts";
import { sumQueryOf } from "./sum-query.ts";

/** What pulls weights toward zero, 0 where it is left out, and what bounds the update that moves them. */
const penalties = {
  l1: decimal.exactOptional(),
  l2: decimal.exactOptional(),
  /** Decoupled: it does not pass through the optimiser's moments. */
  weightDecay: decimal.exactOptional(),
  /** Most L2 norm of the mean update, noise and all, that any step is made of; a longer one is scaled down to it. Without it there is no bound. */
  updateNorm: decimal.exactOptional(),
};
const rate = { learningRate: decimal, ...penalties };
const adaptive = { ...rate, beta1: decimal, beta2: decimal, epsilon: decimal };

export const optimiserSchema = z.discriminatedUnion("name", [
  /** With momentum above 0 this is FedAvgM. */
  z.strictObject({ name: z.literal("fedavg"), ...rate, momentum: decimal }),
  z.strictObject({ name: z.literal("fedadam"), ...adaptive }),
  z.strictObject({ name: z.literal("adamw"), ...adaptive, weightDecay: decimal }),
  z.strictObject({ name: z.literal("fedyogi"), ...adaptive }),
  z.strictObject({ name: z.literal("fedadagrad"), ...rate, beta1: decimal, epsilon: decimal }),
  z.strictObject({ name: z.literal("rmsprop"), ...rate, decay: decimal, epsilon: decimal }),
  /** The noise's variance, which it subtracts, follows from the release and is not stated again. */
  z.strictObject({ name: z.literal("dpadam"), ...rate, beta1: decimal, beta2: decimal, floor: decimal }),
  /** An extension's; what its numbers mean, its file says. */
  z.strictObject({
    name: z.literal("extension"),
    ...rate,
    extension: extensionName,
    numbers: z.record(extensionName, decimal),
  }),
]);

export type PlanOptimiser = z.infer<typeof optimiserSchema>;
type KeysOfEach<Union> = Union extends unknown ? keyof Union : never;
type Field = Exclude<KeysOfEach<PlanOptimiser>, "name" | "extension" | "numbers">;

interface Range {
  readonly expected: string;
  readonly holds: (value: number) => boolean;
}
const positive: Range = { expected: "above 0", holds: (x) => x > 0 };
const notNegative: Range = { expected: "0 or more", holds: (x) => x >= 0 };
const belowOne: Range = { expected: "from 0 to below 1", holds: (x) => x >= 0 && x < 1 };

const ranges: Readonly<Record<Field, Range>> = {
  learningRate: positive,
  momentum: belowOne,
  beta1: belowOne,
  beta2: belowOne,
  decay: belowOne,
  epsilon: positive,
  floor: positive,
  l1: notNegative,
  l2: notNegative,
  weightDecay: notNegative,
  updateNorm: positive,
};

type Optimiser = Exclude<PlanOptimiser["name"], "extension"> | "fedavgm";

interface Words {
  readonly fields: Readonly<Record<Field, string>>;
  readonly names: Readonly<Record<Optimiser, string>>;
  readonly ofExtension: (name: string) => string;
  readonly numbers: (name: string, numbers: readonly string[]) => string;
  readonly updateNorm: (updateNorm: string, nodes: number, noise: string) => string;
}

const greek = { beta1: "β₁", beta2: "β₂", epsilon: "ε" };
const named = { fedadam: "FedAdam", adamw: "AdamW", fedyogi: "FedYogi", fedadagrad: "FedAdagrad", rmsprop: "RMSprop" };

const words: Readonly<Record<PlanLanguage, Words>> = {
  en: {
    fields: {
      ...greek,
      ...{ learningRate: "learning rate", momentum: "momentum", decay: "decay of the squares" },
      ...{ floor: "least second moment", l1: "L1 penalty", l2: "L2 penalty", weightDecay: "decoupled weight decay" },
      updateNorm: "largest norm of a mean update",
    },
    names: {
      ...named,
      fedavg: "federated averaging, FedAvg",
      fedavgm: "federated averaging with momentum, FedAvgM",
      dpadam: "Adam with the variance of the noise taken out of its second moment, DP-AdamBC",
    },
    ofExtension: (name) => `the optimiser of the extension ${name}`,
    numbers: (name, numbers) => `${name} (${numbers.join(", ")})`,
    updateNorm: (updateNorm, nodes, noise) =>
      `A mean update longer than ${updateNorm} is scaled down to that before any step is made of it, whoever made it long; the noise of ${nodes} nodes alone is about ${noise} long. That bounds how far one bad round can push the model, not in which direction.`,
  },
  zh: {
    fields: {
      ...greek,
      ...{ learningRate: "学习率", momentum: "动量", decay: "平方的衰减" },
      ...{ floor: "二阶矩下限", l1: "L1 惩罚", l2: "L2 惩罚", weightDecay: "解耦的权重衰减" },
      updateNorm: "平均更新的最大范数",
    },
    names: {
      ...named,
      fedavg: "联邦平均 FedAvg",
      fedavgm: "带动量的联邦平均 FedAvgM",
      dpadam: "从二阶矩中扣除噪声方差的 Adam，即 DP-AdamBC",
    },
    ofExtension: (name) => `扩展 ${name} 的优化器`,
    numbers: (name, numbers) => `${name}（${numbers.join("，")}）`,
    updateNorm: (updateNorm, nodes, noise) =>
      `长度超过 ${updateNorm} 的平均更新，在据此走任何一步之前会被缩小到这个长度，不论是谁使它变长的；仅 ${nodes} 个节点的噪声就大约长 ${noise}。这限制了糟糕的一轮能把模型推多远，不限制往哪个方向。`,
  },
};

/** The numbers that are out of range, each once, in the order of the document. */
export function optimiserFaults(
  optimiser: PlanOptimiser,
): { readonly field: Field; readonly expected: string; readonly value: string }[] {
  const faults = fieldsOf(optimiser).flatMap(([field, value]) => {
    const { expected, holds } = ranges[field];
    return holds(parseDecimal(value)) ? [] : [{ field, expected, value }];
  });
  const { weightDecay } = optimiser;
  if (faults.length > 0 || weightDecay === undefined) return faults;
  const shrink = parseDecimal(optimiser.learningRate) * parseDecimal(weightDecay);
  const fault = (expected: string) => [{ field: "weightDecay" as const, expected, value: weightDecay }];
  if (optimiser.name === "adamw" && shrink === 0) return fault("above 0, or the optimiser is fedadam");
  return shrink < 1 ? [] : fault("below 1/learningRate, so that weights shrink without changing sign");
}

/** For example `FedAdam (learning rate 0.01, β₁ 0.9, β₂ 0.99, ε 1e-8)`. */
export function optimiserInWords(optimiser: PlanOptimiser, language: PlanLanguage): string {
  const { fields, names, ofExtension, numbers } = words[language];
  const own =
    optimiser.name === "extension" ? Object.entries(optimiser.numbers).map(([name, value]) => `${name} ${value}`) : [];
  const name =
    optimiser.name === "extension"
      ? ofExtension(optimiser.extension)
      : names[optimiser.name === "fedavg" && parseDecimal(optimiser.momentum) > 0 ? "fedavgm" : optimiser.name];
  return numbers(name, [...fieldsOf(optimiser).map(([field, value]) => `${fields[field]} ${value}`), ...own]);
}

function fieldsOf(optimiser: PlanOptimiser): readonly [Field, Decimal][] {
  return Object.entries(optimiser).filter(([field]) => field in ranges) as [Field, Decimal][];
}

/** How the bound on an update compares with the noise, which it scales down as well. */
export function updateNormSentences(plan: Plan, language: PlanLanguage): string[] {
  const { updateNorm } = plan.optimiser;
  const place = plan.releases.findIndex(({ kind }) => kind === "training");
  const release = plan.releases[place];
  if (updateNorm === undefined || release === undefined || plan.noiseMode === "central") return [];
  const { scale, nodeVariance } = sumQueryParameters(sumQueryOf(plan, place));
  const deviation =
    noiseDeviation(nodeVariance, plan.minCohort) / (scale * parseDecimal(release.samplingRate) * plan.minCustomers);
  const noise = Math.sqrt(release.dimension) * deviation;
  return [words[language].updateNorm(updateNorm, plan.minCohort, noise.toPrecision(3))];
}
