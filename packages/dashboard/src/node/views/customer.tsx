/** One customer: events with what was expected before each, what comes next and why, whether it is about to leave, and which advert to show. */

import { useSignal } from "@preact/signals";
import type { PageAdverts, PageCustomer, PageExplanation, PageItem } from "@tributary/protocol";
import { Fragment } from "preact";
import { useEffect } from "preact/hooks";
import { formatDay, formatPercent, formatTime } from "../../shared/format.ts";
import { language, texts } from "../../shared/language.ts";
import { RefusalNotice } from "../../shared/notice.tsx";
import { Refusal } from "../../shared/request.ts";
import { Bars, Item, itemName, number, ProblemNotice, Waiting } from "../parts.tsx";
import { tellNode } from "../session.ts";
import { actionName, english, partName, t } from "../words.ts";

const own = texts({
  summary: (events: string, first: string, last: string) => ({
    en: `${events} events, ${first} to ${last}`,
    zh: `${events} 个事件，${first} 至 ${last}`,
  }),
  timeline: { en: "Predicted and actual", zh: "预测与实际" },
  timelineNote: {
    en: "Before each event: where the item that came stood among all, the first five that would have been shown, and the action that was expected. Marked: among the first ten, or as expected.",
    zh: "每个事件之前：实际商品在全部商品中的排名、本会展示的前五件，以及预期行为。高亮：位于前十或符合预期。",
  },
  came: { en: "what came", zh: "实际发生" },
  isNew: { en: "new", zh: "新" },
  rank: { en: "rank before", zh: "此前排名" },
  shown: { en: "would have been shown", zh: "本会展示" },
  expected: { en: "expected action", zh: "预期行为" },
  more: { en: "Show more events", zh: "显示更多事件" },
  hits: (hits: string, of: string, right: string, ofActions: string) => ({
    en: `${hits} of ${of} items among the first ten; ${right} of ${ofActions} actions as expected`,
    zh: `${of} 件商品中 ${hits} 件位于前十；${ofActions} 个行为中 ${right} 个符合预期`,
  }),
  next: { en: "What comes next", zh: "接下来" },
  score: { en: "score", zh: "得分" },
  why: (item: string) => ({ en: `Why ${item}?`, zh: `为何是 ${item}？` }),
  whyShort: { en: "Why?", zh: "为何？" },
  actions: { en: "Next action", zh: "下一行为" },
  probability: { en: "probability", zh: "概率" },
  purchase: { en: "Buys before this visit ends", zh: "本次访问内会购买" },
  calibrated: { en: "calibrated on own customers", zh: "已用自己的顾客校准" },
  uncalibrated: { en: "the federation's head, not calibrated here", zh: "联邦模型输出，未在此校准" },
  churn: { en: "About to leave?", zh: "是否即将流失？" },
  churnIs: (p: string, days: string) => ({
    en: `${p} that nothing comes within ${days} days`,
    zh: `${days} 天内无任何事件的概率为 ${p}`,
  }),
  drivers: { en: "What speaks for leaving (+) or staying (−), in log-odds", zh: "支持流失（+）或留存（−）的因素（对数几率）" },
  driver: { en: "what is known", zh: "已知情况" },
  value: { en: "value", zh: "取值" },
  logOdds: { en: "log-odds", zh: "对数几率" },
  judged: (customers: string, rate: string, auc: string) => ({
    en: `Judged on ${customers} own customers, of whom ${rate} left: AUC ${auc}.`,
    zh: `在 ${customers} 位自己的顾客上评估，其中 ${rate} 流失：AUC ${auc}。`,
  }),
  explanation: (item: string) => ({ en: `Why ${item} stands where it stands`, zh: `为何 ${item} 处于该位置` }),
  strip: {
    en: "How much each event adds to the item's share of what comes next (orange: takes away), the oldest first",
    zh: "各事件对该商品份额的贡献（橙色：减少），最早的在前",
  },
  parts: { en: "What the score is made of", zh: "得分构成" },
  contribution: { en: "contribution", zh: "贡献" },
  rankNow: (rank: string) => ({ en: `rank ${rank} of all items now`, zh: `目前在全部商品中排第 ${rank}` }),
  close: { en: "Close", zh: "关闭" },
  adverts: { en: "Which advert to show", zh: "展示哪个广告" },
  advertsNote: {
    en: "Expected value = bid × probability. The candidates are the ten items above, or any that you name; bids are yours.",
    zh: "期望价值 = 出价 × 概率。候选为上面的十件商品或您指定的商品；出价由您填写。",
  },
  bid: { en: "bid", zh: "出价" },
  bidOf: (item: string) => ({ en: `bid for ${item}`, zh: `${item} 的出价` }),
  addItem: { en: "another item: id or SKU", zh: "其他商品：编号或 SKU" },
  add: { en: "Add", zh: "添加" },
  rankAdverts: { en: "Rank", zh: "排序" },
  expectedValue: { en: "expected value", zh: "期望价值" },
  byClicks: { en: "P(click), learnt from this merchant's own impressions", zh: "点击概率，来自本商家的曝光" },
  byShares: {
    en: "P(it is the next item): too few impressions to learn clicks from",
    zh: "成为下一件商品的概率：曝光太少，无法学习点击",
  },
});

