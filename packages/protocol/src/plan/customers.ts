/**
 * What a customer should know of a plan, in one paragraph: whom it protects, what leaves, what ε bounds in plain words, for how long, who sees what, and what nobody
 * promises. A function of the plan alone, in English and Chinese; `explain.ts` has the details.
 *
 * ε in words: for any outcome E and whatever the others' data are, P[E | with you] ≤ e^ε·P[E | without you] + δ, and the other way round. So whatever comes out, but for
 * outcomes about as rare as δ, the odds that somebody who knows all the others gives to your being there are at most e^ε times those before (Bayes). Of two
 * things that you may have done, each is that far from your not being there, so that their odds change e^2ε-fold at most. Figures are rounded up.
 */
import { protectionTier } from "@tributary/dp";
import { parseDecimal } from "../canonical/decimals.ts";
import type { PlanLanguage } from "./language.ts";
import type { Plan, Release } from "./schema.ts";

/** The figures that the paragraph says, so that a page can draw them. */
export interface BeliefBounds {
  /** e^ε: how much the odds of somebody's being among the customers can change at most; null beyond what a number holds. */
  readonly oddsFactor: number | null;
  /** e^2ε: the same of one history against another. */
  readonly oddsFactorOfHistories: number | null;
  /** What a belief of one in a hundred that somebody is among the customers can become at most, in per cent. */
  readonly fromOneInHundred: number;
  /** What a belief of one half in that can become at most, in per cent. */
  readonly fromHalf: number;
}

