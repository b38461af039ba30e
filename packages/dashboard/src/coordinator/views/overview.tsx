/** The federations that this coordinator serves, which is one, and how it stands. */
import { useSignal } from "@preact/signals";
import { Coded } from "../../shared/coded.tsx";
import { formatBytes, formatDuration, formatEpsilon, formatHash, formatNumber } from "../../shared/format.ts";
import { Gauge } from "../../shared/gauge.tsx";
import { language, texts } from "../../shared/language.ts";
import { Name } from "../../shared/name.tsx";
import { Scroll } from "../../shared/scroll.tsx";
import { Action } from "../action.tsx";
import type { ViewProps } from "../app.tsx";
import { nextStep } from "../next-step.ts";
import { asOperator, mayDo } from "../session.ts";
import { common, kindWords, phaseWords } from "../words.ts";
import { RoundStrip } from "./round-strip.tsx";

const t = texts({
  heading: { en: "Federations", zh: "联邦" },
  lead: { en: "What this coordinator serves.", zh: "此协调者所服务的联邦。" },
  name: { en: "Federation", zh: "联邦" },
  phase: { en: "Phase", zh: "阶段" },
  members: { en: "Connected / joined", zh: "在线 / 已加入" },
  progress: { en: "Rounds released / charged / planned", zh: "已发布 / 已计费 / 计划轮次" },
  budget: { en: "Privacy budget ε", zh: "隐私预算 ε" },
  spent: (spent: string, limit: string) => ({ en: `ε ${spent} of ${limit} spent`, zh: `ε 已用 ${spent}，上限 ${limit}` }),
  perRound: { en: "A round", zh: "每轮" },
  takes: { en: "takes", zh: "耗时" },
  sends: { en: "each node sends", zh: "每节点上传" },
  gets: { en: "each node fetches", zh: "每节点下载" },
  model: { en: "Model", zh: "模型" },
  current: { en: "trained last", zh: "最近训练的" },
  promoted: { en: "put forward for use", zh: "已推荐使用的" },
  noModel: {
    en: "No round has released anything yet: this is the model that training begins at.",
    zh: "尚无轮次发布结果：这是训练的起始模型。",
  },
  releases: { en: "What the plan releases", zh: "计划发布的内容" },
  kind: { en: "Release", zh: "发布" },
  waiting: (n: string) => ({ en: `${n} requests wait to be written into the ledger.`, zh: `有 ${n} 个请求等待写入账本。` }),
  refusedBy: (offers: string, reason: string) => ({
    en: `${offers} offers in a row were refused for ${reason} by`,
    zh: `连续 ${offers} 次邀约因 ${reason} 被以下节点拒绝：`,
  }),
  lastRounds: { en: "Last rounds", zh: "最近轮次" },
  noRounds: { en: "No round has begun yet.", zh: "尚未开始任何轮次。" },
  next: { en: "What to do next", zh: "下一步" },
  invite: {
    en: "Nobody has joined yet. Invite the merchants: each gets an invite of its own, and joins with `tributary node join`.",
    zh: "还没有成员加入。请邀请各商家：每个商家得到自己的邀请，用 `tributary node join` 加入。",
  },
  join: (joined: string, least: string) => ({
    en: `${joined} joined, and a round needs ${least}: invite more merchants, or ask those who have an invite to join with \`tributary node join\`.`,
    zh: `已加入 ${joined} 个，一轮需要 ${least} 个：请邀请更多商家，或请已有邀请者用 \`tributary node join\` 加入。`,
  }),
  connect: (connected: string, least: string) => ({
    en: `${connected} connected, and a round needs ${least}: ask the merchants to import their log and to run \`tributary node start\`.`,
    zh: `在线 ${connected} 个，一轮需要 ${least} 个：请各商家导入日志并运行 \`tributary node start\`。`,
  }),
  wait: {
    en: "Enough nodes are here: rounds begin by themselves once as many are connected as the coordinator was started for.",
    zh: "节点已足够：在线数达到启动协调者时设定的数目后，轮次会自动开始。",
  },
  resumeIt: { en: "It is paused: resume it when you are ready.", zh: "已暂停：准备好后请继续。" },
  talk: {
    en: "The nodes refuse what is offered: ask these merchants what `tributary node check` says.",
    zh: "节点拒绝邀约：请询问相关商家 `tributary node check` 的结果。",
  },
  toMembers: { en: "To members and invites", zh: "前往成员与邀请" },
  operate: { en: "Operate", zh: "操作" },
  pause: { en: "Pause", zh: "暂停" },
  pauseDoes: {
    en: "No more rounds are offered; the one under way goes on to its end.",
    zh: "不再发起新轮次；进行中的轮次会完成。",
  },
  resume: { en: "Resume", zh: "继续" },
  resumeDoes: { en: "Rounds are offered again.", zh: "重新发起轮次。" },
  promote: { en: "Promote model", zh: "推荐模型" },
  promoteDoes: {
    en: "Puts the latest model forward for use: nodes that follow promotions serve it. Pause first: a round that ends before this is written has another model by then, and nothing is put forward.",
    zh: "推荐使用最新模型：跟随推荐的节点将用它提供服务。请先暂停：如果写入之前有一轮结束，模型已更新，则不会推荐任何模型。",
  },
  rollback: { en: "Roll back", zh: "回滚" },
  rollbackDoes: {
    en: "Training goes on from the model that a round left. Nothing that was spent comes back.",
    zh: "从某一轮留下的模型继续训练。已花费的隐私预算不会返还。",
  },
  rollbackRound: { en: "Round whose model to go back to", zh: "回到哪一轮的模型" },
});

