/** The round under way as a flow through its steps, and every node's place in it; between rounds, what the last ones came to. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { formatBytes, formatDuration, formatEpsilon, formatNumber, formatTime } from "../../shared/format.ts";
import { language, say, type Text, texts } from "../../shared/language.ts";
import { Name } from "../../shared/name.tsx";
import { VirtualTable } from "../../shared/virtual-table.tsx";
import { type RoundNow, type Status, type UnderWay, useOperator } from "../api.ts";
import type { ViewProps } from "../app.tsx";
import { type FlowStep, flowOf, type NodeNow, type StepName } from "../flow.ts";
import { common, kindWords, phaseWords } from "../words.ts";

const t = texts({
  heading: { en: "Live round", zh: "当前轮次" },
  lead: {
    en: "Who is at which step. What a node sends is masked: nobody sees one node's sum, this page included.",
    zh: "谁在哪一步。节点发送的内容带有掩码：任何人都看不到单个节点的和，此页面也不例外。",
  },
  none: (phase: string) => ({ en: `No round is under way: ${phase}.`, zh: `当前没有进行中的轮次：${phase}。` }),
  noneYet: { en: "No round has begun yet.", zh: "还没有开始任何轮次。" },
  numbered: (round: string, kind: string) => ({ en: `Round ${round}: ${kind}`, zh: `第 ${round} 轮：${kind}` }),
  begun: { en: "Begun", zh: "开始于" },
  left: { en: "Time left for this step", zh: "此步骤剩余时间" },
  atMost: (time: string) => ({ en: `at most ${time}`, zh: `最多 ${time}` }),
  over: { en: "any moment", zh: "随时" },
  vectors: { en: "Masked vectors here", zh: "已收到的掩码向量" },
  needed: (n: string) => ({ en: `at least ${n} nodes have to stay`, zh: `至少需要 ${n} 个节点留下` }),
  steps: { en: "Steps", zh: "步骤" },
  done: { en: "done", zh: "已完成" },
  waits: (n: string) => ({ en: `waits for ${n}`, zh: `等待 ${n}` }),
  lost: (n: string) => ({ en: `${n} dropped out`, zh: `${n} 个退出` }),
  more: (n: string) => ({ en: `and ${n} more`, zh: `以及另外 ${n} 个` }),
  nodes: { en: "Nodes of this round", zh: "本轮节点" },
  last: { en: "Last step done", zh: "最后完成的步骤" },
  connection: { en: "Connection", zh: "连接" },
  connected: { en: "connected", zh: "在线" },
  away: { en: "away", zh: "离线" },
  history: { en: "Rounds so far", zh: "历史轮次" },
  outcome: { en: "Outcome", zh: "结果" },
  released: { en: "released", zh: "已发布" },
  underWay: { en: "under way", zh: "进行中" },
  count: { en: "Nodes", zh: "节点数" },
  took: { en: "Took", zh: "耗时" },
  inn: { en: "Received", zh: "接收" },
  out: { en: "Sent", zh: "发送" },
});

const stepNames: Readonly<Record<StepName, Text>> = {
  offer: { en: "0 Offer", zh: "0 邀约" },
  keys: { en: "1 Keys", zh: "1 密钥" },
  reveal: { en: "1b Reveal", zh: "1b 公开" },
  shares: { en: "2 Shares", zh: "2 份额" },
  masked: { en: "3 Masked vector", zh: "3 掩码向量" },
  consistency: { en: "4 Agreement", zh: "4 一致性" },
  unmask: { en: "5 Unmask", zh: "5 去掩码" },
  apply: { en: "6 Apply", zh: "6 应用" },
};

const states: Readonly<Record<NodeNow["state"], Text>> = {
  "waited-for": { en: "waited for", zh: "等待中" },
  there: { en: "there", zh: "就绪" },
  out: { en: "dropped out", zh: "已退出" },
};
const looks = { "waited-for": "chip", there: "chip good", out: "chip bad" } as const;

export function RoundView({ status }: ViewProps) {
  const source = useOperator<UnderWay>("round", 1000);
  const answer = source.value.value;
  const round = answer?.round ?? null;
  return (
    <>
      <h2>{t.heading()}</h2>
      <p class="lead">{t.lead()}</p>
      {answer === undefined ? (
        <p role="status">{common.waitingForAnswer()}</p>
      ) : round === null ? (
        <p class="banner" data-test="no-round">
          {t.none(phaseWords(status.phase))} {status.history.length === 0 && t.noneYet()}
        </p>
      ) : (
        <Live round={round} now={answer.now} />
      )}
      {status.history.length > 0 && <History status={status} />}
    </>
  );
}

function Live({ round, now }: { readonly round: RoundNow; readonly now: string }) {
  const lang = language.value;
  const number = (value: number) => formatNumber(value, lang);
  const steps = flowOf(round);
  return (
    <>
      <h3 data-test="round">{t.numbered(number(round.number), kindWords(round.kind))}</h3>
      <p role="status">{phaseWords(round.phase)}</p>
      <dl class="facts">
        <dt>{t.begun()}</dt>
        <dd>{round.startedAt === null ? "–" : formatTime(round.startedAt, lang)}</dd>
        <dt>{t.left()}</dt>
        <dd>
          <TimeLeft round={round} now={now} />
        </dd>
        <dt>{t.vectors()}</dt>
        <dd class="num">
          {common.of(
            formatBytes(round.bytes.arrived, lang),
            formatBytes(round.bytes.vector * round.nodes.filter(({ state }) => state !== "out").length, lang),
          )}
        </dd>
        <dt>{common.state()}</dt>
        <dd>{t.needed(number(round.minCohort))}</dd>
      </dl>
      <ol class="flow" aria-label={t.steps()}>
        {steps.map((step) => (
          <Step key={step.step} step={step} of={round.nodes.length} />
        ))}
      </ol>
      <h3>{t.nodes()}</h3>
      <VirtualTable<NodeNow>
        label={t.nodes()}
        count={round.nodes.length}
        row={(place) => round.nodes[place]}
        height="40vh"
        leastWidth={34}
        isBad={({ state }) => state === "out"}
        columns={[
          { id: "node", title: common.node(), width: "minmax(10rem, 1fr)", cell: ({ node }) => <Name>{node}</Name> },
          { id: "last", title: t.last(), width: "9rem", cell: ({ done }) => say(stepNames[done]) },
          {
            id: "state",
            title: common.state(),
            width: "8rem",
            cell: ({ state }) => <span class={looks[state]}>{say(states[state])}</span>,
          },
          {
            id: "there",
            title: t.connection(),
            width: "7rem",
            cell: ({ connected }) => (connected ? t.connected() : t.away()),
          },
        ]}
      />
    </>
  );
}

/** So many names are shown in a step; the table has all of them. */
const mostNames = 8;

