/** What this node's customers have spent, what is reserved, and what is left. */
import type { PageBudget, PageOverview } from "@tributary/protocol";
import { useMemo } from "preact/hooks";
import { Chart } from "../../shared/chart.tsx";
import { formatTime, shownName } from "../../shared/format.ts";
import { Gauge } from "../../shared/gauge.tsx";
import { language, texts } from "../../shared/language.ts";
import { epsilon, epsilonLeft, Figure, number, shownText, Waiting } from "../parts.tsx";
import { useLive } from "../use-live.ts";
import { english, kindName, t } from "../words.ts";

const own = texts({
  heading: { en: "Privacy budget", zh: "隐私预算" },
  lead: {
    en: "ε bounds how much anybody can learn of one customer from everything that this node has ever released. It only goes up: importing or joining again changes nothing of it.",
    zh: "ε 限定了任何人能从本节点发布的全部内容中获知单个顾客的程度。它只增不减：重新导入或加入都不会改变它。",
  },
  spent: { en: "spent", zh: "已用" },
  reserved: { en: "reserved", zh: "预留" },
  left: { en: "left", zh: "剩余" },
  limit: { en: "limit", zh: "上限" },
  atDelta: (delta: string) => ({ en: `at δ = ${delta}`, zh: `δ = ${delta}` }),
  reservedNote: (n: string) => ({
    en: `${n} rounds paid for, whose end nobody knows yet; part of what is spent`,
    zh: `${n} 轮已付费但结果未知；已计入“已用”`,
  }),
  inPeriod: (days: string) => ({ en: `in any ${days} days`, zh: `任意 ${days} 天内` }),
  forEver: { en: "for ever", zh: "永久" },
  periodSpent: (days: string) => ({ en: `spent in the last ${days} days`, zh: `最近 ${days} 天已用` }),
  nextLeaves: (time: string) => ({ en: `the next round leaves the period ${time}`, zh: `下一轮将于 ${time} 移出周期` }),
  toCome: (n: string) => ({ en: `${n} rounds to come`, zh: `还有 ${n} 轮` }),
  planned: (value: string) => ({ en: `the whole plan: ε ${value}`, zh: `整个计划：ε ${value}` }),
  byKind: { en: "By kind of release", zh: "按发布类型" },
  alone: { en: "ε of this kind alone", zh: "仅此类型的 ε" },
  paid: { en: "paid", zh: "已付" },
  refunded: { en: "refunded", zh: "退回" },
  rest: { en: "to come", zh: "剩余" },
  aloneNote: {
    en: "Kinds don't add up: together they cost less than one after the other.",
    zh: "各类型不能相加：合在一起的代价小于逐个相加。",
  },
  course: { en: "ε, round by round", zh: "逐轮 ε" },
  shared: { en: "Budget shared by several homes", zh: "多个目录共享的预算" },
  file: { en: "file", zh: "文件" },
  owner: (name: string) => ({ en: `limit of ${name}`, zh: `上限来自 ${name}` }),
  home: { en: "home", zh: "目录" },
  here: { en: "here", zh: "本目录" },
  lifetime: { en: "all time", zh: "全部时间" },
  selections: { en: "Selections of a catalogue", zh: "商品目录选择" },
  inPlan: { en: "part of the plan's", zh: "已含在计划内" },
  beside: { en: "beside the plan", zh: "计划之外" },
});

export function BudgetView({ overview }: { readonly overview: PageOverview }) {
  const asked = useLive<PageBudget>("/api/budget", Number.POSITIVE_INFINITY, overview.spendingStamp);
  const budget = asked.value.value;
  return (
    <>
      <h2>{own.heading()}</h2>
      <p class="lead">{own.lead()}</p>
      {budget === undefined ? <Waiting failure={asked.failure.value} /> : <Budget budget={budget} />}
    </>
  );
}

