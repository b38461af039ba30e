/** What fires now, with the runbook's words, and what `coordinator doctor` finds from within the server: the worst first. */
import { useEffect } from "preact/hooks";
import { Coded } from "../../shared/coded.tsx";
import { formatDuration, formatEpsilon, formatNumber } from "../../shared/format.ts";
import { type Language, language, say, texts } from "../../shared/language.ts";
import { RefusalNotice } from "../../shared/notice.tsx";
import { Scroll } from "../../shared/scroll.tsx";
import { adviceInChinese, checkName, foundInChinese } from "../alerts/findings.ts";
import { type Alert, alertsNow, needHistory, type RuleName, ruleNames } from "../alerts/rules.ts";
import { runbook } from "../alerts/runbook.ts";
import { type Finding, useOperator } from "../api.ts";
import type { ViewProps } from "../app.tsx";
import { common } from "../words.ts";

const t = texts({
  heading: { en: "Alerts", zh: "警报" },
  lead: {
    en: "What fires now, by the rules of alerts.yaml as far as they need no history, and what `tributary coordinator doctor` finds on this replica, looked at every half minute. The ledger is verified in its own view.",
    zh: "按 alerts.yaml 中无需历史数据的规则当前触发的警报，以及 `tributary coordinator doctor` 在此副本上的检查结果，每半分钟更新。账本在其自己的视图中验证。",
  },
  none: { en: "No alert fires.", zh: "没有触发的警报。" },
  fires: (n: string) => ({ en: `Alerts that fire now: ${n}`, zh: `当前触发的警报：${n}` }),
  runbookOf: { en: "What to do", zh: "处理方法" },
  checks: { en: "Checks", zh: "检查" },
  well: { en: "Nothing is wrong.", zh: "一切正常。" },
  some: (n: number) => ({ en: `${n} of these need somebody.`, zh: `其中 ${n} 项需要处理。` }),
  check: { en: "Check", zh: "检查项" },
  found: { en: "Found", zh: "结果" },
  ok: { en: "well", zh: "正常" },
  broken: { en: "broken", zh: "故障" },
  critical: { en: "critical", zh: "严重" },
  warning: { en: "warning", zh: "警告" },
  info: { en: "for information", zh: "提示" },
  runbook: { en: "Runbook", zh: "处理手册" },
  needsHistory: {
    en: "It takes a history to tell, so that it fires from Prometheus alone.",
    zh: "需要历史数据才能判断，因此只由 Prometheus 触发。",
  },
  stuck: (past: string) => ({ en: `Nothing was released for ${past}.`, zh: `已有 ${past}没有发布。` }),
  refused: (offers: string) => ({ en: `${offers} offers in a row were refused.`, zh: `连续 ${offers} 次邀约被拒绝。` }),
  tooFew: (there: string, least: string) => ({
    en: `${there} connected, and a round needs ${least}.`,
    zh: `在线 ${there} 个，一轮需要 ${least} 个。`,
  }),
  epsilon: (spent: string, limit: string) => ({
    en: `ε ${spent} of ${limit} is spent.`,
    zh: `ε 已用 ${spent}，上限 ${limit}。`,
  }),
  failing: (given: string, released: string) => ({
    en: `Within an hour: ${given} given up, ${released} released.`,
    zh: `一小时内：放弃 ${given} 轮，发布 ${released} 轮。`,
  }),
  byChecks: (names: string) => ({ en: `See below: ${names}.`, zh: `见下方检查：${names}。` }),
});

const order = { broken: 0, warning: 1, ok: 2 } as const;
const looks = { broken: "chip bad", warning: "chip warn", ok: "chip good", critical: "chip bad", info: "chip" } as const;

/** Where the runbook's entry stands: a view of this page, so that it is there when nothing else is. */
const entryLink = (rule: RuleName): string => `#/alerts/${rule}`;

