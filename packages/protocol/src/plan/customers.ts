/**
 * What a customer should know of a plan, in one paragraph: whom it protects, what leaves, what ε bounds in plain words, for how long, who sees what, and what nobody
 * promises. A function of the plan alone, in English and Chinese; `explain.ts` has the details.
 *
 * ε in words: for any outcome E, P[E | with you] ≤ e^ε·P[E | without you] + δ. So whatever comes out, but for outcomes about as rare as δ, the odds that anybody
 * gives to your being there are at most e^ε times those before (Bayes). Figures are rounded up.
 */
import { protectionTier } from "@tributary/dp";
import { parseDecimal } from "../canonical/decimals.ts";
import type { Plan, Release } from "./schema.ts";

export const planLanguages = ["en", "zh"] as const;
export type PlanLanguage = (typeof planLanguages)[number];

/** The figures that the paragraph says, so that a page can draw them. */
export interface BeliefBounds {
  /** e^ε: how much the odds of anything about one customer can change at most; null beyond what a number holds. */
  readonly oddsFactor: number | null;
  /** What a belief of one in a hundred can become at most, in per cent. */
  readonly fromOneInHundred: number;
  /** What a belief of one half can become at most, in per cent. */
  readonly fromHalf: number;
}

/** Rounded up to three digits. */
export function beliefBounds({ epsilon }: Pick<Plan, "epsilon">): BeliefBounds {
  const cost = parseDecimal(epsilon);
  const factor = Math.exp(cost);
  // p·e^ε/(1 − p + p·e^ε), written so that e^ε may be infinite
  const after = (prior: number) => Math.min(100, up(100 / (1 + ((1 - prior) / prior) * Math.exp(-cost))));
  return { oddsFactor: Number.isFinite(factor) ? up(factor) : null, fromOneInHundred: after(0.01), fromHalf: after(0.5) };
}

/** One paragraph. */
export function customerParagraph(plan: Plan, language: PlanLanguage): string {
  const words = language === "zh" ? chinese : english;
  return words(plan).join(language === "zh" ? "" : " ");
}

const kindsOf = ({ releases }: Plan): readonly Release["kind"][] => [...new Set(releases.map(({ kind }) => kind))];
const roundsOf = ({ releases }: Plan): number => releases.reduce((sum, { rounds }) => sum + rounds, 0);
const isSampled = ({ releases }: Plan): boolean => releases.some(({ samplingRate }) => parseDecimal(samplingRate) < 1);
const tierOf = ({ epsilon, delta, minCustomers }: Plan) => protectionTier({ epsilon, delta, people: minCustomers });

const factorText = ({ oddsFactor }: BeliefBounds, beyond: string): string =>
  oddsFactor === null || oddsFactor > 1e9 ? beyond : oddsFactor.toLocaleString("en-US");

function english(plan: Plan): string[] {
  const { unit, maxMerchantsPerCustomer: k, epsilon, delta, minCohort, maxCorrupt, noiseMode, extensions = [] } = plan;
  const bounds = beliefBounds(plan);
  const [who, house] = unit === "node" ? ["device", "on your device"] : ["merchant", "with your merchant"];
  const whole = {
    one: "everything that one merchant knows of you, all events together; if you shop at several of them, you are protected at each by itself",
    several: `everything that up to ${k} of the merchants know of you together`,
    device: "all that is on your device, as a whole",
  }[unit === "node" ? "device" : k === 1 ? "one" : "several"];
  const kinds = {
    popularity: "which items are popular",
    pairs: "which items go together",
    training: "how a model that predicts shopping should change",
    metrics: "how well that model predicts",
    features: "averages of how customers shop",
    query: "what an extension asks",
  };
  const trust = {
    distributed: `That holds as long as no more than ${maxCorrupt} of a round's ${who}s work with the coordinator, since each adds a share of the noise${isSampled(plan) ? ", and as long as nobody learns who was drawn into a round" : ""}.`,
    local: `That needs no trust in the other ${who}s: each adds all the noise itself${isSampled(plan) ? "; nobody may learn who was drawn into a round" : ""}.`,
    central:
      "The coordinator adds the noise and sees exact sums, so that nothing of this holds against it: that is for simulation only.",
  }[noiseMode];
  const tier = {
    strong: "That is strong protection.",
    reasonable: "That is counted as reasonable protection; below 1 it would be strong.",
    "not protected": "That is so much that you should regard yourself as not protected.",
  }[tierOf(plan)];
  return [
    `For the customers of "${plan.federation}": protected is ${whole}.`,
    `No log leaves its place. What leaves is sums over at least ${minCohort} ${who}s, with random noise added, ${times(roundsOf(plan))}, of ${list(kindsOf(plan).map((kind) => kinds[kind]))}.`,
    `ε = ${epsilon} means: whatever somebody believes about you beforehand, whether you are among the customers or what you did, the odds of it change at most ${factorText(bounds, "more than a billion")}-fold by all that is ever released. Who thinks it one chance in a hundred comes to ${bounds.fromOneInHundred} % at most, who thinks it even to ${bounds.fromHalf} %.`,
    `The exception is outcomes about as rare as δ = ${delta}, ${oneIn(delta)}, for which nothing is promised.`,
    tier,
    trust,
    "It covers all rounds of this plan, for good: what was released can't be called back, and another plan costs anew.",
    `The coordinator, and whoever has the ledger or a model, sees the noisy sums, what was made of them, and which ${who}s take part; your own data are seen only ${house}.`,
    "Not promised is that nobody learns what is true of customers in general, which is what the model is for and may well fit you; nor anything about what your merchant does with your data in its own house.",
    ...(plan.catalogueProvenance === "log" ? ["The list of items was taken from a log, and is outside of all this."] : []),
    ...(extensions.length === 0
      ? []
      : [
          `Code from outside takes part (${extensions.map(({ name }) => name).join(", ")}); each merchant has to have read it.`,
        ]),
    "That everybody runs the program as it is no file can show; audits test it.",
  ];
}

