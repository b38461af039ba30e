/**
 * The sentences of a statement, in each language. Whatever is said in one is said in all, figure by figure and in the same order, so that no reader is told
 * less: `words.test.ts` holds them to it.
 */
import type { Adjacency, CoveredRelease, Guarantee, ProtectionTier } from "./guarantee.ts";

export const statementLanguages = ["en", "zh"] as const;
/** What a statement can be in. */
export type StatementLanguage = (typeof statementLanguages)[number];

type Distributed = Extract<Guarantee["trust"], { model: "distributed" }>;

interface Words {
  /** What each tier means to the person it is about. */
  readonly tiers: Readonly<Record<ProtectionTier, string>>;
  readonly release: (release: CoveredRelease, who: Guarantee["unit"]["kind"]) => string;
  readonly releaseAtSeveral: (release: CoveredRelease, merchants: number) => string;
  readonly device: string;
  readonly protectedIs: (words: string) => string;
  readonly customer: string;
  readonly atEach: string;
  readonly atSeveral: (merchants: number) => string;
  readonly neighbours: Readonly<Record<Adjacency, (unit: Guarantee["unit"]["kind"]) => string>>;
  readonly noBound: string;
  readonly cost: (guarantee: Pick<Guarantee, "epsilon" | "delta">) => string;
  readonly deltaTooLarge: (people: number) => string;
  readonly strength: (cost: string, tier: string, because: string) => string;
  /** @param upTo the largest ε that μ holds at; undefined: any */
  readonly mu: (mu: string, upTo: string | undefined) => string;
  readonly points: (points: readonly { readonly epsilon: string; readonly delta: string }[]) => string;
  readonly accountant: (name: string) => string;
  readonly period: (words: string) => string;
  readonly distributed: (trust: Distributed) => string;
  readonly local: (cohort: number) => string;
  readonly central: string;
  readonly sampling: Readonly<Record<Guarantee["sampling"], string>>;
  /** What stands before a list, and what is said instead of an empty one. */
  readonly lists: Readonly<Record<"assumptions" | "notCovered" | "notVerifiable", readonly [lead: string, none: string]>>;
  readonly listed: (lead: string, items: readonly string[]) => string;
}

const englishUnit = { customer: "customer", node: "device", other: "unit of privacy" };
const englishAll = { customer: "one customer's events", node: "one device's data", other: "what is protected" };
const englishOften = (times: number) => (times === 1 ? "Once" : `Up to ${times} times, retries included`);
const englishNeighbours = (change: string) =>
  `Data sets are neighbours by ${change}: that changes the chance of anything that is released only as much as ε and δ say.`;

const english: Words = {
  tiers: {
    strong: "strong protection",
    reasonable: "reasonable protection",
    "not protected": "so much that people must be regarded as not protected",
  },
  release: ({ what, times, samplingRate, clipNorm, noiseMultiplier }, unit) =>
    `${englishOften(times)}, ${what} is released: each ${englishUnit[unit]} is in it with chance ${samplingRate}, moves it by at most ${clipNorm} (L2), ` +
    `and the noise is ${noiseMultiplier} times what one ${englishUnit[unit]} can move it.`,
  releaseAtSeveral: ({ what, times, samplingRate, clipNorm, noiseMultiplier }, merchants) =>
    `${englishOften(times)}, ${what} is released: at each of up to ${merchants} merchants a customer is in it with chance ${samplingRate} and moves it ` +
    `by at most ${clipNorm} (L2), and the noise is ${noiseMultiplier} times what one customer can move it at all of these together.`,
  device: "Protected is each device as a whole: whether it had any data, and what its data were.",
  protectedIs: (words) => `Protected is ${words}.`,
  customer: "Protected is each customer of a merchant, with all of that customer's events.",
  atEach: "Somebody who shops at several merchants is protected at each by itself.",
  atSeveral: (merchants) => `The cost stated already covers somebody who shops at up to ${merchants} merchants.`,
  neighbours: {
    "add-or-remove-one": (unit) => englishNeighbours(`adding or removing all of ${englishAll[unit]}`),
    "zero-out": (unit) => englishNeighbours(`replacing all that comes from ${englishAll[unit]} by zeros`),
    "replace-one": (unit) => englishNeighbours(`replacing all of ${englishAll[unit]} by any other`),
  },
  noBound: "no bound at all",
  cost: ({ epsilon, delta }) => `at most ε = ${epsilon} at δ = ${delta}`,
  deltaTooLarge: (people) => ` (δ is not below one over ${people} people: one of them may be laid open in full)`,
  strength: (cost, tier, because) => `All of it together costs ${cost}: ${tier}${because}.`,
  mu: (mu, upTo) =>
    `In one number: what is released tells two neighbours apart no better than N(0, 1) from N(μ, 1), μ = ${mu}${upTo === undefined ? "" : ` (at every ε up to ${upTo})`}.`,
  points: (points) =>
    `The same releases at other ε: ${points.map(({ epsilon, delta }) => `ε = ${epsilon}: δ = ${delta}`).join("; ")}.`,
  accountant: (name) => `ε was computed by the accountant ${name}, which bounds all releases together from above.`,
  period: (words) => `Period: ${words}.`,
  distributed: ({ cohort, corrupt }) =>
    `Trust is distributed. The coordinator sees only sums of at least ${cohort} nodes. Every node adds a share of the noise; the promise ` +
    `holds as long as at least ${cohort - corrupt} of them are honest, that is, if at most ${corrupt} work with the coordinator.`,
  local: (cohort) =>
    "Trust is local. Every node adds all the noise itself, so the promise needs no trust in other nodes. " +
    `The coordinator sees only sums of at least ${cohort} nodes.`,
  central:
    "Trust is central. The coordinator adds the noise and sees exact sums: its operator must be trusted with them. This is for simulation only.",
  sampling: {
    "secret-poisson":
      "Which customers are sampled is drawn by each node in secret, and ε counts on that secrecy: nodes never write it down or send it.",
    everybody: "Every customer is in every round, so ε does not count on secret sampling.",
  },
  lists: {
    assumptions: ["ε holds if the following is so", "ε rests on no further assumption."],
    notCovered: ["Outside ε", "Nothing else that depends on people's data is released."],
    notVerifiable: [
      "No file can show the following; they are claims that audits test",
      "All of this can be checked from files.",
    ],
  },
  listed: (lead, items) => `${lead}: ${items.join("; ")}.`,
};