export function Alerts({ status, rule }: Pick<ViewProps, "status"> & { readonly rule: string | undefined }) {
  const source = useOperator<Finding[]>("findings", 30_000);
  const failure = source.failure.value;
  const findings = source.value.value;
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
          <Firing alerts={alertsNow(status, findings, Date.now())} />
          <h3>{t.checks()}</h3>
          <Checks findings={findings} />
        </>
      )}
      <h3>{t.runbook()}</h3>
      <Runbook open={rule} />
    </>
  );
}

function Firing({ alerts }: { readonly alerts: readonly Alert[] }) {
  const lang = language.value;
  if (alerts.length === 0) {
    return (
      <p class="banner good" role="status" data-test="firing">
        {t.none()}
      </p>
    );
  }
  return (
    <section class="card apart" data-test="firing">
      <h3>{t.fires(formatNumber(alerts.length, lang))}</h3>
      <ul class="alerts">
        {alerts.map((alert) => (
          <li key={alert.rule} data-rule={alert.rule}>
            <span class={looks[alert.severity]}>{t[alert.severity]()}</span> <strong>{say(runbook[alert.rule].title)}</strong>{" "}
            {figuresOf(alert, lang)}{" "}
            <a href={entryLink(alert.rule)}>
              {t.runbookOf()}
              <span class="unseen"> {say(runbook[alert.rule].title)}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

function figuresOf({ rule, figures: [first = 0, second = 0], checks }: Alert, lang: Language): string {
  const number = (value: number) => formatNumber(value, lang);
  switch (rule) {
    case "FederationStuck":
      return t.stuck(formatDuration(first, lang));
    case "OffersRefused":
      return t.refused(number(first));
    case "TooFewNodes":
      return t.tooFew(number(first), number(second));
    case "EpsilonNearLimit":
      return t.epsilon(formatEpsilon(first, lang), formatEpsilon(second, lang));
    case "RoundsFailing":
      return t.failing(number(first), number(second));
    default:
      return t.byChecks(checks.map(checkName).join(lang === "zh" ? "、" : ", "));
  }
}

/** A text of the server: said again in Chinese where its words are known, marked as English where not. */
function Told({ words, chinese }: { readonly words: string; readonly chinese: string | undefined }) {
  if (language.value === "en") return <Coded>{words}</Coded>;
  return chinese === undefined ? (
    <span lang="en">
      <Coded>{words}</Coded>
    </span>
  ) : (
    <Coded>{chinese}</Coded>
  );
}

function Checks({ findings }: { readonly findings: readonly Finding[] }) {
  const bad = findings.filter(({ state }) => state !== "ok").length;
  return (
    <>
      <p class={bad === 0 ? "banner good" : "banner warn"} role="status" data-test="alerts">
        {bad === 0 ? t.well() : t.some(bad)}
      </p>
      <div class="card">
        <Scroll label={t.checks()}>
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
                    <td class="narrow">{checkName(name)}</td>
                    <td>
                      <span class={looks[state]}>{t[state]()}</span>
                    </td>
                    <td class="wordy">
                      <Told words={found} chinese={foundInChinese(found)} />
                      {advice !== null && (
                        <>
                          <br />
                          <span class="soft">
                            <Told words={advice} chinese={adviceInChinese(advice)} />
                          </span>
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
  );
}

function Runbook({ open }: { readonly open: string | undefined }) {
  useEffect(() => {
    if (open === undefined) return;
    const entry = document.getElementById(`runbook-${open}`);
    entry?.scrollIntoView({ block: "nearest" });
    entry?.querySelector("summary")?.focus();
  }, [open]);
  return (
    <div class="card">
      {ruleNames.map((rule) => (
        <details key={rule} id={`runbook-${rule}`} class="entry-of-runbook" open={rule === open}>
          <summary>
            <strong>{say(runbook[rule].title)}</strong> <code class="soft">Tributary{rule}</code>
          </summary>
          <p>
            <Coded>{say(runbook[rule].words)}</Coded>
          </p>
          {needHistory.includes(rule) && <p class="soft">{t.needsHistory()}</p>}
        </details>
      ))}
    </div>
  );
}
