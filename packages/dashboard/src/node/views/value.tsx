/** Whether joining pays: the figures of the last value report, and a way to make it. */

import { useSignal } from "@preact/signals";
import type { KeptValue, PageOverview, PageValue } from "@tributary/protocol";
import { formatHash, formatPercent, formatTime } from "../../shared/format.ts";
import { language, texts } from "../../shared/language.ts";
import { RefusalNotice } from "../../shared/notice.tsx";
import { Refusal } from "../../shared/request.ts";
import { Bars, Command, epsilon, Figure, number, ProblemNotice, shownText, Waiting } from "../parts.tsx";
import { tellNode } from "../session.ts";
import { useLive } from "../use-live.ts";
import { blockName, english, t, verdictName } from "../words.ts";

const own = texts({
  heading: { en: "What joining is worth", zh: "加入联邦的价值" },
  lead: {
    en: "The same held-out customers, ranked by what this merchant makes alone, by what the federation released, and by both together.",
    zh: "对同一批留出的顾客，比较商家独自、联邦发布的模型，以及两者结合的效果。",
  },
  none: { en: "No value report was made yet.", zh: "尚未生成价值报告。" },
  early: {
    en: "It takes a model that the federation has released, which there isn't yet.",
    zh: "需要联邦已发布的模型，目前还没有。",
  },
  make: { en: "Make the report", zh: "生成报告" },
  again: { en: "Make it anew", zh: "重新生成" },
  takes: {
    en: "It takes some minutes and most of this machine's cores; nothing leaves it. The same by command, with customers event by event:",
    zh: "需要几分钟并占用大部分核心；不会有任何内容离开。也可用命令生成（含逐事件的顾客页面）：",
  },
  holdout: {
    en: "A report is clean only for customers whom no round has learnt from. Hold some out before the first round:",
    zh: "只有未被任何轮次学习过的顾客才能给出干净的结论。请在第一轮之前留出一部分：",
  },
  making: (time: string) => ({ en: `The report is being made since ${time}.`, zh: `报告自 ${time} 起生成中。` }),
  stale: { en: "The federation has released another model since this report.", zh: "此报告之后联邦发布了新的模型。" },
  alone: { en: "alone, NDCG@10", zh: "独自 NDCG@10" },
  best: { en: "joined, NDCG@10", zh: "加入后 NDCG@10" },
  difference: { en: "difference", zh: "差值" },
  cost: { en: "ε that it cost", zh: "所花费的 ε" },
  permitted: (limit: string) => ({ en: `of ${limit} permitted`, zh: `上限 ${limit}` }),
  interval: (confidence: string) => ({ en: `${confidence} interval`, zh: `${confidence} 区间` }),
  all: { en: "NDCG@10, all items, with 95 % intervals", zh: "全部商品 NDCG@10，含 95% 区间" },
  fresh: { en: "NDCG@10, items new to the customer, with 95 % intervals", zh: "对顾客为新的商品 NDCG@10，含 95% 区间" },
  figures: { en: "Figures", zh: "数字" },
  by: { en: "ranked by", zh: "排序依据" },
  newItems: { en: "new items NDCG@10", zh: "新商品 NDCG@10" },
  against: { en: "against alone", zh: "与独自相比" },
  evaluated: (some: string, all: string, items: string) => ({
    en: `${some} of ${all} held-out customers were evaluated, each one's last item among all ${items}.`,
    zh: `留出的 ${all} 位顾客中评估了 ${some} 位，每位的最后一件商品在全部 ${items} 件中排名。`,
  }),
  notClean: {
    en: "These customers weren't held out of the rounds, which flatters joining: a gain is then no verdict.",
    zh: "这些顾客并未被排除在轮次之外，会偏向加入：增益不能作为结论。",
  },
  clean: { en: "No round has learnt from the customers who are judged.", zh: "被评判的顾客没有被任何轮次学习过。" },
  personalise: {
    en: "A model fine-tuned on own customers, which never leaves, may be worth more:",
    zh: "用自己的顾客微调的模型（不会离开本机）可能更好：",
  },
  made: (time: string, round: string) => ({
    en: `made ${time}, model of round ${round}`,
    zh: `生成于 ${time}，第 ${round} 轮的模型`,
  }),
});

const signed = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
const four = (value: number): string => value.toFixed(4);

export function ValueView({ overview }: { readonly overview: PageOverview }) {
  const asked = useLive<PageValue>("/api/value", 4000, overview.model?.hash ?? "");
  const value = asked.value.value;
  return (
    <>
      <h2>{own.heading()}</h2>
      <p class="lead">
        {own.lead()} {t.ownEyes()}
      </p>
      {value === undefined ? (
        <Waiting failure={asked.failure.value} />
      ) : (
        <>
          <Making value={value} overview={overview} refresh={asked.refresh} />
          {value.report !== null && <Report report={value.report} />}
        </>
      )}
    </>
  );
}

