/** Where the node stands, and what to do next. */
import type { PageBudget, PageOverview } from "@tributary/protocol";
import { formatHash, formatTime } from "../../shared/format.ts";
import { Gauge } from "../../shared/gauge.tsx";
import { language, texts } from "../../shared/language.ts";
import { Name } from "../../shared/name.tsx";
import { Command, epsilon, epsilonLeft, number, ProblemNotice } from "../parts.tsx";
import { useLive } from "../use-live.ts";
import { kindName, phaseName, t } from "../words.ts";

const own = texts({
  heading: { en: "Where this node stands", zh: "本节点的状态" },
  lead: {
    en: "Customers' histories stay on this machine, encrypted. What leaves it, and at what price in privacy, stands on these pages.",
    zh: "顾客历史始终加密保存在这台机器上。离开它的内容及其隐私代价，都列在这些页面上。",
  },
  federation: { en: "Federation", zh: "联邦" },
  name: { en: "name", zh: "名称" },
  node: { en: "this node", zh: "本节点" },
  ownKey: { en: "own key", zh: "本节点密钥" },
  coordinator: { en: "coordinator", zh: "协调者" },
  coordinatorKey: { en: "its key", zh: "其密钥" },
  plan: { en: "plan", zh: "计划" },
  reachable: { en: "reachable", zh: "可达" },
  unreachable: { en: "not reachable", zh: "不可达" },
  asking: { en: "asking …", zh: "正在询问…" },
  behind: (n: string) => ({ en: `${n} ledger entries ahead of this node`, zh: `账本比本节点多 ${n} 条` }),
  node2: { en: "The node's process", zh: "节点进程" },
  running: { en: "running", zh: "运行中" },
  stopped: { en: "not running", zh: "未运行" },
  inRound: (n: string, kind: string) => ({ en: `in round ${n} (${kind})`, zh: `正在第 ${n} 轮（${kind}）` }),
  since: (time: string) => ({ en: `offered ${time}`, zh: `邀约于 ${time}` }),
  betweenRounds: { en: "between rounds", zh: "轮次之间" },
  over: { en: "The federation is over: its ledger is closed.", zh: "联邦已结束：账本已关闭。" },
  ledger: (entries: string, rounds: string) => ({
    en: `${entries} ledger entries verified, ${rounds} rounds`,
    zh: `已验证 ${entries} 条账本记录，${rounds} 轮`,
  }),
  data: { en: "Data", zh: "数据" },
  some: { en: "Histories are stored, encrypted.", zh: "历史已加密保存。" },
  noData: { en: "No history is stored yet.", zh: "尚无历史数据。" },
  unreadable: { en: "The store can't be opened.", zh: "存储无法打开。" },
  model: { en: "Model", zh: "模型" },
  noModel: {
    en: "The federation has released none yet. Until then predictions come from own counts alone.",
    zh: "联邦尚未发布模型；在此之前，预测仅来自自有计数。",
  },
  released: (round: string) => ({ en: `released in round ${round}`, zh: `第 ${round} 轮发布` }),
  budget: { en: "Privacy budget", zh: "隐私预算" },
  spent: (spent: string, limit: string) => ({ en: `ε ${spent} of ${limit} spent`, zh: `已用 ε ${spent} / ${limit}` }),
  left: (left: string) => ({ en: `${left} left`, zh: `剩余 ${left}` }),
  next: { en: "What to do next", zh: "下一步" },
  doImport: { en: "Import the shop's log:", zh: "导入商店日志：" },
  doStart: { en: "Take part in the rounds:", zh: "参加轮次：" },
  doServe: { en: "Answer the shop:", zh: "为商店提供预测：" },
  allDone: { en: "Nothing: the node takes part.", zh: "无：节点正在参加。" },
});