/** Rounded up to three digits. */
export function beliefBounds({ epsilon }: Pick<Plan, "epsilon">): BeliefBounds {
  const cost = parseDecimal(epsilon);
  const factor = (times: number) => (Number.isFinite(Math.exp(times * cost)) ? up(Math.exp(times * cost)) : null);
  // p·e^ε/(1 − p + p·e^ε), written so that e^ε may be infinite
  const after = (prior: number) => Math.min(100, up(100 / (1 + ((1 - prior) / prior) * Math.exp(-cost))));
  return {
    ...{ oddsFactor: factor(1), oddsFactorOfHistories: factor(2) },
    ...{ fromOneInHundred: after(0.01), fromHalf: after(0.5) },
  };
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

const factorText = (factor: number | null, beyond: string): string =>
  factor === null || factor > 1e9 ? beyond : factor.toLocaleString("en-US");
const hasSelectedParts = ({ catalogueParts = [] }: Plan) => catalogueParts.some(({ selection }) => selection !== undefined);

function english(plan: Plan): string[] {
  const { unit, maxMerchantsPerCustomer: k, epsilon, delta, minCohort, maxCorrupt, noiseMode, extensions = [] } = plan;
  const bounds = beliefBounds(plan);
  const shown = up(parseDecimal(epsilon), 4);
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
    distributed: `That holds as long as ${maxCorrupt === 0 ? `none of a round's ${who}s works` : `no more than ${maxCorrupt} of a round's ${who}s work`} with the coordinator, since each adds a share of the noise${isSampled(plan) ? ", and as long as nobody learns who was drawn into a round" : ""}.`,
    local: `That needs no trust in the other ${who}s: each adds all the noise itself${isSampled(plan) ? "; nobody may learn who was drawn into a round" : ""}.`,
    central:
      "The coordinator adds the noise and sees exact sums, so that nothing of this holds against it: that is for simulation only.",
  }[noiseMode];
  const tier = {
    strong: "That is strong protection.",
    reasonable: "That is counted as reasonable protection; up to 1 it would be strong.",
    "not protected": "That is so much that you should regard yourself as not protected.",
  }[tierOf(plan)];
  return [
    `For the customers of "${plan.federation}": protected is ${whole}.`,
    `No log leaves its place. What leaves is sums over at least ${minCohort} ${who}s, with random noise added, ${times(roundsOf(plan))}, of ${list(kindsOf(plan).map((kind) => kinds[kind]))}.`,
    ...(hasSelectedParts(plan)
      ? ["Beforehand some merchants chose by noisy counts which items to list; what that costs is part of ε."]
      : []),
    ...(plan.selection === undefined
      ? []
      : ["Beforehand the recipe was chosen by trials on customers' data, of which only the best was kept; that is part of ε."]),
    `ε = ${shown} means: even for somebody who knows all about everybody else, the odds that you are among the customers change at most ${factorText(bounds.oddsFactor, "more than a billion")}-fold by all that is ever released, and of two things that you may have done the odds change at most ${factorText(bounds.oddsFactorOfHistories, "more than a billion")}-fold. Who gives it one chance in a hundred that you are among them comes to ${bounds.fromOneInHundred} % at most, who thinks it even to ${bounds.fromHalf} %.`,
    `The exception is outcomes about as rare as δ = ${delta}, ${oneIn(delta)}, for which nothing is promised.`,
    tier,
    trust,
    ...(plan.earlyStop === undefined
      ? []
      : ["Training may end earlier, by the noisy figures that were released; what isn't used of ε isn't spent."]),
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
  const shown = up(parseDecimal(epsilon), 4);
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
    features: "顾客购物习惯的平均值",
    query: "扩展程序所查询的内容",
  };
  const trust = {
    distributed: `前提是每一轮中与协调者勾结的不超过 ${maxCorrupt} ${who}，因为噪声由各方分担${isSampled(plan) ? "；并且没有人知道谁被抽中参加某一轮" : ""}。`,
    local: `这无需信任其他参与方：每一方都自行加入全部噪声${isSampled(plan) ? "；但不能有人知道谁被抽中参加某一轮" : ""}。`,
    central: "噪声由协调者加入，它能看到精确的总和，因此以上对协调者均不成立：仅用于模拟。",
  }[noiseMode];
  const tier = {
    strong: "这属于强保护。",
    reasonable: "这属于合理的保护；不超过 1 才算强保护。",
    "not protected": "这个代价过大，您应视自己为没有受到保护。",
  }[tierOf(plan)];
  return [
    `致“${plan.federation}”的顾客：受保护的是${whole}。`,
    `任何行为记录都不会离开其所在之处。离开的只有至少 ${minCohort} ${who}的总和，并加入了随机噪声，至多 ${roundsOf(plan)} 次，内容是：${kindsOf(
      plan,
    )
      .map((kind) => kinds[kind])
      .join("、")}。`,
    ...(hasSelectedParts(plan) ? ["在此之前，部分商家用加噪计数挑选了要列出的商品，其代价已计入 ε。"] : []),
    ...(plan.selection === undefined ? [] : ["在此之前，训练方案是用顾客数据多次试验后择优选定的，其代价已计入 ε。"]),
    `ε = ${shown} 的意思是：即使有人知道其他所有人的一切，凭借全部发布内容，他对“您是否是顾客”的可能性之比（赔率）至多改变 ${factorText(bounds.oddsFactor, "超过十亿")} 倍；对您可能做过的两件事孰真孰假，赔率至多改变 ${factorText(bounds.oddsFactorOfHistories, "超过十亿")} 倍。原先认为您有百分之一可能是顾客的，至多变为 ${bounds.fromOneInHundred}%；原先认为一半一半的，至多变为 ${bounds.fromHalf}%。`,
    `例外是与 δ = ${delta} 同样罕见的结果，对此不作任何承诺。`,
    tier,
    trust,
    ...(plan.earlyStop === undefined ? [] : ["训练可能依据已发布的加噪指标提前结束；未用到的 ε 不会被花费。"]),
    "这涵盖本计划的全部轮次，永久有效：已发布的无法收回，另一份计划会另外计费。",
    `协调者以及持有账本或模型的人，能看到加了噪声的总和、由此得出的结果，以及有哪些参与方；您的原始数据只有${house}能看到。`,
    "不承诺的是：顾客总体的规律不为人知（模型正是为此而建，这些规律也可能符合您）；也不包括商家在自己内部如何使用您的数据。",
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

/** So many digits, rounded up. */
function up(value: number, digits = 3): number {
  const nearest = Number(value.toPrecision(digits));
  if (nearest >= value) return nearest;
  return Number((nearest + 10 ** (Math.floor(Math.log10(value)) - digits + 1)).toPrecision(digits));
}
