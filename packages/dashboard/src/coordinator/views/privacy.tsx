/** What privacy has been spent, of how much, and what the rest of the plan will cost: recomputed here, by the code that nodes and auditors use. */
import { useEffect, useMemo } from "preact/hooks";
import { Chart } from "../../shared/chart.tsx";
import { formatEpsilon, formatNumber } from "../../shared/format.ts";
import { Gauge } from "../../shared/gauge.tsx";
import { language, texts } from "../../shared/language.ts";
import type { ViewProps } from "../app.tsx";
import { askProjection, ledgerLoaded, loadLedger, planWords, projection, roundRows } from "../ledger/ledger.ts";
import { spentAndPlanned } from "../spent.ts";
import { common } from "../words.ts";

const t = texts({
  heading: { en: "Privacy", zh: "隐私" },
  lead: {
    en: "ε bounds how much anybody can learn about one customer from everything that was released. It is added up over all rounds and never comes back.",
    zh: "ε 限定了任何人从所有已发布内容中能了解到关于一位顾客的多少信息。它逐轮累加，永不返还。",
  },
  gauge: { en: "ε against the limit", zh: "ε 与上限" },
  spent: (epsilon: string) => ({ en: `spent ${epsilon}`, zh: `已用 ${epsilon}` }),
  planned: (epsilon: string) => ({ en: `at the plan's end ${epsilon}`, zh: `计划结束时 ${epsilon}` }),
  limit: (epsilon: string) => ({ en: `limit ${epsilon}`, zh: `上限 ${epsilon}` }),
  delta: (delta: string) => ({ en: `δ = ${delta}`, zh: `δ = ${delta}` }),
  chart: { en: "ε by rounds charged", zh: "ε 随计费轮次的变化" },
  rounds: { en: "Rounds charged", zh: "已计费轮次" },
  claimed: { en: "Spent, as the ledger claims it", zh: "已用（账本所述）" },
  projected: { en: "If the plan runs to its end", zh: "若计划执行到底" },
  limitLine: { en: "Limit", zh: "上限" },
  computing: { en: "The rest of the plan is being computed …", zh: "正在计算计划其余部分……" },
  unlikely: { en: "The rest of the plan can't be computed from this ledger.", zh: "无法根据此账本计算计划其余部分。" },
  accountant: { en: "Added up by", zh: "计算方法" },
});

export function Privacy({ status }: ViewProps) {
  const lang = language.value;
  const charged = status.releases.map((release) => release.charged);
  useEffect(() => loadLedger(status.ledger.entries), [status.ledger.entries]);
  useEffect(() => {
    if (planWords.value !== undefined) askProjection(charged);
  }, [planWords.value === undefined, charged.join()]);
  const points = projection.value;
  const end = points?.at(-1)?.epsilon;
  const lines = useMemo(
    () => spentAndPlanned(roundRows.value, points ?? [], status.epsilonLimit),
    [roundRows.value, points, status.epsilonLimit],
  );
  const shown = (value: number) => formatEpsilon(value, lang);
  const words = [
    t.spent(shown(status.epsilon)),
    ...(end === undefined ? [] : [t.planned(shown(end))]),
    t.limit(shown(status.epsilonLimit)),
  ];
  return (
    <>
      <h2>{t.heading()}</h2>
      <p class="lead">{t.lead()}</p>
      <section class="card">
        <h3>{t.gauge()}</h3>
        <Gauge
          label={t.gauge()}
          value={status.epsilon}
          limit={status.epsilonLimit}
          {...(end === undefined ? {} : { planned: end })}
          words={words.join(", ")}
        >
          {words.map((text) => (
            <span key={text} class="num" data-test="epsilon">
              {text}
            </span>
          ))}
          <span class="soft num">{t.delta(formatNumber(status.delta, lang))}</span>
          {planWords.value !== undefined && (
            <span class="soft">
              {t.accountant()} <code>{planWords.value.accountant}</code>
            </span>
          )}
        </Gauge>
      </section>
      <section class="card apart">
        <h3>{t.chart()}</h3>
        {points === undefined ? (
          <p role="status">{ledgerLoaded.value ? t.computing() : common.waitingForAnswer()}</p>
        ) : points.length === 0 ? (
          <p class="banner bad">{t.unlikely()}</p>
        ) : (
          <Chart
            label={t.chart()}
            xTitle={t.rounds()}
            x={lines.x}
            format={shown}
            series={[
              { title: t.claimed(), colour: "first", values: lines.spent },
              { title: t.projected(), colour: "third", dashed: true, values: lines.planned },
              { title: t.limitLine(), colour: "second", dashed: true, values: lines.limit },
            ]}
          />
        )}
      </section>
    </>
  );
}
