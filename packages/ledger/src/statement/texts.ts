/** Every text of a statement, in every language, in one table; {names} stand for figures. A key that lacks a language doesn't compile. */
import type { PlanLanguage } from "@tributary/protocol";

type Text = Readonly<Record<PlanLanguage, string>>;

export const texts = {
  title: { en: "What customers' privacy has cost: {federation}", zh: "顾客隐私的代价：{federation}" },
  answer: {
    en: "Spent so far: ε = {epsilon} at δ = {delta}, of at most {limit} that the plan permits. That is {tier}.",
    zh: "至今已花费：ε = {epsilon}（δ = {delta}），计划允许的上限为 {limit}。这属于{tier}。",
  },
  "tier.strong": { en: "strong protection (ε up to 1)", zh: "强保护（ε 不超过 1）" },
  "tier.reasonable": { en: "reasonable protection (ε up to 10)", zh: "合理的保护（ε 不超过 10）" },
  "tier.not protected": {
    en: "so much that people must be regarded as not protected (ε above 10, or δ not small enough)",
    zh: "代价过大，应视为没有保护（ε 超过 10，或 δ 不够小）",
  },
  tiers: {
    en: "The tiers are Google's; they judge ε, and δ against the number of customers.",
    zh: "分级采用 Google 的标准：依据 ε，并以顾客人数衡量 δ。",
  },
  nothing: { en: "Nothing has been released yet.", zh: "尚未发布任何内容。" },
  unbounded: { en: "no finite bound", zh: "没有有限的上界" },

  "heading.unit": { en: "Who is protected", zh: "保护谁" },
  "unit.customer": {
    en: "Each customer of a merchant, with all of that customer's events there.",
    zh: "商家的每一位顾客，包括该顾客在该商家的全部行为记录。",
  },
  "unit.several": {
    en: "The cost stated covers a person who is a customer of up to {merchants} merchants.",
    zh: "所述代价涵盖同时是至多 {merchants} 家商家顾客的人。",
  },
  "unit.one": {
    en: "Somebody who shops at several merchants is protected at each by itself; together it costs more (below).",
    zh: "在多家商家购物的人，在每一家分别受到保护；合计的代价更高（见下文）。",
  },
  "unit.node": { en: "Each device as a whole, with all that it holds.", zh: "每台设备整体，包括其保存的全部数据。" },

  "heading.guarantee": { en: "What is guaranteed", zh: "保证什么" },
  "guarantee.adjacency": {
    en: "Whether all of one such history is there or not (add or remove one) changes the chance of anything that was released by a factor of e^ε ({factor}) at most, but for a probability of δ.",
    zh: "任何一份这样的历史是否存在（增加或移除一份），对任何已发布结果出现概率的影响至多为 e^ε ({factor}) 倍，例外的概率不超过 δ。",
  },
  "guarantee.accountant": {
    en: "ε was recomputed from the entries by the accountant {accountant}, which bounds all releases together from above. It counts the plan's minima, never lucky turnout.",
    zh: "ε 由核算方法 {accountant} 根据账本条目重新计算，对全部发布合计给出上界；采用计划规定的最低值，绝不采用侥幸的参与情况。",
  },
  "guarantee.mu": {
    en: "In one number: Gaussian differential privacy with μ = {mu} (for ε up to {upTo}).",
    zh: "用一个数表示：高斯差分隐私 μ = {mu}（适用于 ε 不超过 {upTo}）。",
  },
  "guarantee.conditional": {
    en: "Only under a condition: the list of items was taken from the log and is treated as public.",
    zh: "此保证有条件：商品清单取自日志，却被当作公开信息。",
  },
  "chart.profile": { en: "δ by ε: all that was released, at every ε", zh: "δ 随 ε 的变化：全部发布内容在各个 ε 下的 δ" },
  "chart.axis": { en: "ε; the vertical axis is log₁₀ δ", zh: "ε；纵轴为 log₁₀ δ" },

  "heading.attacker": { en: "What an attacker could still learn", zh: "攻击者仍可能得知什么" },
  "attacker.guess": {
    en: "Somebody who sees every model and knows all other customers can be right about whether one customer was among them in at most {right} of 100 cases. Guessing is right in 50.",
    zh: "即使有人看到每一个模型并知道其他所有顾客的数据，对某位顾客是否在其中的判断，100 次中至多 {right} 次正确；瞎猜为 50 次。",
  },
  "attacker.suspicion": {
    en: "A suspicion of 1 in 100 that somebody was among the customers can grow to at most {after} in 100, but for a probability of about δ.",
    zh: "对某人在顾客之中原有 1% 的怀疑，至多可上升到 {after}%，例外的概率约为 δ。",
  },
  "attacker.histories": {
    en: "Of two things that a customer may have done, the odds can change by a factor of e^2ε ({factor}) at most, with the same exception.",
    zh: "对于某位顾客可能做过的两件事，其概率之比至多改变 e^2ε ({factor}) 倍，例外同上。",
  },
  "attacker.patterns": {
    en: "What is true of customers in general (which items are bought together, what is popular) is what the model is for. Conclusions from it about a person are possible even if that person was never in the data.",
    zh: "关于顾客总体的规律（哪些商品常一起购买、什么受欢迎）正是模型要学的；即使某人从未在数据中，也可能据此对其作出推断。",
  },
  "attacker.participation": {
    en: "That a merchant takes part, when, and in which rounds is visible to everybody.",
    zh: "某商家参与、何时参与、参与哪几轮，人人可见。",
  },
  "attacker.inhouse": {
    en: "Outside ε: what a merchant does with its own customers' data in its own house, serving included.",
    zh: "不计入 ε：商家在自己内部对自己顾客数据所做的事，包括提供推荐服务。",
  },

  "heading.releases": { en: "What was released", zh: "发布了什么" },
  "releases.row": {
    en: "{what}: {released} of up to {permitted} rounds released, {charged} given up and charged all the same, {refunded} given up without cost; each in it with chance {rate}, clipped to {clip}, noise {noise} times what one moves",
    zh: "{what}：已发布 {released} 轮（至多 {permitted} 轮），中止但仍计费 {charged} 轮，中止且不计费 {refunded} 轮；每份数据以概率 {rate} 入选，裁剪到 {clip}，噪声为单份影响的 {noise} 倍",
  },
  "what.popularity": { en: "Popularity of items", zh: "商品热度" },
  "what.pairs": { en: "Pairs of items", zh: "商品对" },
  "what.training": { en: "Training updates", zh: "训练更新" },
  "what.metrics": { en: "Metrics", zh: "评估指标" },
  "what.features": { en: "Moments of features", zh: "特征的均值与方差" },
  "what.query": { en: "Query of an extension", zh: "扩展查询" },
  "releases.all": {
    en: "ε covers every one of them, every intermediate model included. Nothing else that depends on customers' data left a node for the coordinator or other nodes.",
    zh: "ε 涵盖以上每一项，包括每一个中间模型。除此之外，没有任何依赖顾客数据的内容离开节点去往协调者或其他节点。",
  },

  "heading.merchants": { en: "For each merchant", zh: "每家商家" },
  "merchants.row": {
    en: "{node}: in {rounds} charged rounds; one customer's history there cost at most ε = {epsilon}",
    zh: "{node}：参与了 {rounds} 轮计费；一位顾客在此的历史代价至多 ε = {epsilon}",
  },
  "merchants.same": {
    en: "{count} members ({first} to {last}): each in {rounds} charged rounds; one customer's history there cost at most ε = {epsilon}",
    zh: "{count} 个成员（{first} 至 {last}）：各参与 {rounds} 轮计费；一位顾客在此的历史代价至多 ε = {epsilon}",
  },
  "merchants.selection": {
    en: ", of which naming this merchant's items cost ε = {epsilon} at δ = {delta}",
    zh: "，其中挑选该商家的商品清单花费 ε = {epsilon}（δ = {delta}）",
  },

  "heading.customers": { en: "For each customer", zh: "每位顾客" },
  "customers.one": { en: "At one merchant: at most ε = {epsilon}.", zh: "只在一家商家：至多 ε = {epsilon}。" },
  "customers.several": {
    en: "At {merchants} merchants, who are all in every round: at most ε = {epsilon}.",
    zh: "在 {merchants} 家商家、且它们每轮都参与：至多 ε = {epsilon}。",
  },
  "customers.beyond": {
    en: "If somebody shopped at {merchants} merchants, more than the plan says that anybody does: at most ε = {epsilon}.",
    zh: "若有人在 {merchants} 家商家购物，超过计划所述的上限：至多 ε = {epsilon}。",
  },
  "customers.device": {
    en: "A device is one person's; somebody with several devices pays for each.",
    zh: "一台设备属于一个人；拥有多台设备的人按台计算代价。",
  },

  "heading.period": { en: "Period", zh: "期间" },
  "period.span": {
    en: "{from} to {to}, by the coordinator's clock, which nobody can check.",
    zh: "{from} 至 {to}，以协调者的时钟为准，无人能够核实。",
  },
  "period.closed": {
    en: "The ledger is closed: nothing follows under this plan.",
    zh: "账本已关闭：此计划下不会再有发布。",
  },
  "period.open": {
    en: "The ledger is open: more may be spent, up to the limit.",
    zh: "账本未关闭：还可能继续花费，直至上限。",
  },
  "period.forever": {
    en: "What is spent does not come back, neither by waiting nor by erasing; another plan costs anew.",
    zh: "已花费的不会恢复，等待或删除都不行；另一份计划会另外计费。",
  },
  "period.erasures": {
    en: "Notes of members that they erased customers: {count}.",
    zh: "成员声明已删除顾客的记录：{count} 条。",
  },

  "heading.trust": { en: "Who has to be trusted", zh: "需要信任谁" },
  "trust.distributed": {
    en: "Trust is distributed. The coordinator sees sums of at least {cohort} nodes only. It holds if at least {honest} of them are honest, that is, if at most {corrupt} work with the coordinator.",
    zh: "信任是分散的：协调者只能看到至少 {cohort} 个节点的总和。只要其中至少 {honest} 个是诚实的（即至多 {corrupt} 个与协调者勾结），保证就成立。",
  },
  "trust.local": {
    en: "Trust is local. Every node adds all the noise itself; no other node has to be trusted. The coordinator sees sums of at least {cohort} nodes only.",
    zh: "信任在本地：每个节点自行加入全部噪声，无需信任其他节点。协调者只能看到至少 {cohort} 个节点的总和。",
  },
  "trust.central": {
    en: "Trust is central: who runs the coordinator sees exact sums. For simulation only.",
    zh: "信任是集中的：协调者的运营者能看到精确的总和。仅用于模拟。",
  },

  "heading.assumptions": { en: "What this rests on", zh: "前提" },
  "assumption.program": {
    en: "Nodes run the program unchanged; those who don't count as corrupt.",
    zh: "节点运行未经改动的程序；否则视为不诚实。",
  },
  "assumption.customers": {
    en: "There are at least {customers} customers: δ is judged against that.",
    zh: "至少有 {customers} 位顾客：δ 以此衡量。",
  },
  "assumption.corrupt": {
    en: "No more than {corrupt} of a round's nodes are corrupt.",
    zh: "每一轮中不诚实的节点不超过 {corrupt} 个。",
  },
  "assumption.dropouts": {
    en: "In rounds of more than {nodes} nodes, who drops out does not depend on who is whose neighbour.",
    zh: "在超过 {nodes} 个节点的轮次中，谁掉线与谁是谁的邻居无关。",
  },
  "assumption.merchants": {
    en: "Nobody is a customer of more than {merchants} merchants.",
    zh: "没有人是超过 {merchants} 家商家的顾客。",
  },
  "assumption.sampling": {
    en: "Each node's sample of customers stays secret.",
    zh: "每个节点抽取了哪些顾客始终保密。",
  },
  "assumption.catalogue": {
    en: "The list of items was not derived from anybody's behaviour.",
    zh: "商品清单不是由任何人的行为得出的。",
  },
  "assumption.recipe": {
    en: "The number of runs by which the recipe was chosen stayed secret.",
    zh: "挑选训练方案时的运行次数始终保密。",
  },

  "heading.signatures": { en: "Who signed", zh: "谁签了名" },
  "signatures.coordinator": {
    en: "The coordinator, every entry; key fingerprint {fingerprint}.",
    zh: "协调者签署每一条；密钥指纹 {fingerprint}。",
  },
  "signatures.roster": {
    en: "{members} members; roster fingerprint {fingerprint}.",
    zh: "{members} 个成员；名册指纹 {fingerprint}。",
  },
  "signatures.member": {
    en: "{node}: {votes} votes, {heads} countersigned heads; key fingerprint {fingerprint}{since}{revoked}",
    zh: "{node}：{votes} 张表决票，{heads} 次会签；密钥指纹 {fingerprint}{since}{revoked}",
  },
  "signatures.since": { en: " (from round {from} on)", zh: "（自第 {from} 轮起）" },
  "signatures.revoked": { en: " (revoked)", zh: "（已撤销）" },
  "signatures.software": {
    en: "Software, as the coordinator says: {sha256} from entry {from} on.",
    zh: "协调者自称的软件版本：自第 {from} 条起为 {sha256}。",
  },

  "heading.verification": { en: "What verifying showed", zh: "验证结果" },
  "verification.full": {
    en: "Fully verified: all {entries} entries hold, by the key that the reader knows, and nothing is missing at the end.",
    zh: "完全通过验证：全部 {entries} 条成立，由读者所知的密钥签署，且末尾没有缺失。",
  },
  "verification.self": {
    en: "All {entries} entries agree with each other and with their signatures; NOT fully verified.",
    zh: "全部 {entries} 条彼此一致且签名有效；但未完全通过验证。",
  },
  "verification.unpinned": {
    en: "trust: unpinned. Whose ledger it is was not compared with a fingerprint obtained elsewhere; anybody could have made it.",
    zh: "trust: unpinned——未与另行取得的指纹比对，任何人都可能制作这份账本。",
  },
  "verification.pinned": {
    en: "trust: pinned. The coordinator's key is the one whose fingerprint the reader gave.",
    zh: "trust: pinned——协调者的密钥与读者给出的指纹相符。",
  },
  "verification.unproven": {
    en: "completeness: unproven. Later entries may have been cut off: compare the head with a member's copy.",
    zh: "completeness: unproven——后面的条目可能被截去：请与成员的副本比对末条哈希。",
  },
  "verification.proven": {
    en: "completeness: proven. The last entry has the hash that the reader gave, or closes the ledger under the key whose fingerprint the reader gave.",
    zh: "completeness: proven——末条的哈希与读者给出的相符，或以读者给出指纹的密钥关闭了账本。",
  },
  "verification.closed, by an unpinned key": {
    en: "completeness: closed, by an unpinned key. The last entry closes the ledger, as whoever made the file could have it say; it proves something only to a reader who knows the key.",
    zh: "completeness: closed, by an unpinned key——末条关闭了账本，但任何制作此文件的人都可以写上这一条；只有知道密钥的读者才能据此得出结论。",
  },
  "verification.head": { en: "Hash of the last entry: {head}", zh: "末条哈希：{head}" },

  "heading.notVerifiable": { en: "Not verifiable from this file", zh: "仅凭此文件无法验证的事项" },
  "notVerifiable.lead": {
    en: "Signatures attest to claims. No file can show the following; audits test it:",
    zh: "签名只能证明有人如此声明。以下事项任何文件都无法证明，只能由审计来检验：",
  },
  "notVerifiable.noise": { en: "that each node added its noise", zh: "每个节点都加入了噪声" },
  "notVerifiable.clipping": {
    en: "that each node clipped its customers' vectors",
    zh: "每个节点都裁剪了其顾客的向量",
  },
  "notVerifiable.sampling": { en: "that sampling was secret", zh: "抽样是保密的" },
  "notVerifiable.counts": { en: "that counts are honest", zh: "数量是诚实的" },
  "notVerifiable.catalogue": { en: "that the catalogue is public", zh: "商品清单是公开的" },
  "notVerifiable.merchants": {
    en: "that no customer is known to more merchants than stated",
    zh: "没有顾客为超出所述数量的商家所知",
  },
  "notVerifiable.tuning": { en: "that tuning looked at no private data", zh: "调参没有查看私有数据" },

  "heading.total": { en: "All federations together", zh: "所有联邦合计" },
  "total.answer": {
    en: "Somebody who is in all of {federations} paid at most ε = {epsilon} at δ = {delta}: {tier}.",
    zh: "同时参与 {federations} 的人，代价至多 ε = {epsilon}（δ = {delta}）：{tier}。",
  },
  "total.how": {
    en: "The federations' Rényi divergences were added order by order. Simply added it would be ε = {epsilon} at δ = {delta}.",
    zh: "将各联邦的 Rényi 散度逐阶相加得出；若直接相加，则为 ε = {epsilon}（δ = {delta}）。",
  },
  "total.one person in all": {
    en: "This assumes that one person is a customer in every one of them,",
    zh: "此合计假定：同一个人是其中每一个联邦的顾客，",
  },
  "total.all ledgers are here": {
    en: "that no other federation learns from the same person,",
    zh: "没有其他联邦从同一个人的数据学习，",
  },
  "total.what each assumes": {
    en: "and all that each federation's own figure assumes.",
    zh: "并且各联邦各自的前提都成立。",
  },
} as const satisfies Readonly<Record<string, Text>>;

export type TextKey = keyof typeof texts;

/** One text with its figures put in. */
export type Say = (key: TextKey, values?: Readonly<Record<string, string | number>>) => string;

export function speak(language: PlanLanguage): Say {
  return (key, values = {}) =>
    texts[key][language].replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