export function Overview({ status, refresh }: ViewProps) {
  const lang = language.value;
  const number = (value: number) => formatNumber(value, lang);
  const { bytes, secondsPerRound } = status;
  return (
    <>
      <h2>{t.heading()}</h2>
      <p class="lead">{t.lead()}</p>
      <div class="card">
        <Scroll label={t.heading()}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t.name()}</th>
                <th scope="col">{t.phase()}</th>
                <th scope="col" class="end">
                  {t.members()}
                </th>
                <th scope="col" class="end">
                  {t.progress()}
                </th>
                <th scope="col" class="end">
                  ε
                </th>
              </tr>
            </thead>
            <tbody>
              <tr>
                <td>
                  <Name>{status.federation}</Name>
                </td>
                <td data-test="phase">{phaseWords(status.phase)}</td>
                <td class="end">
                  {number(status.connected.length)} / {number(status.joined.length)}
                </td>
                <td class="end">
                  {number(status.completed)} / {number(status.charged)} / {number(status.rounds)}
                </td>
                <td class="end">
                  {formatEpsilon(status.epsilon, lang)} / {formatEpsilon(status.epsilonLimit, lang)}
                </td>
              </tr>
            </tbody>
          </table>
        </Scroll>
      </div>
      {status.refused !== null && (
        <div class="banner bad" role="alert">
          {t.refusedBy(number(status.refused.offers), status.refused.reason)}{" "}
          {status.refused.nodes.map((node) => (
            <Name key={node}>{node}</Name>
          ))}
        </div>
      )}
      <Next status={status} />
      {status.waiting > 0 && <p class="banner">{t.waiting(number(status.waiting))}</p>}
      <div class="cards">
        <section class="card wide">
          <h3>{t.lastRounds()}</h3>
          {status.history.length === 0 ? <p class="soft">{t.noRounds()}</p> : <RoundStrip history={status.history} />}
        </section>
        <section class="card">
          <h3>{t.budget()}</h3>
          <Gauge
            label={t.budget()}
            value={status.epsilon}
            limit={status.epsilonLimit}
            words={t.spent(formatEpsilon(status.epsilon, lang), formatEpsilon(status.epsilonLimit, lang))}
          >
            <span>{t.spent(formatEpsilon(status.epsilon, lang), formatEpsilon(status.epsilonLimit, lang))}</span>
          </Gauge>
        </section>
        <section class="card">
          <h3>{t.perRound()}</h3>
          <dl class="facts">
            <dt>{t.takes()}</dt>
            <dd>{secondsPerRound === null ? "–" : formatDuration(secondsPerRound, lang)}</dd>
            <dt>{t.sends()}</dt>
            <dd>{bytes.inPerRoundPerNode === null ? "–" : formatBytes(bytes.inPerRoundPerNode, lang)}</dd>
            <dt>{t.gets()}</dt>
            <dd>{bytes.outPerRoundPerNode === null ? "–" : formatBytes(bytes.outPerRoundPerNode, lang)}</dd>
          </dl>
        </section>
        <section class="card">
          <h3>{t.model()}</h3>
          {status.completed === 0 && <p class="soft">{t.noModel()}</p>}
          <dl class="facts">
            <dt>{t.current()}</dt>
            <dd>
              <code title={status.modelHash}>{formatHash(status.modelHash)}</code>
            </dd>
            <dt>{t.promoted()}</dt>
            <dd>
              {status.promotedHash === null ? "–" : <code title={status.promotedHash}>{formatHash(status.promotedHash)}</code>}
            </dd>
          </dl>
        </section>
        <section class="card">
          <h3>{t.releases()}</h3>
          <table class="wraps">
            <thead>
              <tr>
                <th scope="col">{t.kind()}</th>
                <th scope="col" class="end">
                  {t.progress()}
                </th>
              </tr>
            </thead>
            <tbody>
              {status.releases.map(({ kind, released, charged, rounds }, place) => (
                <tr key={place}>
                  <td>{kindWords(kind)}</td>
                  <td class="end">
                    {number(released)} / {number(charged)} / {number(rounds)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        {mayDo("operator") && !status.finished && <Operate status={status} refresh={refresh} />}
      </div>
    </>
  );
}

function Next({ status }: Pick<ViewProps, "status">) {
  const step = nextStep(status);
  if (step === null) return null;
  const lang = language.value;
  const [joined, connected] = [status.joined, status.connected].map(({ length }) => formatNumber(length, lang));
  const least = formatNumber(status.minCohort ?? 1, lang);
  const words = {
    invite: t.invite,
    join: () => t.join(joined ?? "", least),
    connect: () => t.connect(connected ?? "", least),
    wait: t.wait,
    resume: t.resumeIt,
    talk: t.talk,
  }[step];
  return (
    <section class="banner apart" data-test="next" data-step={step}>
      <h3>{t.next()}</h3>
      <p>
        <Coded>{words()}</Coded>
      </p>
      {(step === "invite" || step === "join") && (
        <p>
          <a href="#/members">{t.toMembers()}</a>
        </p>
      )}
    </section>
  );
}

function Operate({ status, refresh }: ViewProps) {
  const noted = useSignal(false);
  const done = () => {
    noted.value = true;
    refresh();
  };
  const post = (path: string, body: object) => asOperator(path, { method: "POST", body });
  const reason = (form: FormData) => ({ reason: String(form.get("reason") ?? "") });
  return (
    <section class="card wide">
      <h3>{t.operate()}</h3>
      <div role="status">{noted.value && <p class="banner good">{common.requested()}</p>}</div>
      <div class="row">
        {status.phase === "paused" ? (
          <Action label={t.resume()} does={t.resumeDoes()} act={(form) => post("resume", reason(form))} done={done} />
        ) : (
          <Action label={t.pause()} does={t.pauseDoes()} act={(form) => post("pause", reason(form))} done={done} />
        )}
        <Action label={t.promote()} does={t.promoteDoes()} reasoned={false} act={() => post("promote", {})} done={done} />
        <Action
          label={t.rollback()}
          does={t.rollbackDoes()}
          danger
          act={(form) => post("rollback", { ...reason(form), round: Number(form.get("round")) })}
          done={done}
        >
          <label class="field">
            <span class="label">{t.rollbackRound()}</span>
            <input name="round" type="number" min={0} max={status.round} required />
          </label>
        </Action>
      </div>
    </section>
  );
}
