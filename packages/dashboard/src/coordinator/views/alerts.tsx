/** What `coordinator doctor` finds now, from within the server, and what to do about it: what is broken first. */

import { Coded } from "../../shared/coded.tsx";
import { language, say, type Text, texts } from "../../shared/language.ts";
import { RefusalNotice } from "../../shared/notice.tsx";
import { Scroll } from "../../shared/scroll.tsx";
import { type Finding, useOperator } from "../api.ts";
import { common } from "../words.ts";

const t = texts({
  heading: { en: "Alerts", zh: "警报" },
  lead: {
    en: "What `tributary coordinator doctor` finds on this replica, looked at every half minute. The ledger is verified in its own view.",
    zh: "`tributary coordinator doctor` 在此副本上的检查结果，每半分钟更新。账本在其自己的视图中验证。",
  },
  well: { en: "Nothing is wrong.", zh: "一切正常。" },
  some: (n: number) => ({ en: `${n} of these need somebody.`, zh: `其中 ${n} 项需要处理。` }),
  check: { en: "Check", zh: "检查项" },
  found: { en: "Found", zh: "结果" },
  ok: { en: "well", zh: "正常" },
  warning: { en: "warning", zh: "警告" },
  broken: { en: "broken", zh: "故障" },
});

const names: Readonly<Record<string, Text>> = {
  keys: { en: "keys", zh: "密钥" },
  disk: { en: "disk", zh: "磁盘" },
  "disk of blobs": { en: "disk of blobs", zh: "对象存储磁盘" },
  certificate: { en: "certificate", zh: "证书" },
  database: { en: "database", zh: "数据库" },
  schema: { en: "schema", zh: "数据库结构" },
  federation: { en: "federation", zh: "联邦" },
  identity: { en: "identity", zh: "身份" },
  clock: { en: "clock", zh: "时钟" },
  leader: { en: "leader", zh: "主副本" },
  rounds: { en: "rounds", zh: "轮次" },
  invites: { en: "invites", zh: "邀请" },
  jobs: { en: "jobs", zh: "任务" },
  blobs: { en: "blobs", zh: "对象存储" },
  models: { en: "models", zh: "模型" },
  uploads: { en: "uploads", zh: "上传" },
};
const nameOf = (name: string): string => {
  const text = names[name];
  return text === undefined ? name : say(text);
};

const order = { broken: 0, warning: 1, ok: 2 } as const;
const looks = { broken: "chip bad", warning: "chip warn", ok: "chip good" } as const;

export function Alerts() {
  const source = useOperator<Finding[]>("findings", 30_000);
  const failure = source.failure.value;
  const findings = source.value.value;
  const bad = findings?.filter(({ state }) => state !== "ok").length ?? 0;
  // the server says it in English alone
  const foreign = language.value === "en" ? undefined : "en";
  return (
    <>
      <h2>{t.heading()}</h2>
      <p class="lead">
        <Coded>{t.lead()}</Coded>
      </p>
      {failure !== undefined && failure.status !== 0 && <RefusalNotice refusal={failure} />}
      {findings === undefined ? (
        <p role="status">{common.waitingForAnswer()}</p>
      ) : (
        <>
          <p class={bad === 0 ? "banner good" : "banner warn"} role="status" data-test="alerts">
            {bad === 0 ? t.well() : t.some(bad)}
          </p>
          <div class="card">
            <Scroll label={t.heading()}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">{t.check()}</th>
                    <th scope="col">{common.state()}</th>
                    <th scope="col">{t.found()}</th>
                  </tr>
                </thead>
                <tbody>
                  {[...findings]
                    .sort((a, b) => order[a.state] - order[b.state])
                    .map(({ name, state, found, advice }) => (
                      <tr key={name}>
                        <td>{nameOf(name)}</td>
                        <td>
                          <span class={looks[state]}>{t[state]()}</span>
                        </td>
                        <td lang={foreign} class="wordy">
                          {found}
                          {advice !== null && (
                            <>
                              <br />
                              <span class="soft">{advice}</span>
                            </>
                          )}
                        </td>
                      </tr>
                    ))}
                </tbody>
              </table>
            </Scroll>
          </div>
        </>
      )}
    </>
  );
}
