/** What the stored histories look like: `node report`, drawn. */
import type { PageOverview, PageQuality } from "@tributary/protocol";
import { useMemo } from "preact/hooks";
import { Chart } from "../../shared/chart.tsx";
import { formatPercent } from "../../shared/format.ts";
import { language, texts } from "../../shared/language.ts";
import { Bars, Command, Figure, number, shownText, Waiting } from "../parts.tsx";
import { useLive } from "../use-live.ts";
import { actionName, english, t } from "../words.ts";

const own = texts({
  heading: { en: "The quality of the data", zh: "数据质量" },
  noData: { en: "No history is stored yet. Import the shop's log:", zh: "尚无历史数据。请导入商店日志：" },
  dry: {
    en: "or look first at what an import would make of it, without changing anything:",
    zh: "或先预览导入结果，不作任何更改：",
  },
  span: (from: string, to: string) => ({ en: `${from} to ${to} (UTC)`, zh: `${from} 至 ${to}（UTC）` }),
  lengths: (p50: string, most: string) => ({
    en: `median ${p50}, longest ${most} events`,
    zh: `中位数 ${p50}，最长 ${most} 个事件`,
  }),
  top: (share: string) => ({ en: `the most met hundredth has ${share} of the events`, zh: `最热 1% 的商品占事件的 ${share}` }),
  purchases: { en: "purchases", zh: "购买" },
  by: (n: string) => ({ en: `by ${n} customers`, zh: `来自 ${n} 位顾客` }),
  byDay: { en: "Events by day", zh: "每日事件数" },
  dayAxis: (first: string) => ({ en: `days since ${first}`, zh: `自 ${first} 起的天数` }),
  funnel: { en: "Customers by what they ever did", zh: "各行为的顾客数" },
  byLength: { en: "Customers by number of events", zh: "按事件数划分的顾客" },
  gaps: { en: "Time between a customer's events", zh: "同一顾客相邻事件的间隔" },
  pairs: { en: "pairs of events", zh: "事件对" },
  remarks: { en: "What looks wrong", zh: "可疑之处" },
  noRemarks: { en: "Nothing looks wrong.", zh: "未发现可疑之处。" },
  silence: { en: "Days without events", zh: "无事件的日期" },
  noSilence: { en: "No day is without events.", zh: "每天都有事件。" },
  features: { en: "Customers, by their features", zh: "顾客特征" },
  feature: { en: "feature", zh: "特征" },
  ownCustomers: { en: "own customers", zh: "自己的顾客" },
  federation: { en: "the federation's, released under ε", zh: "联邦（在 ε 下发布）" },
  middle: { en: "The middle, and in brackets where most customers are.", zh: "中间值，括号内为大多数顾客所在的范围。" },
  from: (low: string, high: string) => ({ en: `${low} to ${high}`, zh: `${low} 至 ${high}` }),
  busy: {
    en: "All histories are being read; this takes a while with a large store.",
    zh: "正在读取全部历史；数据量大时需要一些时间。",
  },
});

export function QualityView({ overview }: { readonly overview: PageOverview }) {
  return (
    <>
      <h2>{own.heading()}</h2>
      <p class="lead">{t.ownEyes()}</p>
      {overview.store.state === "none" ? (
        <>
          <p>{own.noData()}</p>
          <Command>tributary node import shop-log.csv --home SHOP</Command>
          <p>{own.dry()}</p>
          <Command>tributary node import shop-log.csv --home SHOP --dry-run</Command>
        </>
      ) : (
        <Quality overview={overview} />
      )}
    </>
  );
}

