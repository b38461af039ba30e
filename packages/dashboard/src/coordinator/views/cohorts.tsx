/** Who took part in which round, and who dropped out, from the ledger. */
import { useEffect, useMemo } from "preact/hooks";
import { formatNumber, formatPercent } from "../../shared/format.ts";
import { language, say, texts } from "../../shared/language.ts";
import { Name } from "../../shared/name.tsx";
import { VirtualTable } from "../../shared/virtual-table.tsx";
import type { ViewProps } from "../app.tsx";
import { turnout } from "../cohort-layout.ts";
import { ledgerLoaded, ledgerNodes, loadLedger, roundRows } from "../ledger/ledger.ts";
import { common } from "../words.ts";
import { CohortMap, partColours, partWords } from "./cohort-map.tsx";

const t = texts({
  heading: { en: "Cohorts", zh: "参与情况" },
  lead: {
    en: "Each column is a round, each row a node. Taking part is public; it says nothing about what a node's customers did.",
    zh: "每列一轮，每行一个节点。是否参与是公开的；它不透露节点顾客的任何行为。",
  },
  none: { en: "No round is in the ledger yet.", zh: "账本中还没有轮次。" },
  table: { en: "Nodes by rounds", zh: "节点参与统计" },
  summed: { en: "In the sum", zh: "计入总和" },
  lost: { en: "Dropped out", zh: "退出" },
  share: { en: "Kept", zh: "完成率" },
});

interface Turnout {
  readonly node: string;
  readonly summed: number;
  readonly lost: number;
}

export function Cohorts({ status }: ViewProps) {
  useEffect(() => loadLedger(status.ledger.entries), [status.ledger.entries]);
  const lang = language.value;
  const [rounds, nodes] = [roundRows.value, ledgerNodes.value];
  const lines = useMemo((): readonly Turnout[] => {
    const { summed, lost } = turnout(
      rounds.map(({ parts }) => parts),
      nodes.length,
    );
    return nodes.map((node, place) => ({ node, summed: summed[place] ?? 0, lost: lost[place] ?? 0 }));
  }, [rounds, nodes]);
  return (
    <>
      <h2>{t.heading()}</h2>
      <p class="lead">{t.lead()}</p>
      {!ledgerLoaded.value && rounds.length === 0 ? (
        <p role="status">{common.waitingForAnswer()}</p>
      ) : rounds.length === 0 ? (
        <p class="banner">{t.none()}</p>
      ) : (
        <>
          <CohortMap rows={rounds} nodes={nodes} />
          <ul class="legend keys">
            {partWords.map((text, value) => (
              <li key={partColours[value]}>
                <i style={{ background: `var(--${partColours[value]})` }} /> {say(text)}
              </li>
            ))}
          </ul>
          <h3 class="apart">{t.table()}</h3>
          <VirtualTable<Turnout>
            label={t.table()}
            count={lines.length}
            row={(place) => lines[place]}
            height="40vh"
            leastWidth={30}
            columns={[
              { id: "node", title: common.node(), width: "minmax(10rem, 1fr)", cell: ({ node }) => <Name>{node}</Name> },
              { id: "summed", title: t.summed(), width: "7rem", end: true, cell: ({ summed }) => formatNumber(summed, lang) },
              { id: "lost", title: t.lost(), width: "8rem", end: true, cell: ({ lost }) => formatNumber(lost, lang) },
              {
                id: "share",
                title: t.share(),
                width: "6rem",
                end: true,
                cell: ({ summed, lost }) => (summed + lost === 0 ? "–" : formatPercent(summed / (summed + lost), lang)),
              },
            ]}
          />
        </>
      )}
    </>
  );
}