function chinese(plan: Plan): string[] {
  const { unit, maxMerchantsPerCustomer: k, epsilon, delta, minCohort, maxCorrupt, noiseMode, extensions = [] } = plan;
  const bounds = beliefBounds(plan);
  const [who, house] = unit === "node" ? ["台设备", "您的设备上"] : ["家商家", "您所在的商家"];
  const whole = {
    one: "一家商家所知道的关于您的全部行为记录；如果您在多家商家购物，则在每一家分别受到保护",
    several: `至多 ${k} 家商家合起来所知道的关于您的全部行为记录`,
    device: "您设备上的全部数据，作为一个整体",
  }[unit === "node" ? "device" : k === 1 ? "one" : "several"];
  const kinds = {
    popularity: "哪些商品受欢迎",
    pairs: "哪些商品常一起出现",
    training: "预测购物行为的模型应如何改进",
    metrics: "该模型预测得有多准",
    features: "客户购物习惯的平均值",
    query: "扩展程序所查询的内容",
  };
  const trust = {
    distributed: `前提是每一轮中与协调者勾结的不超过 ${maxCorrupt} ${who}，因为噪声由各方分担${isSampled(plan) ? "；并且没有人知道谁被抽中参加某一轮" : ""}。`,
    local: `这无需信任其他参与方：每一方都自行加入全部噪声${isSampled(plan) ? "；但不能有人知道谁被抽中参加某一轮" : ""}。`,
    central: "噪声由协调者加入，它能看到精确的总和，因此以上对协调者均不成立：仅用于模拟。",
  }[noiseMode];
  const tier = {
    strong: "这属于强保护。",
    reasonable: "这属于合理的保护；低于 1 才算强保护。",
    "not protected": "这个代价过大，您应视自己为没有受到保护。",
  }[tierOf(plan)];
  return [
    `致“${plan.federation}”的客户：受保护的是${whole}。`,
    `任何行为记录都不会离开其所在之处。离开的只有至少 ${minCohort} ${who}的总和，并加入了随机噪声，至多 ${roundsOf(plan)} 次，内容是：${kindsOf(
      plan,
    )
      .map((kind) => kinds[kind])
      .join("、")}。`,
    `ε = ${epsilon} 的意思是：无论别人事先对您有何判断（您是否是客户、做过什么），凭借全部发布内容，其可能性之比（赔率）至多改变 ${factorText(bounds, "超过十亿")} 倍。原先认为有百分之一可能的，至多变为 ${bounds.fromOneInHundred}%；原先认为一半一半的，至多变为 ${bounds.fromHalf}%。`,
    `例外是与 δ = ${delta} 同样罕见的结果，对此不作任何承诺。`,
    tier,
    trust,
    "这涵盖本计划的全部轮次，永久有效：已发布的无法收回，另一份计划会另外计费。",
    `协调者以及持有账本或模型的人，能看到加了噪声的总和、由此得出的结果，以及有哪些参与方；您的原始数据只有${house}能看到。`,
    "不承诺的是：客户总体的规律不为人知（模型正是为此而建，这些规律也可能符合您）；也不包括商家在自己内部如何使用您的数据。",
    ...(plan.catalogueProvenance === "log" ? ["商品清单取自日志，不在上述保证之内。"] : []),
    ...(extensions.length === 0
      ? []
      : [`有外部代码参与（${extensions.map(({ name }) => name).join("、")}），每家商家都必须审阅过它。`]),
    "每一方是否都如实运行程序，任何文件都无法证明；只能靠审计检验。",
  ];
}

const times = (rounds: number) => (rounds === 1 ? "once" : `at most ${rounds} times`);

/** `a, b and c` */
const list = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;

function oneIn(delta: string): string {
  const people = 1 / parseDecimal(delta);
  return people < 1e15 ? `one chance in ${Math.floor(people * (1 + 1e-12)).toLocaleString("en-US")}` : "next to never";
}

/** Three digits, rounded up. */
function up(value: number): number {
  const nearest = Number(value.toPrecision(3));
  if (nearest >= value) return nearest;
  return Number((nearest + 10 ** (Math.floor(Math.log10(value)) - 2)).toPrecision(3));
}
