/** Views by name, and what stands in their place while nobody is let in. */
import type { PageOverview } from "@tributary/protocol";
import { shownName } from "../shared/format.ts";
import { texts } from "../shared/language.ts";
import { RefusalNotice } from "../shared/notice.tsx";
import { Shell, view } from "../shared/shell.tsx";
import { Command, ProblemNotice, Waiting } from "./parts.tsx";
import { session } from "./session.ts";
import { useLive } from "./use-live.ts";
import { BudgetView } from "./views/budget.tsx";
import { ExplorerView } from "./views/explorer.tsx";
import { LeavingView } from "./views/leaving.tsx";
import { OverviewView } from "./views/overview.tsx";
import { PolicyView } from "./views/policy.tsx";
import { QualityView } from "./views/quality.tsx";
import { ValueView } from "./views/value.tsx";
import { english, t } from "./words.ts";

const own = texts({
  title: { en: "Tributary node", zh: "Tributary 节点" },
  overview: { en: "Overview", zh: "概览" },
  quality: { en: "Data", zh: "数据" },
  budget: { en: "Budget", zh: "预算" },
  leaving: { en: "What leaves", zh: "什么会离开" },
  policy: { en: "Policy", zh: "策略" },
  value: { en: "Value", zh: "价值" },
  predictions: { en: "Predictions", zh: "预测" },
  wayIn: { en: "This browser isn't let in", zh: "此浏览器尚未获准" },
  open: {
    en: "The page is open to whoever has the link that the command printed last. If the command has ended, start it again:",
    zh: "只有持有命令最后打印的链接的人才能打开此页。若命令已结束，请重新启动：",
  },
  noFederation: { en: "This home has joined no federation yet", zh: "此目录尚未加入任何联邦" },
  join: {
    en: "Get an invite from the platform, compare the fingerprints, and join; then import the shop's log.",
    zh: "向平台索取邀请，核对指纹后加入；然后导入商店日志。",
  },
});

const viewNames = ["overview", "quality", "budget", "leaving", "policy", "value", "predictions"] as const;

export function NodePage() {
  if (session.value === "open") return <Views />;
  return (
    <Shell title={own.title()}>
      {session.value === "opening" ? (
        <p class="soft">{t.loading()}</p>
      ) : (
        <>
          <h2>{own.wayIn()}</h2>
          <p class="lead">{own.open()}</p>
          <Command>tributary node page --home SHOP</Command>
          <div lang={english()}>
            <RefusalNotice refusal={session.value} />
          </div>
        </>
      )}
    </Shell>
  );
}

function Views() {
  const overview = useLive<PageOverview>("/api/overview", 2500);
  const known = overview.value.value;
  const member = known?.member ?? null;
  const title = member === null ? own.title() : `${shownName(member.node)} · ${shownName(member.federation)}`;
  return (
    <Shell title={title} views={viewNames.map((id) => ({ id, title: own[id]() }))}>
      {known === undefined ? <Waiting failure={overview.failure.value} /> : <View overview={known} />}
    </Shell>
  );
}

function View({ overview }: { readonly overview: PageOverview }) {
  if (overview.member === null) {
    return (
      <>
        <h2>{own.noFederation()}</h2>
        <p class="lead">{own.join()}</p>
        <Command>{"tributary node join INVITE --home SHOP\ntributary node import shop-log.csv --home SHOP"}</Command>
        {overview.problem !== null && <ProblemNotice problem={overview.problem} />}
      </>
    );
  }
  switch (view.value.split("/")[0]) {
    case "quality":
      return <QualityView overview={overview} />;
    case "budget":
      return <BudgetView overview={overview} />;
    case "leaving":
      return <LeavingView overview={overview} />;
    case "policy":
      return <PolicyView />;
    case "value":
      return <ValueView overview={overview} />;
    case "predictions":
      return <ExplorerView overview={overview} />;
    default:
      return <OverviewView overview={overview} />;
  }
}
