/** Words that several views use. */
import type { OperatorRole } from "@tributary/protocol";
import { say, type Text, texts } from "../shared/language.ts";

export const common = texts({
  waitingForAnswer: { en: "Waiting for the coordinator …", zh: "正在等待协调者……" },
  node: { en: "Node", zh: "节点" },
  state: { en: "State", zh: "状态" },
  when: { en: "When", zh: "时间" },
  reason: { en: "Reason", zh: "原因" },
  reasonHint: { en: "It stands in the ledger, for everybody to read.", zh: "它会写入账本，人人可读。" },
  cancel: { en: "Cancel", zh: "取消" },
  close: { en: "Close", zh: "关闭" },
  round: { en: "Round", zh: "轮次" },
  /** Between a word and what it is. */
  colon: { en: ": ", zh: "：" },
  of: (a: string, b: string) => ({ en: `${a} of ${b}`, zh: `${a} / ${b}` }),
  requested: { en: "Noted. It is written as soon as no round is under way.", zh: "已记下。没有轮次进行时即写入账本。" },
});

const phases: Readonly<Record<string, Text>> = {
  joining: { en: "waiting for merchants to join", zh: "等待商家加入" },
  waiting: { en: "between rounds", zh: "轮次之间" },
  paused: { en: "paused", zh: "已暂停" },
  refused: { en: "stopped: nodes refuse what is offered", zh: "已停止：节点拒绝邀约" },
  finished: { en: "finished", zh: "已完成" },
  keys: { en: "collecting keys", zh: "收集密钥" },
  reveal: { en: "revealing randomness", zh: "公开随机数" },
  shares: { en: "sharing secrets", zh: "分发秘密份额" },
  masked: { en: "collecting masked vectors", zh: "收集掩码向量" },
  consistency: { en: "agreeing on who is in the sum", zh: "就求和成员达成一致" },
  unmask: { en: "taking the masks off the sum", zh: "去除总和的掩码" },
  summing: { en: "adding up", zh: "求和" },
  applying: { en: "making the next model", zh: "生成下一个模型" },
};
/** In words; as it is where a newer coordinator has another one. */
export const phaseWords = (phase: string): string => {
  const text = phases[phase];
  return text === undefined ? phase : say(text);
};

const kinds: Readonly<Record<string, Text>> = {
  popularity: { en: "item popularity", zh: "商品热度" },
  pairs: { en: "item pairs", zh: "商品对" },
  training: { en: "training", zh: "训练" },
  metrics: { en: "metrics", zh: "指标" },
  features: { en: "customer features", zh: "顾客特征" },
  query: { en: "an extension's query", zh: "扩展查询" },
};
export const kindWords = (kind: string): string => {
  const text = kinds[kind];
  return text === undefined ? kind : say(text);
};

const roles: Readonly<Record<OperatorRole, Text>> = {
  viewer: { en: "viewer", zh: "查看者" },
  auditor: { en: "auditor", zh: "审计员" },
  operator: { en: "operator", zh: "操作员" },
};
export const roleWords = (role: OperatorRole): string => say(roles[role]);

const actions: Readonly<Record<string, Text>> = {
  pause: { en: "pause", zh: "暂停" },
  resume: { en: "resume", zh: "继续" },
  promote: { en: "promote", zh: "推荐模型" },
  rollback: { en: "rollback", zh: "回滚" },
  revoke: { en: "revoke", zh: "撤销节点" },
  admit: { en: "admit", zh: "接纳节点" },
  rotate: { en: "rotate", zh: "更换密钥" },
  invite: { en: "invite", zh: "邀请" },
  "revoke-invite": { en: "revoke-invite", zh: "撤销邀请" },
  "add-operator": { en: "add-operator", zh: "添加账户" },
  "remove-operator": { en: "remove-operator", zh: "删除账户" },
  "change-role": { en: "change-role", zh: "更改角色" },
  "change-password": { en: "change-password", zh: "修改密码" },
  "create-token": { en: "create-token", zh: "创建令牌" },
  "revoke-token": { en: "revoke-token", zh: "撤销令牌" },
};
/** What an operator did: the ledger's own word in English. */
export const actionWords = (action: string): string => {
  const text = actions[action];
  return text === undefined ? action : say(text);
};
