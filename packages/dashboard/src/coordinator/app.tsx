/** The coordinator's page: who looks at it, which view, and what all views stand on. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { shownName } from "../shared/format.ts";
import { texts } from "../shared/language.ts";
import { Name } from "../shared/name.tsx";
import { Refusal } from "../shared/request.ts";
import { Shell, view } from "../shared/shell.tsx";
import { type Status, useOperator } from "./api.ts";
import { Login } from "./login.tsx";
import { findWho, logOut, mayDo, who } from "./session.ts";
import { Account } from "./views/account.tsx";
import { Alerts } from "./views/alerts.tsx";
import { Audit } from "./views/audit.tsx";
import { Cohorts } from "./views/cohorts.tsx";
import { LedgerView } from "./views/ledger.tsx";
import { Members } from "./views/members.tsx";
import { Overview } from "./views/overview.tsx";
import { PlanView } from "./views/plan.tsx";
import { Privacy } from "./views/privacy.tsx";
import { Quality } from "./views/quality.tsx";
import { RoundView } from "./views/round.tsx";
import { common, roleWords } from "./words.ts";

const t = texts({
  title: { en: "Tributary coordinator", zh: "Tributary 协调者" },
  overview: { en: "Federations", zh: "联邦" },
  round: { en: "Live round", zh: "当前轮次" },
  privacy: { en: "Privacy", zh: "隐私" },
  quality: { en: "Accuracy", zh: "准确度" },
  cohorts: { en: "Cohorts", zh: "参与情况" },
  ledger: { en: "Ledger", zh: "账本" },
  plan: { en: "Plan", zh: "计划" },
  members: { en: "Members", zh: "成员" },
  alerts: { en: "Alerts", zh: "警报" },
  audit: { en: "Audit log", zh: "审计日志" },
  account: { en: "Account", zh: "账户" },
  logout: { en: "Log out", zh: "退出" },
});

export function App() {
  const failed = useSignal(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = () =>
      findWho().then(
        () => {
          failed.value = false;
        },
        (error: unknown) => {
          if (!(error instanceof Refusal)) throw error;
          failed.value = true;
          timer = setTimeout(ask, 2000);
        },
      );
    void ask();
    return () => clearTimeout(timer);
  }, []);
  if (who.value === undefined) {
    return (
      <Shell title={t.title()}>
        <p role="status" class={failed.value ? "banner bad" : "soft"}>
          {common.waitingForAnswer()}
        </p>
      </Shell>
    );
  }
  if (who.value === null) return <Login />;
  return <Inside />;
}

function Inside() {
  const source = useOperator<Status>("status", 2000);
  const status = source.value.value;
  const views = [
    { id: "overview", title: t.overview() },
    { id: "round", title: t.round() },
    { id: "privacy", title: t.privacy() },
    { id: "quality", title: t.quality() },
    { id: "cohorts", title: t.cohorts() },
    { id: "ledger", title: t.ledger() },
    { id: "plan", title: t.plan() },
    { id: "members", title: t.members() },
    ...(mayDo("auditor")
      ? [
          { id: "alerts", title: t.alerts() },
          { id: "audit", title: t.audit() },
        ]
      : []),
    { id: "account", title: t.account() },
  ];
  const title = status === undefined ? t.title() : shownName(status.federation);
  return (
    <Shell title={title} views={views} aside={<Whoever />}>
      {status === undefined ? (
        <p role="status">{common.waitingForAnswer()}</p>
      ) : (
        <View status={status} refresh={() => void source.refresh()} />
      )}
    </Shell>
  );
}

function Whoever() {
  const { value } = who;
  if (value == null) return null;
  return (
    <div class="row">
      <span class="soft">
        <Name>{value.name}</Name> · {roleWords(value.role)}
      </span>
      <button type="button" onClick={() => void logOut().catch(() => undefined)}>
        {t.logout()}
      </button>
    </div>
  );
}

export interface ViewProps {
  readonly status: Status;
  refresh(): void;
}

function View(props: ViewProps) {
  const [name, ...rest] = view.value.split("/");
  switch (name) {
    case "round":
      return <RoundView {...props} />;
    case "privacy":
      return <Privacy {...props} />;
    case "quality":
      return <Quality {...props} />;
    case "cohorts":
      return <Cohorts {...props} />;
    case "ledger":
      return <LedgerView {...props} entry={rest[0]} />;
    case "plan":
      return <PlanView {...props} />;
    case "members":
      return <Members {...props} />;
    case "alerts":
      return mayDo("auditor") ? <Alerts {...props} rule={rest[0]} /> : <Overview {...props} />;
    case "audit":
      return mayDo("auditor") ? <Audit /> : <Overview {...props} />;
    case "account":
      return <Account />;
    default:
      return <Overview {...props} />;
  }
}
