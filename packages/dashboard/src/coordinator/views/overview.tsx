/** The federations that this coordinator serves, which is one, and how it stands. */
import { useSignal } from "@preact/signals";
import { formatBytes, formatDuration, formatEpsilon, formatHash, formatNumber } from "../../shared/format.ts";
import { Gauge } from "../../shared/gauge.tsx";
import { language, texts } from "../../shared/language.ts";
import { Name } from "../../shared/name.tsx";
import { Scroll } from "../../shared/scroll.tsx";
import { Action } from "../action.tsx";
import type { ViewProps } from "../app.tsx";
import { asOperator, mayDo } from "../session.ts";
import { common, kindWords, phaseWords } from "../words.ts";

const t = texts({
  heading: { en: "Federations", zh: "联邦" },
  lead: { en: "What this coordinator serves.", zh: "此协调方所服务的联邦。" },
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
    en: "Puts the latest model forward for use: nodes that follow promotions serve it.",
    zh: "推荐使用最新模型：跟随推荐的节点将用它提供服务。",
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
      {status.waiting > 0 && <p class="banner">{t.waiting(number(status.waiting))}</p>}
      <div class="cards">
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
