/**
 * The sentences of `explain.ts`, in each language. Whatever is said in one is said in all, figure by figure and in the same order (`explain-words.test.ts`).
 * What only one section of a plan needs is said in that section's file.
 */
import { largestFullGraph } from "./graph.ts";
import type { PlanLanguage } from "./language.ts";
import type { Plan, Release } from "./schema.ts";

type Extension = NonNullable<Plan["extensions"]>[number];

/** A training release where there are several of them. */
type Stage = Pick<Release, "rounds" | "clipNorm" | "noiseMultiplier">;

export interface ExplainWords {
  readonly released: Readonly<Record<Release["kind"], string>>;
  readonly samplers: Readonly<Record<Plan["sampler"], string>>;
  readonly notVerifiable: readonly string[];
  readonly period: string;
  readonly assumptions: {
    readonly unchanged: string;
    readonly customers: (least: number) => string;
    readonly corrupt: (most: number) => string;
    readonly dropouts: string;
    readonly merchants: (most: number) => string;
    readonly sampling: string;
  };
  readonly notCovered: { readonly catalogue: string; readonly house: string; readonly participation: string };
  readonly beginning: (federation: string) => string;
  readonly nothingElse: string;
  readonly sampler: (words: string) => string;
  readonly recomputed: (epsilon: string) => string;
  readonly lattice: (byRenyi: string) => string;
  readonly continuous: (epsilon: string) => string;
  readonly provenance: Readonly<Record<Plan["catalogueProvenance"], string>>;
  readonly counted: (items: number, pairs: number, window: number) => string;
  readonly workedOut: string;
  readonly retries: (rounds: number) => string;
  readonly optimiser: (words: string) => string;
  readonly stages: (stages: readonly Stage[]) => string;
  readonly initialModel: (hash: string | undefined) => string;
  readonly trained: (numbers: number, tensors: readonly string[]) => string;
  readonly selection: (runs: string, noiseMultiplier: string) => string;
  readonly heldOut: (share: string) => string;
  readonly metricNoise: (widths: readonly string[], nodes: number, lossBound: string) => string;
  readonly features: (at: string) => string;
  readonly extension: (extension: Extension) => string;
  readonly deviceSteps: (epochs: number, batchSize: number, learningRate: string, pull: string) => string;
  readonly customerSteps: (steps: number, learningRate: string, pull: string) => string;
  readonly pull: (proximal: string) => string;
}

/** What no ledger, plan or signature can show; every statement says so. Apart from the table: whoever says no more than this loads no more. */
export const notVerifiable: readonly string[] = [
  "that each node added its noise",
  "that each node clipped its customers' vectors",
  "that sampling was secret",
  "that counts are honest",
  "that the catalogue is public",
  "that no customer is known to more merchants than stated",
  "that tuning looked at no private data",
];