export function OverviewView({ overview }: { readonly overview: PageOverview }) {
  const { member, coordinator, ledger, store, model, running, round } = overview;
  const budget = useLive<PageBudget>("/api/budget", Number.POSITIVE_INFINITY, overview.spendingStamp);
  if (member === null) return null;
  const spending = budget.value.value;
  return (
    <>
      <h2>{own.heading()}</h2>
      <p class="lead">{own.lead()}</p>
      {coordinator.problem !== null && <ProblemNotice problem={coordinator.problem} />}
      {store.problem !== null && <ProblemNotice problem={store.problem} />}
      <div class="cards">
        <section class="card" data-test="federation">
          <h3>{own.federation()}</h3>
          <dl class="facts">
            <dt>{own.name()}</dt>
            <dd>
              <Name>{member.federation}</Name>
            </dd>
            <dt>{own.node()}</dt>
            <dd>
              <Name>{member.node}</Name>
            </dd>
            <dt>{own.coordinator()}</dt>
            <dd>
              <code>{member.coordinator}</code>{" "}
              <span class={`chip ${coordinator.state === "reachable" ? "good" : coordinator.state === "asking" ? "" : "bad"}`}>
                {own[coordinator.state]()}
              </span>
              {(coordinator.behind ?? 0) > 0 && <span class="soft"> {own.behind(number(coordinator.behind ?? 0))}</span>}
            </dd>
            <dt>{own.ownKey()}</dt>
            <dd>
              <code>{member.fingerprint}</code>
            </dd>
            <dt>{own.coordinatorKey()}</dt>
            <dd>
              <code>{member.coordinatorFingerprint}</code>
            </dd>
            <dt>{own.plan()}</dt>
            <dd>
              <code title={member.planHash}>{formatHash(member.planHash)}</code>
            </dd>
          </dl>
        </section>
        <section class="card" data-test="process">
          <h3>{own.node2()}</h3>
          <p>
            <span class={running ? "chip good" : "chip warn"}>{running ? own.running() : own.stopped()}</span>{" "}
            {running && (round === null || round.phase === "left") && <span class="soft">{own.betweenRounds()}</span>}
          </p>
          {round !== null && round.phase !== "left" && (
            <p>
              {own.inRound(number(round.number), kindName(round.kind ?? ""))}: {phaseName(round.phase)}
              <br />
              <span class="soft">{own.since(formatTime(round.offeredAt, language.value))}</span>
            </p>
          )}
          <p class="soft">{own.ledger(number(ledger.entries), number(ledger.rounds))}</p>
          {ledger.closed && <p>{own.over()}</p>}
        </section>
        <section class="card" data-test="store">
          <h3>{own.data()}</h3>
          <p>{store.state === "some" ? own.some() : store.state === "none" ? own.noData() : own.unreadable()}</p>
        </section>
        <section class="card" data-test="model">
          <h3>{own.model()}</h3>
          {model === null ? (
            <p>{own.noModel()}</p>
          ) : (
            <p>
              {own.released(number(model.round))} <code title={model.hash}>{formatHash(model.hash)}</code>
            </p>
          )}
        </section>
        <section class="card wide">
          <h3>{own.budget()}</h3>
          {spending !== undefined && (
            <Gauge
              label={own.budget()}
              value={spending.spent}
              limit={spending.limit}
              words={own.spent(epsilon(spending.spent), number(spending.limit))}
            >
              <span>{own.spent(epsilon(spending.spent), number(spending.limit))}</span>
              <span>{own.left(epsilonLeft(spending.left))}</span>
            </Gauge>
          )}
        </section>
        <section class="card wide">
          <h3>{own.next()}</h3>
          <Steps overview={overview} />
        </section>
      </div>
      <p class="soft">{t.ownEyes()}</p>
    </>
  );
}

function Steps({ overview: { store, running, ledger, home } }: { readonly overview: PageOverview }) {
  const steps = [
    ...(store.state === "none" ? [[own.doImport(), `tributary node import shop-log.csv --home ${quoted(home)}`] as const] : []),
    ...(store.state === "some" && !running && !ledger.closed
      ? [[own.doStart(), `tributary node start --home ${quoted(home)}`] as const]
      : []),
    ...(store.state === "some" && ledger.rounds > 0
      ? [[own.doServe(), `tributary node serve --home ${quoted(home)}`] as const]
      : []),
  ];
  if (steps.length === 0) return <p>{own.allDone()}</p>;
  return (
    <ol class="steps">
      {steps.map(([words, command]) => (
        <li key={command}>
          {words}
          <Command>{command}</Command>
        </li>
      ))}
    </ol>
  );
}

/** For a shell, where the path isn't plain. */
const quoted = (path: string): string => (/^[\w./:\\-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);