/** Events that are asked for at first, and at most. */
const [someEvents, mostEvents] = [12, 60];

export function CustomerView({ customer, model }: { readonly customer: string; readonly model: string }) {
  const shown = useSignal<PageCustomer | undefined>(undefined);
  const failure = useSignal<Refusal | undefined>(undefined);
  const many = useSignal(someEvents);
  const asked = useSignal<PageItem | undefined>(undefined);
  useEffect(() => {
    let current = true;
    tellNode<PageCustomer>("/api/explorer/customer", { customer, events: many.value }).then(
      (told) => {
        if (!current) return;
        shown.value = told;
        failure.value = undefined;
      },
      (error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
        if (current) failure.value = error;
      },
    );
    return () => {
      current = false;
    };
  }, [customer, many.value, model]);
  const told = shown.value;
  if (told === undefined) return <Waiting failure={failure.value} />;
  const { next, timeline } = told;
  return (
    <div data-test="customer">
      <h3 class="mono" style={{ overflowWrap: "anywhere" }}>
        {told.customer}
      </h3>
      <p class="soft">
        {own.summary(
          number(told.events),
          formatDay(1000 * told.first, language.value),
          formatDay(1000 * told.last, language.value),
        )}
      </p>
      <div class="cards">
        <section class="card wide">
          <h3>{own.timeline()}</h3>
          <p class="soft">{own.timelineNote()}</p>
          <Timeline timeline={timeline} />
          {told.events > timeline.length && many.value < mostEvents && (
            <button
              type="button"
              onClick={() => {
                many.value = mostEvents;
              }}
            >
              {own.more()}
            </button>
          )}
        </section>
        <section class="card wide">
          <h3>{own.next()}</h3>
          <ol class="steps" data-test="next-items">
            {next.items.map((item) => (
              <li key={item.item}>
                <Item item={item} /> <span class="soft num">{number(item.score)}</span>{" "}
                <button
                  type="button"
                  aria-label={own.why(itemName(item))}
                  onClick={() => {
                    asked.value = item;
                  }}
                >
                  {own.whyShort()}
                </button>
              </li>
            ))}
          </ol>
          {asked.value !== undefined && (
            <Explanation
              key={asked.value.item}
              customer={customer}
              item={asked.value}
              close={() => {
                asked.value = undefined;
              }}
            />
          )}
        </section>
        <section class="card">
          {next.actionsProblem !== null ? (
            <ProblemNotice problem={next.actionsProblem} quiet />
          ) : (
            <Bars
              label={own.actions()}
              unit={own.probability()}
              bars={next.actions
                .slice(0, 6)
                .map(({ action, probability }) => ({ name: actionName(action), value: probability }))}
              show={(share) => formatPercent(share, language.value)}
            />
          )}
          {next.purchase !== null && (
            <p>
              {own.purchase()}: <strong>{formatPercent(next.purchase.probability, language.value)}</strong>{" "}
              <span class="soft">({next.purchase.calibrated ? own.calibrated() : own.uncalibrated()})</span>
            </p>
          )}
        </section>
        <Churn next={next} />
        <Adverts customer={customer} items={next.items} />
      </div>
    </div>
  );
}