const english: ExplainWords = {
  released: {
    popularity: "one sum of the items that customers had, each customer's weight spread over them, over all nodes, with noise",
    pairs:
      "one sum of the pairs of items that customers had close together, out of a public list of pairs, over all nodes, with noise",
    training: "one sum of clipped training updates of the sampled customers, over all nodes, with noise",
    metrics:
      "one sum of how well the released model predicts the last events of customers who are held out (a count, hits, discounted gains, reciprocal ranks, clipped losses), over all nodes, with noise",
    features:
      "one sum of how many customers have each of a public list of features (how often, how long ago, how much at once), and of the feature and its square on a public scale, over all nodes, with noise",
    query: "one sum of clipped vectors that an extension computes, one of each customer, over all nodes, with noise",
  },
  samplers: {
    exact: "this program's own exact sampler of the discrete Gaussian, in which no float decides",
    opendp: "OpenDP's exact sampler of the discrete Gaussian (Rust), which every node has to have built",
  },
  notVerifiable,
  period: "all rounds of this plan, retries included; what is spent does not come back, and another plan costs anew",
  assumptions: {
    unchanged: "nodes run this program unchanged",
    customers: (least) => `there are at least ${least} customers`,
    corrupt: (most) => `no more than ${most} of a round's nodes are corrupt`,
    dropouts: `in rounds of more than ${largestFullGraph} nodes, who drops out does not depend on who is whose neighbour`,
    merchants: (most) => `nobody shops at more than ${most} merchants`,
    sampling: "each node's sample of customers stays secret",
  },
  notCovered: {
    catalogue: "the list of items, which was taken from the log",
    house: "what a merchant does with its own customers' data in its own house",
    participation: "that a node takes part, and when",
  },
  beginning: (federation) =>
    `This is the plan of the federation "${federation}". It fixes everything that may be done with customers' data.`,
  nothingElse: "Nothing else that depends on customers' data leaves a node for the coordinator or for other nodes.",
  sampler: (words) => `A node draws its noise with ${words}.`,
  recomputed: (epsilon) => `ε was recomputed from the releases: ${epsilon}.`,
  lattice: (byRenyi) =>
    `The accountant lattice charges discrete noise on vectors as the continuous Gaussian and two tiny terms more, which is proven where nothing is sampled (docs/privacy/accounting.md). By Rényi divergences at integer orders, which the ledger states as well, it would be ε = ${byRenyi}.`,
  continuous: (epsilon) =>
    `Beside it, not certified: continuous noise of the same size would cost ε = ${epsilon} (privacy loss distributions).`,
  provenance: {
    public: "The list of items is declared public by whoever made it: not derived from anybody's behaviour.",
    "dp-selection": "The list of items was itself selected under differential privacy.",
    log: "The list of items was taken from the log and is only treated as public: it is outside ε. A real federation refuses this.",
  },
  counted: (items, pairs, window) =>
    `A customer counts in them with the latest ${items} items and ${pairs} pairs at most, of events at most ${window} steps apart.`,
  workedOut:
    "Which pairs are asked for, and how they are weighted, the coordinator works out from the catalogue and from sums released before; so it does with what is served. That looks at nothing else, so it costs no privacy.",
  retries: (rounds) =>
    `Of these rounds ${rounds} would only replace one that was paid for and brought nothing; they are paid for when they are needed.`,
  optimiser: (words) =>
    `From each sum of training updates the coordinator makes the next model by ${words}; that looks at nothing else, so it costs no privacy.`,
  stages: (stages) =>
    `Training runs in stages, in this order: ${stages.map(({ rounds, clipNorm, noiseMultiplier }) => `${rounds} rounds clipped to ${clipNorm} at noise multiplier ${noiseMultiplier}`).join("; ")}. Each round's entry states the mechanism of its stage.`,
  initialModel: (hash) =>
    `Training begins at a model that was brought along (SHA-256 ${hash}). It is declared public: learnt from nobody's data whom this plan protects. No file can show that.`,
  trained: (numbers, tensors) =>
    `Of the model only these tensors learn, ${numbers} numbers in all: ${tensors.join(", ")} (* stands for any characters). Updates, clipping and noise are of them alone; everything else stays as training found it.`,
  selection: (runs, noiseMultiplier) =>
    `Before the first round the recipe was chosen by who holds all customers' data: the best of a secret random number of runs, ${runs} on average, each at noise multiplier ${noiseMultiplier}. That is paid for in ε; that the number stayed secret nobody can check.`,
  heldOut: (share) =>
    `${share} of customers, whom a hash of their ids keyed by the federation's name picks, are held out: nothing is learnt from them, and metrics are of them alone.`,
  metricNoise: (widths, nodes, lossBound) =>
    `A sum of metrics is known to about ±${widths.join(" and ")} customers (95 % of the noise that ${nodes} nodes bring; more of them bring more); losses are clipped to ${lossBound} nats. The sums stand in the ledger, and ratios of them are stated with their interval by Fieller's method.`,
  features: (at) =>
    `Features are asked as of ${at}. Means and deviations of them are made of the released sums alone, for everybody alike; nodes standardise by them.`,
  extension: ({ name, sha256 }) =>
    `It uses code from outside, the extension ${name} (SHA-256 ${sha256}). What it computes of a customer is clipped like everything else; that it looks at one customer at a time, and keeps nothing, is for whoever accepts its hash to read in it.`,
  deviceSteps: (epochs, batchSize, learningRate, pull) =>
    `Before it clips, a device makes ${epochs === 1 ? "one pass" : `${epochs} passes`} over its data in batches of ${batchSize}, in steps of ${learningRate}${pull}.`,
  customerSteps: (steps, learningRate, pull) =>
    `Before it is clipped, each customer's update is made of ${steps} local steps of ${learningRate}${pull}.`,
  pull: (proximal) => `, each pulled back towards the round's model by ${proximal}`,
};

