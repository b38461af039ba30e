/** What the node's own words are called by people, in both languages. */
import type { KeptValue } from "@tributary/protocol";
import { language, say, type Text, texts } from "../shared/language.ts";

/** A word that the table doesn't have stands as it is. */
const among =
  (table: Readonly<Record<string, Text>>) =>
  (word: string): string => {
    const text = Object.hasOwn(table, word) ? table[word] : undefined;
    return text === undefined ? word : say(text);
  };

export const kindName = among({
  training: { en: "training", zh: "训练" },
  popularity: { en: "popularity", zh: "热度统计" },
  pairs: { en: "item pairs", zh: "商品对统计" },
  metrics: { en: "metrics", zh: "评测指标" },
  features: { en: "features", zh: "特征统计" },
  query: { en: "extension's query", zh: "扩展查询" },
});

export const actionName = among({
  view: { en: "view", zh: "浏览" },
  cart: { en: "cart", zh: "加购" },
  favourite: { en: "favourite", zh: "收藏" },
  buy: { en: "buy", zh: "购买" },
  search: { en: "search", zh: "搜索" },
  login: { en: "login", zh: "登录" },
  category: { en: "category", zh: "看分类" },
  checkout: { en: "checkout", zh: "结算" },
  impression: { en: "impression", zh: "广告曝光" },
  advertClick: { en: "advert click", zh: "点击广告" },
});

export const phaseName = among({
  keys: { en: "keys exchanged", zh: "交换密钥" },
  reveal: { en: "graph being drawn", zh: "确定邻居图" },
  shares: { en: "shares exchanged", zh: "交换份额" },
  masking: { en: "training, masking", zh: "训练与加掩码" },
  masked: { en: "masked vector ready or sent", zh: "掩码向量已就绪或已发送" },
  voted: { en: "voted", zh: "已投票" },
  unmasked: { en: "shares released", zh: "已释放份额" },
  left: { en: "left", zh: "已退出" },
});

/** What each message is, in one plain sentence. */
export const messageWords = among({
  vector: {
    en: "The masked vector: clipped, noisy sums of this node's customers under one-time masks. On its own it is random numbers.",
    zh: "掩码向量：本节点顾客的裁剪加噪求和，再盖上一次性掩码。单独看只是随机数。",
  },
  masked: { en: "The vector's hash and length, signed.", zh: "向量的哈希与长度，带签名。" },
  advert: { en: "Fresh public keys for this round, and a commitment to a mask.", zh: "本轮的新公钥，以及对掩码的承诺。" },
  reveal: { en: "Randomness that decides which nodes are neighbours.", zh: "决定节点相邻关系的随机数。" },
  shares: {
    en: "Encrypted shares of this round's mask keys, for other nodes alone to open.",
    zh: "本轮掩码密钥的加密份额，只有其他节点能打开。",
  },
  vote: {
    en: "This node's one vote for the set of nodes that stayed, or to give the round up.",
    zh: "本节点对留下的节点集合（或放弃本轮）的唯一一票。",
  },
  unmaskShares: {
    en: "Shares that take the masks off the sum of all, and never off one node's vector.",
    zh: "用于去除总和掩码的份额，绝不能揭开单个节点的向量。",
  },
  hello: { en: "Who this node is: its name, signed with its key.", zh: "本节点的身份：名称与签名。" },
  heads: { en: "A question to peers about the ledger they know.", zh: "向同伴询问其账本状态。" },
  head: { en: "Where this node's copy of the ledger stands, signed.", zh: "本节点账本副本的位置，带签名。" },
  erasure: {
    en: "That customers were erased, and on which day: neither who nor how many.",
    zh: "某日有顾客被删除：不说是谁，也不说多少。",
  },
  rotation: { en: "This node's new public key.", zh: "本节点的新公钥。" },
  refusal: { en: "That an offer or message was refused: a code.", zh: "拒绝了一次邀约或消息：一个代码。" },
});

export const blockName = among({
  floor: { en: "public content (ε = 0)", zh: "公开内容（ε = 0）" },
  popularity: { en: "popularity", zh: "热度" },
  localStatistics: { en: "alone, without attention", zh: "独自（不含注意力模型）" },
  local: { en: "alone, tuned", zh: "独自（已调优）" },
  federated: { en: "federated", zh: "联邦" },
  joined: { en: "federated + in-house", zh: "联邦 + 自有" },
  personalised: { en: "personalised", zh: "个性化" },
} satisfies Readonly<Record<string, Text>>);

const verdicts: Readonly<Record<KeptValue["verdict"]["verdict"], Text>> = {
  pays: { en: "Joining pays.", zh: "加入联邦是划算的。" },
  doesNotPay: { en: "Joining doesn't pay.", zh: "加入联邦不划算。" },
  cannotTell: { en: "Whether joining pays can't be told yet.", zh: "目前还无法判断加入是否划算。" },
};
export const verdictName = (verdict: KeptValue["verdict"]["verdict"]): string => say(verdicts[verdict]);

export const partName = among({
  content: { en: "public content", zh: "公开内容" },
  releasedPairs: { en: "released item pairs", zh: "联邦发布的商品对" },
  ownPairs: { en: "own item pairs", zh: "自有商品对" },
  ownHistory: { en: "the customer's own history", zh: "顾客自己的历史" },
  topics: { en: "latest searches", zh: "最近的搜索" },
  popularity: { en: "popularity", zh: "热度" },
  attention: { en: "attention model", zh: "注意力模型" },
  releasedStatistics: { en: "released statistics", zh: "联邦发布的统计" },
  ownCounts: { en: "own counts", zh: "自有计数" },
});

export const t = texts({
  loading: { en: "Loading …", zh: "加载中…" },
  rounds: { en: "rounds", zh: "轮次" },
  round: { en: "round", zh: "轮次" },
  customers: { en: "customers", zh: "顾客" },
  events: { en: "events", zh: "事件" },
  items: { en: "items", zh: "商品" },
  kind: { en: "kind", zh: "类型" },
  when: { en: "when", zh: "时间" },
  action: { en: "action", zh: "行为" },
  ownEyes: {
    en: "For this merchant's eyes alone: these figures are exact, no noise protects anybody in them, and they stay on this machine.",
    zh: "仅供本商家查看：这些数字是精确的，没有噪声保护，也不会离开这台机器。",
  },
});

/** Sentences that the node makes in English alone are marked as such where the page is in another language. */
export const english = (): string | undefined => (language.value === "en" ? undefined : "en");
