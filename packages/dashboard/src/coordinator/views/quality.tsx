/** How well the released models predict, as rounds of metrics said it, with what the noise leaves open. */
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { Chart } from "../../shared/chart.tsx";
import { formatNumber, formatPercent } from "../../shared/format.ts";
import { language, texts } from "../../shared/language.ts";
import type { ViewProps } from "../app.tsx";
import { type MetricName, metricLine, metricNames } from "../metric-line.ts";
import { common } from "../words.ts";

const t = texts({
  heading: { en: "Accuracy", zh: "准确度" },
  lead: {
    en: "Measured on customers who are held out of training, and released with noise: the band is where the true value lies with 95 %, as far as the noise goes.",
    zh: "在未参与训练的顾客上测量，并加噪发布：色带表示真实值以 95 % 的概率所在的范围（仅考虑噪声）。",
  },
  none: {
    en: "This plan releases no metrics, so nobody but the merchants can say how well its models predict: each node measures it on its own customers, and tells nobody.",
    zh: "此计划不发布指标，因此只有商家自己知道模型的预测效果：每个节点在自己的顾客上测量，且不告诉任何人。",
  },
  notYet: { en: "No round of metrics has been released yet.", zh: "还没有发布过指标轮次。" },
  metric: { en: "Metric", zh: "指标" },
  hr10: { en: "Hit rate in the first 10", zh: "前 10 命中率" },
  ndcg10: { en: "NDCG in the first 10", zh: "前 10 NDCG" },
  mrr: { en: "Mean reciprocal rank", zh: "平均倒数排名" },
  loss: { en: "Loss (nats)", zh: "损失（奈特）" },
  customers: { en: "Customers judged", zh: "被评估的顾客数" },
  newHr10: { en: "New items: hit rate in the first 10", zh: "新商品：前 10 命中率" },
  newNdcg10: { en: "New items: NDCG in the first 10", zh: "新商品：前 10 NDCG" },
  latest: { en: "Latest", zh: "最新" },
  interval: (low: string, high: string) => ({ en: `95 %: ${low} to ${high}`, zh: `95 %：${low} 至 ${high}` }),
  lost: (n: string) => ({
    en: `In ${n} rounds the noise drowns this metric; nothing is shown there.`,
    zh: `有 ${n} 轮中噪声淹没了该指标，不予显示。`,
  }),
});

export function Quality({ status: { metrics } }: ViewProps) {
  const chosen = useSignal<MetricName>("hr10");
  const lang = language.value;
  const line = useMemo(() => metricLine(metrics ?? [], chosen.value), [metrics, chosen.value]);
  const isShare = chosen.value !== "loss" && chosen.value !== "customers";
  const format = (value: number) => (isShare ? formatPercent(value, lang) : formatNumber(value, lang));
  const last = line.points.findLast(({ estimate }) => estimate !== null);
  return (
    <>
      <h2>{t.heading()}</h2>
      <p class="lead">{t.lead()}</p>
      {metrics === undefined ? (
        <p class="banner" data-test="no-metrics">
          {t.none()}
        </p>
      ) : metrics.length === 0 ? (
        <p class="banner">{t.notYet()}</p>
      ) : (
        <>
          <label class="row">
            <strong>{t.metric()}</strong>
            <select
              value={chosen.value}
              onChange={({ currentTarget }) => {
                chosen.value = metricNames.find((name) => name === currentTarget.value) ?? "hr10";
              }}
            >
              {metricNames.map((name) => (
                <option key={name} value={name}>
                  {t[name]()}
                </option>
              ))}
            </select>
          </label>
          <section class="card apart">
            <h3>{t[chosen.value]()}</h3>
            {last?.estimate != null && (
              <p class="row">
                <span>{t.latest()}</span> <span class="figure num">{format(last.estimate)}</span>
                {last.interval !== null && (
                  <span class="soft num" data-test="interval">
                    {t.interval(format(last.interval[0]), format(last.interval[1]))}
                  </span>
                )}
              </p>
            )}
            <Chart
              label={t[chosen.value]()}
              xTitle={common.round()}
              x={line.x}
              format={format}
              series={[
                { title: t[chosen.value](), colour: "first", values: line.estimates, band: { low: line.low, high: line.high } },
              ]}
            />
            {line.drowned > 0 && <p class="soft">{t.lost(formatNumber(line.drowned, lang))}</p>}
          </section>
        </>
      )}
    </>
  );
}