function Timeline({ timeline }: Pick<PageCustomer, "timeline">) {
  const judged = timeline.flatMap(({ before, action }) => (before === null ? [] : [{ ...before, action }]));
  const hits = judged.filter(({ rank }) => rank <= 10).length;
  const told = judged.filter(({ expected }) => expected !== null);
  const right = told.filter(({ expected, action }) => expected?.action === action).length;
  return (
    <>
      <p class="soft">{own.hits(number(hits), number(judged.length), number(right), number(told.length))}</p>
      <div class="scroll" tabIndex={0} role="region" aria-label={own.timeline()}>
        <table class="timeline" data-test="timeline">
          <thead>
            <tr>
              <th scope="col">{t.when()}</th>
              <th scope="col">{own.came()}</th>
              <th scope="col" class="end">
                {own.rank()}
              </th>
              <th scope="col">{own.shown()}</th>
              <th scope="col">{t.action()}</th>
              <th scope="col">{own.expected()}</th>
            </tr>
          </thead>
          <tbody>
            {timeline.map(({ time, action, item, before }, place) => (
              <tr key={place}>
                <td>{formatTime(1000 * time, language.value)}</td>
                <td>
                  {item === null ? "–" : <Item item={item} />}
                  {before?.isNew === true && <span class="chip">{own.isNew()}</span>}
                </td>
                <td class="end">
                  {before !== null && <span class={before.rank <= 10 ? "hit" : undefined}>{number(before.rank)}</span>}
                </td>
                <td>
                  {before?.shown.map((one, at) => (
                    <Fragment key={one.item}>
                      {at > 0 && ", "}
                      <span class={one.item === item?.item ? "hit" : undefined}>
                        <Item item={one} />
                      </span>
                    </Fragment>
                  ))}
                </td>
                <td>{actionName(action)}</td>
                <td>
                  {before?.expected && (
                    <span class={before.expected.action === action ? "hit" : undefined}>
                      {actionName(before.expected.action)} ({formatPercent(before.expected.probability, language.value)})
                    </span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Explanation({ customer, item, close }: { readonly customer: string; readonly item: PageItem; close(): void }) {
  const shown = useSignal<PageExplanation | undefined>(undefined);
  const failure = useSignal<Refusal | undefined>(undefined);
  useEffect(() => {
    tellNode<PageExplanation>("/api/explorer/explain", { customer, item: item.item }).then(
      (told) => {
        shown.value = told;
      },
      (error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
        failure.value = error;
      },
    );
  }, [customer, item.item]);
  const told = shown.value;
  if (told === undefined) return <Waiting failure={failure.value} />;
  const most = Math.max(1e-12, ...told.events.map(({ contribution }) => Math.abs(contribution)));
  const parts = Object.entries(told.parts).filter(([, value]) => value !== 0);
  return (
    <section class="card" style={{ marginTop: "10px" }} data-test="explanation">
      <h3>{own.explanation(itemName(item))}</h3>
      <p class="soft">{own.rankNow(number(told.rank))}</p>
      <p>{own.strip()}</p>
      <div class="strip" aria-hidden="true">
        {told.events.map(({ contribution, time, action, item: of }, place) => (
          <i
            key={place}
            class={contribution < 0 ? "against" : undefined}
            style={{ height: `${(80 * Math.abs(contribution)) / most}px` }}
            title={`${formatTime(1000 * time, language.value)} · ${actionName(action)} · ${of === null ? "–" : itemName(of)}`}
          />
        ))}
      </div>
      <details>
        <summary>{own.contribution()}</summary>
        <div class="scroll" tabIndex={0} role="region" aria-label={own.strip()}>
          <table>
            <tbody>
              {told.events.map(({ contribution, time, action, item: of }, place) => (
                <tr key={place}>
                  <td>{formatTime(1000 * time, language.value)}</td>
                  <td>{actionName(action)}</td>
                  <td>{of === null ? "–" : <Item item={of} />}</td>
                  <td class="end">{number(contribution)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
      <Bars label={own.parts()} unit={own.score()} bars={parts.map(([name, value]) => ({ name: partName(name), value }))} />
      <button type="button" onClick={close}>
        {own.close()}
      </button>
    </section>
  );
}

function Churn({ next: { churn, churnProblem } }: Pick<PageCustomer, "next">) {
  return (
    <section class="card" data-test="churn">
      <h3>{own.churn()}</h3>
      {churnProblem !== null && <ProblemNotice problem={churnProblem} quiet />}
      {churn !== null && (
        <>
          <p>
            <strong>{own.churnIs(formatPercent(churn.probability, language.value), number(churn.horizonDays))}</strong>{" "}
            <span class="soft">({churn.calibrated ? own.calibrated() : own.uncalibrated()})</span>
          </p>
          {churn.drivers.length > 0 && (
            <table>
              <caption class="unseen">{own.drivers()}</caption>
              <thead>
                <tr>
                  <th scope="col">{own.driver()}</th>
                  <th scope="col" class="end">
                    {own.value()}
                  </th>
                  <th scope="col" class="end">
                    {own.logOdds()}
                  </th>
                </tr>
              </thead>
              <tbody>
                {churn.drivers.slice(0, 6).map(({ feature, value, logOdds }) => (
                  <tr key={feature}>
                    <td lang={english()}>{feature}</td>
                    <td class="end">{number(value)}</td>
                    <td class={logOdds > 0 ? "end bad" : "end good"}>
                      {logOdds > 0 ? "+" : "−"}
                      {number(Math.abs(logOdds))}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          {churn.validation !== null && (
            <p class="soft">
              {own.judged(
                number(churn.validation.customers),
                formatPercent(churn.validation.rate, language.value),
                churn.validation.auc === undefined ? "–" : number(churn.validation.auc),
              )}
            </p>
          )}
        </>
      )}
    </section>
  );
}

function Adverts({ customer, items }: { readonly customer: string; readonly items: readonly PageItem[] }) {
  const candidates = useSignal(items.map((item) => ({ item, bid: "1" })));
  const typed = useSignal("");
  const told = useSignal<PageAdverts | undefined>(undefined);
  const failure = useSignal<Refusal | undefined>(undefined);
  const rank = async () => {
    try {
      const body = {
        customer,
        candidates: candidates.value.map(({ item, bid }) => ({ item: item.item, bid: Number(bid) || 0 })),
      };
      told.value = await tellNode<PageAdverts>("/api/explorer/adverts", body);
      failure.value = undefined;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      failure.value = error;
    }
  };
  const add = () => {
    const item = typed.value.trim();
    if (item === "" || candidates.value.some((one) => one.item.item === item)) return;
    candidates.value = [...candidates.value, { item: { item, title: null, sku: null }, bid: "1" }];
    typed.value = "";
  };
  return (
    <section class="card wide" data-test="adverts">
      <h3>{own.adverts()}</h3>
      <p class="soft">{own.advertsNote()}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void rank();
        }}
      >
        <div class="row">
          {candidates.value.map(({ item, bid }, place) => (
            <label key={item.item} class="row">
              <Item item={item} />
              <input
                aria-label={own.bidOf(itemName(item))}
                inputMode="decimal"
                value={bid}
                style={{ width: "5rem" }}
                onInput={({ currentTarget: { value } }) => {
                  candidates.value = candidates.value.map((one, at) => (at === place ? { ...one, bid: value } : one));
                }}
              />
            </label>
          ))}
        </div>
        <div class="row" style={{ marginTop: "8px" }}>
          <input
            aria-label={own.addItem()}
            placeholder={own.addItem()}
            value={typed.value}
            onInput={({ currentTarget }) => {
              typed.value = currentTarget.value;
            }}
          />
          <button type="button" onClick={add}>
            {own.add()}
          </button>
          <button type="submit" class="main">
            {own.rankAdverts()}
          </button>
        </div>
      </form>
      {failure.value !== undefined && (
        <div lang={english()}>
          <RefusalNotice refusal={failure.value} />
        </div>
      )}
      {told.value !== undefined && (
        <>
          <table data-test="ranked-adverts">
            <thead>
              <tr>
                <th scope="col">{t.items()}</th>
                <th scope="col" class="end">
                  {own.bid()}
                </th>
                <th scope="col" class="end">
                  {own.probability()}
                </th>
                <th scope="col" class="end">
                  {own.expectedValue()}
                </th>
              </tr>
            </thead>
            <tbody>
              {told.value.ranked.map((advert) => (
                <tr key={advert.item}>
                  <td>
                    <Item item={advert} />
                  </td>
                  <td class="end">{number(advert.bid)}</td>
                  <td class="end">{formatPercent(advert.probability, language.value)}</td>
                  <td class="end">{number(advert.expectedValue)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p class="soft">{told.value.by === "ownClicks" ? own.byClicks() : own.byShares()}</p>
        </>
      )}
    </section>
  );
}