const chinese: ExplainWords = {
  released: {
    popularity: "顾客有过的商品的一个总和，每位顾客的权重分摊在其商品上，对所有节点求和，加噪声",
    pairs: "顾客在相近时间有过的商品对的一个总和，取自一份公开的商品对清单，对所有节点求和，加噪声",
    training: "被抽中顾客经裁剪的训练更新的一个总和，对所有节点求和，加噪声",
    metrics:
      "已发布的模型对留出顾客最后的事件预测得有多好的一个总和（人数、命中、折损增益、排名倒数、经裁剪的损失），对所有节点求和，加噪声",
    features:
      "公开特征清单中每项特征（多频繁、多久以前、一次多少）各有多少顾客具备，以及该特征及其平方按公开尺度的一个总和，对所有节点求和，加噪声",
    query: "扩展程序算出的、经裁剪的向量的一个总和，每位顾客一个向量，对所有节点求和，加噪声",
  },
  samplers: {
    exact: "本程序自己的离散高斯精确抽样器，其中没有任何结果由浮点数决定",
    opendp: "OpenDP 的离散高斯精确抽样器（Rust），每个节点都必须自行构建",
  },
  notVerifiable: [
    "每个节点都加入了噪声",
    "每个节点都裁剪了其顾客的向量",
    "抽样是保密的",
    "数量是诚实的",
    "商品清单是公开的",
    "没有顾客为超出所述数量的商家所知",
    "调参没有查看私有数据",
  ],
  period: "本计划的全部轮次，含重试；花费的不会回来，另一份计划会另外计费",
  assumptions: {
    unchanged: "节点原样运行本程序",
    customers: (least) => `至少有 ${least} 位顾客`,
    corrupt: (most) => `每一轮中不诚实的节点不超过 ${most} 个`,
    dropouts: `在超过 ${largestFullGraph} 个节点的轮次中，谁掉线与谁是谁的邻居无关`,
    merchants: (most) => `没有人是超过 ${most} 家商家的顾客`,
    sampling: "每个节点抽取了哪些顾客始终保密",
  },
  notCovered: {
    catalogue: "取自日志的商品清单",
    house: "商家在自己内部如何使用自己顾客的数据",
    participation: "某个节点参加了，以及何时参加",
  },
  beginning: (federation) => `这是联邦“${federation}”的计划。它规定了可以对顾客数据做的一切。`,
  nothingElse: "除此之外，没有任何取决于顾客数据的内容会离开节点，传给协调者或其他节点。",
  sampler: (words) => `节点的噪声来源：${words}。`,
  recomputed: (epsilon) => `ε 已由各项发布重新算出：${epsilon}。`,
  lattice: (byRenyi) =>
    `会计方法 lattice 把向量上的离散噪声按连续高斯再加两个极小的项计费，这在不抽样时已得到证明（docs/privacy/accounting.md）。按整数阶的 Rényi 散度（账本同样载明）则为 ε = ${byRenyi}。`,
  continuous: (epsilon) => `另附未经认证的一个数：同样大小的连续噪声会花费 ε = ${epsilon}（隐私损失分布）。`,
  provenance: {
    public: "商品清单由其制作者声明为公开：不来自任何人的行为。",
    "dp-selection": "商品清单本身是在差分隐私之下选出的。",
    log: "商品清单取自日志，只是被当作公开：它不在 ε 之内。真实的联邦会拒绝这样做。",
  },
  counted: (items, pairs, window) =>
    `一位顾客至多以最近的 ${items} 件商品和 ${pairs} 个商品对计入其中，取自至多相隔 ${window} 步的事件。`,
  workedOut:
    "询问哪些商品对、如何加权，由协调者根据商品清单和此前发布的总和得出；提供服务的内容也是如此。这不看任何别的数据，因此不花费隐私。",
  retries: (rounds) => `这些轮次中有 ${rounds} 轮只用来替换已付费却没有结果的一轮；用到时才付费。`,
  optimiser: (words) => `协调者由每个训练更新的总和得出下一个模型，方法：${words}；这不看任何别的数据，因此不花费隐私。`,
  stages: (stages) =>
    `训练分阶段进行，依次为：${stages.map(({ rounds, clipNorm, noiseMultiplier }) => `${rounds} 轮，裁剪到 ${clipNorm}，噪声倍数 ${noiseMultiplier}`).join("；")}。每一轮的条目都载明其阶段的机制。`,
  initialModel: (hash) =>
    `训练从一个带来的模型开始（SHA-256 ${hash}）。它被声明为公开：没有从本计划所保护的任何人的数据中学习。任何文件都无法证明这一点。`,
  trained: (numbers, tensors) =>
    `模型中只有下列张量学习，共 ${numbers} 个数：${tensors.join("、")}（* 代表任意字符）。更新、裁剪和噪声都只针对它们；其余一切保持训练开始时的样子。`,
  selection: (runs, noiseMultiplier) =>
    `在第一轮之前，训练方案由持有全体顾客数据的一方选定：秘密的随机次数（平均 ${runs} 次）试验中最好的一次，每次的噪声倍数为 ${noiseMultiplier}。其代价已计入 ε；次数是否保密，无人能核实。`,
  heldOut: (share) =>
    `${share} 的顾客被留出，由其编号的哈希（以联邦名称为密钥）挑选：不从他们身上学习任何东西，指标也只针对他们。`,
  metricNoise: (widths, nodes, lossBound) =>
    `指标的总和大约精确到 ±${widths.join(" 和 ")} 位顾客（95 % 的情形，按 ${nodes} 个节点带来的噪声；节点更多，噪声也更多）；损失裁剪到 ${lossBound} nat。这些总和载于账本，其比值附有按 Fieller 方法得出的区间。`,
  features: (at) => `特征以 ${at} 为准询问。其均值和标准差只由已发布的总和得出，对所有人一样；节点据此做标准化。`,
  extension: ({ name, sha256 }) =>
    `它使用外部代码：扩展 ${name}（SHA-256 ${sha256}）。它对一位顾客算出的内容和其他一切一样被裁剪；它是否一次只看一位顾客、什么也不留下，要由接受其哈希的人自行阅读代码判断。`,
  deviceSteps: (epochs, batchSize, learningRate, pull) =>
    `在裁剪之前，设备对自己的数据做${epochs === 1 ? "一遍" : ` ${epochs} 遍`}训练，每批 ${batchSize} 个，步长 ${learningRate}${pull}。`,
  customerSteps: (steps, learningRate, pull) =>
    `在裁剪之前，每位顾客的更新由 ${steps} 个本地步得出，步长 ${learningRate}${pull}。`,
  pull: (proximal) => `，每步都以 ${proximal} 的强度拉回该轮的模型`,
};

export const explainWords: Readonly<Record<PlanLanguage, ExplainWords>> = { en: english, zh: chinese };