function Quality({ overview }: { readonly overview: PageOverview }) {
  const asked = useLive<PageQuality>("/api/quality", Number.POSITIVE_INFINITY, overview.storeStamp);
  const told = asked.value.value;
  if (told === undefined) {
    return (
      <>
        <Waiting failure={asked.failure.value} />
        {asked.failure.value === undefined && <p class="soft">{own.busy()}</p>}
      </>
    );
  }
  const { quality, features } = told;
  const { byDay, funnel, concentration, lengthQuantiles, lengths, gaps, silence, remarks } = quality;
  const [first, last] = [byDay[0]?.[0] ?? "", byDay.at(-1)?.[0] ?? ""];
  const bought = funnel.find(({ action }) => action === "buy");
  return (
    <div class="cards" data-test="quality">
      <Figure label={t.events()} below={own.span(first, last)}>
        {number(quality.events)}
      </Figure>
      <Figure label={t.customers()} below={own.lengths(number(lengthQuantiles.p50), number(lengthQuantiles.most))}>
        {number(quality.customers)}
      </Figure>
      <Figure label={t.items()} below={own.top(formatPercent(concentration.top1Percent, language.value))}>
        {number(quality.items)}
      </Figure>
      <Figure label={own.purchases()} below={own.by(number(bought?.customers ?? 0))}>
        {number(bought?.events ?? 0)}
      </Figure>
      <section class="card wide">
        <h3>{own.byDay()}</h3>
        <Days byDay={byDay} />
      </section>
      <section class="card">
        <Bars
          label={own.funnel()}
          unit={t.customers()}
          bars={funnel.map(({ action, customers }) => ({ name: actionName(action), value: customers }))}
        />
      </section>
      <section class="card">
        <Bars
          label={own.byLength()}
          unit={t.customers()}
          bars={lengths.map(({ least, customers }) => ({ name: `${least}+`, value: customers }))}
        />
      </section>
      <section class="card">
        <Bars label={own.gaps()} unit={own.pairs()} bars={gaps.map(({ name, pairs }) => ({ name, value: pairs }))} />
      </section>
      <section class="card">
        <h3>{own.remarks()}</h3>
        {remarks.length === 0 ? (
          <p>{own.noRemarks()}</p>
        ) : (
          <ul class="plain" lang={english()}>
            {remarks.map((remark) => (
              <li key={remark}>{shownText(remark)}</li>
            ))}
          </ul>
        )}
        <h3>{own.silence()}</h3>
        {silence.length === 0 ? (
          <p>{own.noSilence()}</p>
        ) : (
          <ul class="plain">
            {silence.map(({ from, to, days }) => (
              <li key={from}>
                {own.from(from, to)} ({days})
              </li>
            ))}
          </ul>
        )}
      </section>
      <section class="card wide">
        <h3>{own.features()}</h3>
        <p class="soft">{own.middle()}</p>
        <FeatureTable features={features} />
      </section>
    </div>
  );
}

/** Points that the line is drawn with at most; of more days, so many together. */
const mostPoints = 400;

function Days({ byDay }: { readonly byDay: PageQuality["quality"]["byDay"] }) {
  const { x, values } = useMemo(() => {
    const dayOf = (day: string) => Date.parse(day) / 86_400_000;
    const [begin, end] = [dayOf(byDay[0]?.[0] ?? "1970-01-01"), dayOf(byDay.at(-1)?.[0] ?? "1970-01-01")];
    const width = Math.ceil((end - begin + 1) / mostPoints);
    const sums = Array.from({ length: Math.ceil((end - begin + 1) / width) }, () => 0);
    for (const [day, events] of byDay) {
      const place = Math.floor((dayOf(day) - begin) / width);
      sums[place] = (sums[place] ?? 0) + events / width;
    }
    return { x: sums.map((_, place) => place * width), values: sums };
  }, [byDay]);
  const series = useMemo(() => [{ title: t.events(), colour: "first" as const, values }], [values, language.value]);
  return <Chart label={own.byDay()} xTitle={own.dayAxis(byDay[0]?.[0] ?? "")} x={x} series={series} />;
}

function FeatureTable({ features: { round, features } }: { readonly features: PageQuality["features"] }) {
  const cell = (summary: PageQuality["features"]["features"][number]["own"]) =>
    summary === null ? "–" : `${number(summary.mean)} (${own.from(number(summary.from), number(summary.to))})`;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={own.features()}>
      <table>
        <thead>
          <tr>
            <th scope="col">{own.feature()}</th>
            <th scope="col">{own.ownCustomers()}</th>
            {round !== null && <th scope="col">{own.federation()}</th>}
          </tr>
        </thead>
        <tbody>
          {features.map(({ name, own: mine, federation }) => (
            <tr key={name}>
              <th scope="row" lang={english()}>
                {name}
              </th>
              <td>{cell(mine)}</td>
              {round !== null && <td>{cell(federation)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