function Budget({ budget }: { readonly budget: PageBudget }) {
  const { period, reserved, limit } = budget;
  const counted = period?.spent ?? budget.spent;
  const words = `ε ${epsilon(counted)} / ${number(limit)}`;
  return (
    <div class="cards" data-test="budget">
      <Figure label={own.spent()} below={own.atDelta(number(budget.delta))}>
        ε {epsilon(budget.spent)}
      </Figure>
      <Figure label={own.reserved()} below={own.reservedNote(number(reserved.rounds))}>
        ε {epsilon(reserved.epsilon)}
      </Figure>
      <Figure label={own.left()} below={own.toCome(number(budget.roundsLeft))}>
        ε {epsilonLeft(budget.left)}
      </Figure>
      <Figure label={own.limit()} below={period === null ? own.forEver() : own.inPeriod(number(period.days))}>
        ε {number(limit)}
      </Figure>
      <section class="card wide">
        <h3>{period === null ? own.spent() : own.periodSpent(number(period.days))}</h3>
        <Gauge
          label={own.heading()}
          value={counted}
          limit={limit}
          planned={period === null ? budget.plan.epsilon : counted}
          words={words}
        >
          <span>{words}</span>
          {period === null && <span>{own.planned(epsilon(budget.plan.epsilon))}</span>}
          {period?.nextLeaves && <span>{own.nextLeaves(formatTime(period.nextLeaves, language.value))}</span>}
        </Gauge>
      </section>
      <section class="card wide">
        <h3>{own.course()}</h3>
        <Course budget={budget} />
      </section>
      <section class="card wide">
        <h3>{own.byKind()}</h3>
        <div class="scroll" tabIndex={0} role="region" aria-label={own.byKind()}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t.kind()}</th>
                <th scope="col" class="end">
                  {own.alone()}
                </th>
                <th scope="col" class="end">
                  {own.paid()}
                </th>
                <th scope="col" class="end">
                  {own.reserved()}
                </th>
                <th scope="col" class="end">
                  {own.refunded()}
                </th>
                <th scope="col" class="end">
                  {own.rest()}
                </th>
              </tr>
            </thead>
            <tbody>
              {budget.byKind.map(({ kind, epsilon: alone, charged, open, refunded, left }) => (
                <tr key={kind}>
                  <th scope="row">{kindName(kind)}</th>
                  <td class="end">{epsilon(alone)}</td>
                  <td class="end">{number(charged - open)}</td>
                  <td class="end">{number(open)}</td>
                  <td class="end">{number(refunded)}</td>
                  <td class="end">{number(left)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        <p class="soft">{own.aloneNote()}</p>
      </section>
      {budget.selections.length > 0 && <Selections selections={budget.selections} />}
      <Shared budget={budget} />
    </div>
  );
}

function Course({ budget: { course, limit, plan, period } }: { readonly budget: PageBudget }) {
  const shown = language.value;
  const { x, series } = useMemo(() => {
    const rounds = course.map(({ round }) => round);
    return {
      x: rounds,
      series: [
        { title: own.spent(), colour: "first" as const, values: course.map(({ epsilon: value }) => value) },
        ...(period === null
          ? [{ title: own.limit(), colour: "second" as const, values: course.map(() => limit), dashed: true }]
          : []),
        {
          title: own.planned(epsilon(plan.epsilon)),
          colour: "third" as const,
          values: course.map(() => plan.epsilon),
          dashed: true,
        },
      ],
    };
  }, [course, limit, plan.epsilon, period, shown]);
  return <Chart label={own.course()} xTitle={t.round()} x={x} series={series} format={(value) => number(value)} />;
}

function Selections({ selections }: Pick<PageBudget, "selections">) {
  return (
    <section class="card wide">
      <h3>{own.selections()}</h3>
      <ul class="plain">
        {selections.map(({ epsilon: cost, chargedAt, inPlan }) => (
          <li key={chargedAt}>
            {formatTime(chargedAt, language.value)}: ε {epsilon(cost)}, {inPlan ? own.inPlan() : own.beside()}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Shared({ budget: { shared, sharedProblem } }: { readonly budget: PageBudget }) {
  if (sharedProblem !== null) {
    return (
      <section class="card wide">
        <h3>{own.shared()}</h3>
        <div class="banner bad" role="alert" lang={english()}>
          <p>{shownText(sharedProblem.message)}</p>
          <p>{shownText(sharedProblem.advice)}</p>
          <code>{sharedProblem.code}</code>
        </div>
      </section>
    );
  }
  if (shared === null) return null;
  const words = `ε ${epsilon(shared.spent)} / ${number(shared.limit)}`;
  return (
    <section class="card wide">
      <h3>{own.shared()}</h3>
      <p>
        {own.file()} <code>{shared.file}</code>; {own.owner(shownName(shared.owner))},{" "}
        {shared.periodDays === null ? own.forEver() : own.inPeriod(number(shared.periodDays))}
      </p>
      <Gauge label={own.shared()} value={shared.spent} limit={shared.limit} words={words}>
        <span>{words}</span>
        <span>
          {own.left()} ε {epsilonLeft(shared.left)}
        </span>
      </Gauge>
      <div class="scroll" tabIndex={0} role="region" aria-label={own.shared()}>
        <table>
          <thead>
            <tr>
              <th scope="col">{own.home()}</th>
              <th scope="col" class="end">
                {own.spent()}
              </th>
              <th scope="col" class="end">
                {own.lifetime()}
              </th>
              <th scope="col" class="end">
                {own.reserved()}
              </th>
              <th scope="col" class="end">
                {t.rounds()}
              </th>
            </tr>
          </thead>
          <tbody>
            {shared.homes.map((home) => (
              <tr key={`${home.federation}/${home.node}`}>
                <th scope="row">
                  <bdi>{shownName(`${home.federation}/${home.node}`)}</bdi> {home.own && <span class="chip">{own.here()}</span>}
                </th>
                <td class="end">{epsilon(home.spent)}</td>
                <td class="end">{epsilon(home.lifetime)}</td>
                <td class="end">{number(home.reserved)}</td>
                <td class="end">{number(home.rounds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
