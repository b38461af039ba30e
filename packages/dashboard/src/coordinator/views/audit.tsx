/** What operators did, as the ledger has it, newest first, and what waits to be written. */
import { formatTime } from "../../shared/format.ts";
import { language, texts } from "../../shared/language.ts";
import { Name } from "../../shared/name.tsx";
import { VirtualTable } from "../../shared/virtual-table.tsx";
import { type AuditRow, useOperator } from "../api.ts";
import { actionWords, common } from "../words.ts";

const t = texts({
  heading: { en: "Audit log", zh: "审计日志" },
  lead: {
    en: "What operators did: each line is an entry of the ledger, or waits to be one.",
    zh: "操作员所做的事：每一行都是账本条目，或等待写入。",
  },
  entry: { en: "Entry", zh: "条目" },
  waits: { en: "waits", zh: "等待" },
  who: { en: "Who", zh: "谁" },
  what: { en: "What", zh: "操作" },
  subject: { en: "On", zh: "对象" },
});

export function Audit() {
  const lines = useOperator<AuditRow[]>("audit", 10_000).value.value;
  if (lines === undefined) return <p role="status">{common.waitingForAnswer()}</p>;
  const lang = language.value;
  return (
    <>
      <h2>{t.heading()}</h2>
      <p class="lead">{t.lead()}</p>
      <VirtualTable<AuditRow>
        label={t.heading()}
        count={lines.length}
        row={(place) => lines[lines.length - 1 - place]}
        leastWidth={50}
        columns={[
          { id: "entry", title: t.entry(), width: "5rem", end: true, cell: ({ entry }) => entry ?? t.waits() },
          { id: "when", title: common.when(), width: "17rem", cell: ({ done, at }) => formatTime(done ?? at ?? "", lang) },
          { id: "who", title: t.who(), width: "9rem", cell: ({ operator }) => <Name>{operator}</Name> },
          { id: "what", title: t.what(), width: "9rem", cell: ({ action }) => actionWords(action) },
          {
            id: "subject",
            title: t.subject(),
            width: "12rem",
            cell: ({ subject }) => (subject === null ? "" : <Name>{subject}</Name>),
          },
          { id: "reason", title: common.reason(), width: "1fr", cell: ({ reason }) => <bdi>{reason}</bdi> },
        ]}
      />
    </>
  );
}