function Making({
  value,
  overview,
  refresh,
}: {
  readonly value: PageValue;
  readonly overview: PageOverview;
  refresh(): Promise<void>;
}) {
  const refused = useSignal<Refusal | undefined>(undefined);
  const make = async () => {
    refused.value = undefined;
    try {
      await tellNode("/api/value");
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refused.value = error;
    }
    await refresh();
  };
  const possible = overview.model !== null;
  return (
    <section class="card" style={{ marginBottom: "14px" }}>
      {value.state === "none" && <p>{own.none()}</p>}
      {!possible && <p>{own.early()}</p>}
      {value.stale && <p class="warn">{own.stale()}</p>}
      {value.problem !== null && <ProblemNotice problem={value.problem} />}
      {refused.value !== undefined && <RefusalNotice refusal={refused.value} />}
      <div role="status">
        {value.state === "making" && <p>{own.making(formatTime(value.beganAt ?? "", language.value))}</p>}
      </div>
      <p class="row">
        <button type="button" class="main" disabled={!possible || value.state === "making"} onClick={() => void make()}>
          {value.report === null ? own.make() : own.again()}
        </button>
      </p>
      <p class="soft">{own.takes()}</p>
      <Command>tributary node report --home SHOP --value value.html</Command>
      {value.report === null && (
        <>
          <p class="soft">{own.holdout()}</p>
          <Command>tributary node holdout --home SHOP --share 0.1</Command>
        </>
      )}
    </section>
  );
}

function Report({ report }: { readonly report: KeptValue }) {
  const { verdict, heldOut, blocks } = report;
  const blockOf = (name: string) => blocks.find((one) => one.name === name)?.block;
  const [alone, best] = [blockOf("local"), blockOf("personalised") ?? blockOf("joined")];
  const tone = verdict.verdict === "pays" ? "good" : verdict.verdict === "doesNotPay" ? "bad" : "warn";
  const confidence = formatPercent(verdict.confidence, language.value);
  return (
    <div data-test="value">
      <div class={`banner ${tone}`}>
        <p>
          <strong>{verdictName(verdict.verdict)}</strong>
        </p>
        <p lang={english()}>
          {shownText(verdict.sentence)} {shownText(verdict.advice)}
        </p>
      </div>
      <div class="cards">
        {alone !== undefined && (
          <Figure label={own.alone()} below={`[${four(alone.intervals.ndcg10[0])}, ${four(alone.intervals.ndcg10[1])}]`}>
            {four(alone.ndcg10)}
          </Figure>
        )}
        {best !== undefined && (
          <Figure label={own.best()} below={`[${four(best.intervals.ndcg10[0])}, ${four(best.intervals.ndcg10[1])}]`}>
            {four(best.ndcg10)}
          </Figure>
        )}
        <Figure
          label={own.difference()}
          below={`${own.interval(confidence)} [${signed(verdict.gain.interval[0])}, ${signed(verdict.gain.interval[1])}]`}
        >
          {signed(verdict.gain.difference)}
        </Figure>
        <Figure label={own.cost()} below={own.permitted(number(report.epsilon.limit))}>
          ε {epsilon(report.epsilon.spent)}
        </Figure>
        <section class="card wide">
          <Bars
            label={own.all()}
            unit="NDCG@10"
            show={four}
            bars={blocks.map(({ name, block }) => ({
              ...{ name: blockName(name), value: block.ndcg10, interval: block.intervals.ndcg10, marked: name === "local" },
            }))}
          />
        </section>
        <section class="card wide">
          <Bars
            label={own.fresh()}
            unit="NDCG@10"
            show={four}
            bars={blocks.map(({ name, block }) => ({
              ...{ name: blockName(name), value: block.newItems.ndcg10, interval: block.intervals.newItems.ndcg10 },
              marked: name === "local",
            }))}
          />
        </section>
        <section class="card wide">
          <h3>{own.figures()}</h3>
          <div class="scroll" tabIndex={0} role="region" aria-label={own.figures()}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{own.by()}</th>
                  <th scope="col" class="end">
                    HR@10
                  </th>
                  <th scope="col" class="end">
                    NDCG@10
                  </th>
                  <th scope="col" class="end">
                    MRR
                  </th>
                  <th scope="col" class="end">
                    {own.newItems()}
                  </th>
                  <th scope="col" class="end">
                    {own.against()}
                  </th>
                </tr>
              </thead>
              <tbody>
                {blocks.map(({ name, block }) => (
                  <tr key={name}>
                    <th scope="row">{blockName(name)}</th>
                    <td class="end">{four(block.hr10)}</td>
                    <td class="end">{four(block.ndcg10)}</td>
                    <td class="end">{four(block.mrr)}</td>
                    <td class="end">{four(block.newItems.ndcg10)}</td>
                    <td class="end">
                      {block.againstLocal !== undefined &&
                        `${signed(block.againstLocal.difference)} [${signed(block.againstLocal.interval[0])}, ${signed(block.againstLocal.interval[1])}]`}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <p class="soft">
            {own.evaluated(number(heldOut.evaluated), number(heldOut.customers), number(report.items))}{" "}
            {heldOut.clean ? own.clean() : own.notClean()}
          </p>
          {report.personalisation.state !== "serves" && (
            <>
              <p class="soft">{own.personalise()}</p>
              <Command>tributary node personalise --home SHOP</Command>
            </>
          )}
          <p class="soft">
            {own.made(formatTime(report.madeAt, language.value), number(report.model.round))}{" "}
            <code title={report.model.hash}>{formatHash(report.model.hash)}</code>
          </p>
        </section>
      </div>
    </div>
  );
}
