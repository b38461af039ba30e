/** The plan in words: what may leave a node, how much of it, and what is promised to customers. */
import { useEffect } from "preact/hooks";
import { formatNumber } from "../../shared/format.ts";
import { language, say, type Text, texts } from "../../shared/language.ts";
import { Scroll } from "../../shared/scroll.tsx";
import type { ViewProps } from "../app.tsx";
import { ledgerLoaded, loadLedger, planWords } from "../ledger/ledger.ts";
import { common, kindWords } from "../words.ts";

const t = texts({
  heading: { en: "Plan", zh: "计划" },
  lead: {
    en: "The plan fixes everything that may be done with customers' data. It is signed, it never changes, and each node refuses whatever is not in it.",
    zh: "计划规定了可以对顾客数据做的一切。它经过签名，永不更改；每个节点都会拒绝计划之外的任何内容。",
  },
  notYet: { en: "The plan is read from the ledger, which has not begun.", zh: "计划从账本读取，而账本尚未开始。" },
  customers: { en: "What a customer may be told", zh: "可以告诉顾客的话" },
  releases: { en: "What is released", zh: "发布的内容" },
  kind: { en: "A noisy sum for", zh: "加噪求和的用途" },
  most: { en: "Rounds, at most", zh: "最多轮次" },
  sampling: { en: "Customers sampled", zh: "顾客抽样率" },
  noise: { en: "Noise multiplier", zh: "噪声倍数" },
  clip: { en: "Clip norm", zh: "裁剪范数" },
  numbers: { en: "Numbers in the sum", zh: "总和中的数字个数" },
  promise: { en: "What is promised", zh: "承诺" },
  epsilon: { en: "ε in all", zh: "ε 总量" },
  delta: { en: "δ", zh: "δ" },
  unit: { en: "Who is protected", zh: "保护对象" },
  merchants: { en: "Merchants that know one person, at most", zh: "同一人最多出现在几个商家" },
  cohort: { en: "Nodes in a round, at least", zh: "每轮最少节点数" },
  corrupt: { en: "Of those may collude with the coordinator", zh: "其中可能与协调者勾结的节点" },
  mode: { en: "Where noise is added", zh: "噪声在哪里加入" },
  catalogue: { en: "The catalogue comes from", zh: "目录来源" },
  accountant: { en: "Added up by", zh: "计算方法" },
  whole: { en: "The whole plan, sentence by sentence", zh: "完整计划，逐句说明" },
});

const units: Readonly<Record<string, Text>> = {
  customer: { en: "a customer's whole history at a merchant", zh: "顾客在一个商家的全部历史" },
  node: { en: "everything on a device", zh: "一台设备上的全部内容" },
};
const modes: Readonly<Record<string, Text>> = {
  distributed: { en: "at the nodes, a share each, before anything leaves", zh: "在各节点，各加一份，在任何内容离开之前" },
  local: { en: "at each node, all of it", zh: "在每个节点，全部噪声" },
  central: { en: "at the coordinator", zh: "在协调者" },
};
const provenances: Readonly<Record<string, Text>> = {
  public: { en: "public knowledge, as merchants declare", zh: "公开信息（商家声明）" },
  "dp-selection": { en: "a private selection, which is paid for", zh: "已计费的隐私选择" },
  log: { en: "the logs themselves: a demonstration only", zh: "日志本身：仅供演示" },
};
const worded = (table: Readonly<Record<string, Text>>, word: string): string => {
  const text = table[word];
  return text === undefined ? word : say(text);
};

export function PlanView({ status }: ViewProps) {
  useEffect(() => loadLedger(status.ledger.entries), [status.ledger.entries]);
  const plan = planWords.value;
  const lang = language.value;
  const number = (value: number) => formatNumber(value, lang);
  return (
    <>
      <h2>{t.heading()}</h2>
      <p class="lead">{t.lead()}</p>
      {plan === undefined ? (
        <p role="status">{ledgerLoaded.value ? t.notYet() : common.waitingForAnswer()}</p>
      ) : (
        <>
          <section class="card" data-test="customers">
            <h3>{t.customers()}</h3>
            <p>{plan.customers[lang]}</p>
          </section>
          <section class="card apart">
            <h3>{t.releases()}</h3>
            <Scroll label={t.releases()}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">{t.kind()}</th>
                    {[t.most(), t.sampling(), t.noise(), t.clip(), t.numbers()].map((title) => (
                      <th key={title} scope="col" class="end">
                        {title}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {plan.releases.map(({ kind, rounds, samplingRate, noiseMultiplier, clipNorm, dimension }, place) => (
                    <tr key={place}>
                      <td>{kindWords(kind)}</td>
                      <td class="end">{number(rounds)}</td>
                      <td class="end">{number(Number(samplingRate))}</td>
                      <td class="end">{number(Number(noiseMultiplier))}</td>
                      <td class="end">{number(Number(clipNorm))}</td>
                      <td class="end">{number(dimension)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          </section>
          <section class="card apart">
            <h3>{t.promise()}</h3>
            <dl class="facts">
              <dt>{t.epsilon()}</dt>
              <dd>{number(plan.epsilon)}</dd>
              <dt>{t.delta()}</dt>
              <dd>{plan.delta}</dd>
              <dt>{t.unit()}</dt>
              <dd>{worded(units, plan.unit)}</dd>
              <dt>{t.merchants()}</dt>
              <dd>{number(plan.maxMerchants)}</dd>
              <dt>{t.cohort()}</dt>
              <dd>{number(plan.minCohort)}</dd>
              <dt>{t.corrupt()}</dt>
              <dd>{number(plan.maxCorrupt)}</dd>
              <dt>{t.mode()}</dt>
              <dd>{worded(modes, plan.noiseMode)}</dd>
              <dt>{t.catalogue()}</dt>
              <dd>{worded(provenances, plan.provenance)}</dd>
              <dt>{t.accountant()}</dt>
              <dd>
                <code>{plan.accountant}</code>
              </dd>
            </dl>
          </section>
          <details class="card apart" open>
            <summary>
              <h3 class="inline">{t.whole()}</h3>
            </summary>
            <div class="sentences" data-test="explained">
              {plan.sentences[lang].map((sentence) => (
                <p key={sentence}>{sentence}</p>
              ))}
            </div>
          </details>
        </>
      )}
    </>
  );
}