const chineseUnit = { customer: "位顾客", node: "台设备", other: "个受保护的单位" };
const chineseAll = { customer: "一位顾客的全部行为记录", node: "一台设备的全部数据", other: "受保护的全部内容" };
const chineseOften = (times: number) => (times === 1 ? "一次" : `至多 ${times} 次（含重试）`);
const chineseNeighbours = (change: string) =>
  `两份数据“相邻”是指${change}：任何发布结果出现的可能性，因此而改变的程度不超过 ε 和 δ 所述。`;

const chinese: Words = {
  tiers: { strong: "强保护", reasonable: "合理的保护", "not protected": "代价过大，应视为没有受到保护" },
  release: ({ what, times, samplingRate, clipNorm, noiseMultiplier }, unit) =>
    `发布${chineseOften(times)}：${what}。每${chineseUnit[unit]}以 ${samplingRate} 的概率被计入，对总和的影响至多为 ${clipNorm}（L2 范数），` +
    `噪声是一${chineseUnit[unit]}所能造成的影响的 ${noiseMultiplier} 倍。`,
  releaseAtSeveral: ({ what, times, samplingRate, clipNorm, noiseMultiplier }, merchants) =>
    `发布${chineseOften(times)}：${what}。在至多 ${merchants} 家商家的每一家，一位顾客以 ${samplingRate} 的概率被计入，对总和的影响` +
    `至多为 ${clipNorm}（L2 范数），噪声是一位顾客在所有这些商家合计所能造成的影响的 ${noiseMultiplier} 倍。`,
  device: "受保护的是每台设备的整体：它是否有数据，以及数据是什么。",
  protectedIs: (words) => `受保护的是：${words}。`,
  customer: "受保护的是商家的每一位顾客，连同其全部行为记录。",
  atEach: "在多家商家购物的人，在每一家分别受到保护。",
  atSeveral: (merchants) => `所述代价已经涵盖在至多 ${merchants} 家商家购物的人。`,
  neighbours: {
    "add-or-remove-one": (unit) => chineseNeighbours(`加入或去掉${chineseAll[unit]}`),
    "zero-out": (unit) => chineseNeighbours(`把来自${chineseAll[unit]}的一切换成零`),
    "replace-one": (unit) => chineseNeighbours(`把${chineseAll[unit]}换成任何别的`),
  },
  noBound: "没有任何上限",
  cost: ({ epsilon, delta }) => `至多 ε = ${epsilon}（δ = ${delta}）`,
  deltaTooLarge: (people) => `（δ 不小于 ${people} 人分之一：其中可能有一人被完全暴露）`,
  strength: (cost, tier, because) => `全部合计的代价：${cost}。这属于：${tier}${because}。`,
  mu: (mu, upTo) =>
    `用一个数来说：凭发布的内容区分两份相邻的数据，不会比区分 N(0, 1) 与 N(μ, 1) 更容易，μ = ${mu}${upTo === undefined ? "" : `（对不超过 ${upTo} 的每个 ε 成立）`}。`,
  points: (points) =>
    `同样的发布，取其他 ε 时：${points.map(({ epsilon, delta }) => `ε = ${epsilon}：δ = ${delta}`).join("；")}。`,
  accountant: (name) => `ε 由会计方法 ${name} 算出，它给出全部发布合计的上界。`,
  period: (words) => `期限：${words}。`,
  distributed: ({ cohort, corrupt }) =>
    `信任是分布式的。协调者只看到至少 ${cohort} 个节点的总和。每个节点各加入一份噪声；` +
    `只要其中至少 ${cohort - corrupt} 个是诚实的，即与协调者勾结的至多 ${corrupt} 个，承诺就成立。`,
  local: (cohort) =>
    `信任是本地的。每个节点自行加入全部噪声，因此承诺不需要信任其他节点。协调者只看到至少 ${cohort} 个节点的总和。`,
  central: "信任是集中式的。噪声由协调者加入，它能看到精确的总和：必须信任其运营者。仅用于模拟。",
  sampling: {
    "secret-poisson": "哪些顾客被抽中由每个节点秘密抽取，ε 依赖于这一秘密：节点从不记下或发送它。",
    everybody: "每位顾客都参加每一轮，因此 ε 不依赖于秘密抽样。",
  },
  lists: {
    assumptions: ["ε 成立的前提", "ε 不依赖其他前提。"],
    notCovered: ["不在 ε 之内的", "除此之外，没有发布任何取决于人们数据的内容。"],
    notVerifiable: ["任何文件都无法证明下列各项；它们是声明，由审计来检验", "以上各项都可以凭文件核实。"],
  },
  listed: (lead, items) => `${lead}：${items.join("；")}。`,
};

export const statementWords: Readonly<Record<StatementLanguage, Words>> = { en: english, zh: chinese };