function Step({ step: { step, place, done, waitedFor, lost }, of }: { readonly step: FlowStep; readonly of: number }) {
  const number = (value: number) => formatNumber(value, language.value);
  return (
    <li class={`step ${place}`} aria-current={place === "now" ? "step" : undefined} data-step={step}>
      <strong>{say(stepNames[step])}</strong>
      {step !== "apply" && place !== "ahead" && (
        <span class="num">
          {number(done)} / {number(of)} <span class="soft">{t.done()}</span>
        </span>
      )}
      {waitedFor.length > 0 && (
        <span>
          {t.waits(number(waitedFor.length))}
          <Names of={waitedFor} />
        </span>
      )}
      {lost.length > 0 && (
        <span class="bad">
          {t.lost(number(lost.length))}
          <Names of={lost} />
        </span>
      )}
    </li>
  );
}

function Names({ of }: { readonly of: readonly string[] }) {
  return (
    <span class="names soft">
      {of.slice(0, mostNames).map((node) => (
        <Name key={node}>{node}</Name>
      ))}
      {of.length > mostNames && <span>{t.more(formatNumber(of.length - mostNames, language.value))}</span>}
    </span>
  );
}

/** Counted by the server's clock, which may be another than this machine's. */
function TimeLeft({ round: { deadline }, now }: { readonly round: RoundNow; readonly now: string }) {
  const tick = useSignal(0);
  const heard = useSignal({ now, at: performance.now() });
  if (heard.peek().now !== now) heard.value = { now, at: performance.now() };
  useEffect(() => {
    const timer = setInterval(() => {
      tick.value += 1;
    }, 500);
    return () => clearInterval(timer);
  }, []);
  if (deadline === null || tick.value < 0) return <>–</>;
  const seconds = (Date.parse(deadline.at) - Date.parse(now) - (performance.now() - heard.value.at)) / 1000;
  if (seconds <= 0) return <>{t.over()}</>;
  const left = formatDuration(Math.ceil(seconds), language.value);
  return <span class="num">{deadline.exact ? left : t.atMost(left)}</span>;
}

type Figures = Status["history"][number];

function History({ status: { history } }: Pick<ViewProps, "status">) {
  const lang = language.value;
  const bytes = (value: number | null) => (value === null ? "–" : formatBytes(value, lang));
  return (
    <>
      <h3 class="apart">{t.history()}</h3>
      <VirtualTable<Figures>
        label={t.history()}
        count={history.length}
        row={(place) => history[history.length - 1 - place]}
        height="40vh"
        leastWidth={64}
        isBad={({ released }) => released === false}
        columns={[
          { id: "round", title: common.round(), width: "5rem", end: true, cell: ({ round }) => formatNumber(round, lang) },
          {
            id: "outcome",
            title: t.outcome(),
            width: "minmax(9rem, 1fr)",
            cell: ({ released, code }) => (released === null ? t.underWay() : released ? t.released() : <code>{code}</code>),
          },
          { id: "when", title: t.begun(), width: "17rem", cell: ({ startedAt }) => formatTime(startedAt, lang) },
          {
            id: "took",
            title: t.took(),
            width: "5rem",
            end: true,
            cell: ({ seconds }) => (seconds === null ? "–" : formatDuration(seconds, lang)),
          },
          {
            id: "nodes",
            title: t.count(),
            width: "5rem",
            end: true,
            cell: ({ nodes }) => (nodes === null ? "–" : formatNumber(nodes, lang)),
          },
          { id: "in", title: t.inn(), width: "6rem", end: true, cell: ({ bytesIn }) => bytes(bytesIn) },
          { id: "out", title: t.out(), width: "6rem", end: true, cell: ({ bytesOut }) => bytes(bytesOut) },
          {
            id: "epsilon",
            title: "ε",
            width: "5rem",
            end: true,
            cell: ({ epsilon }) => (epsilon === null ? "–" : formatEpsilon(epsilon, lang)),
          },
        ]}
      />
    </>
  );
}
