/** What leaves this machine, in plain words, with what has left indeed; and what doesn't. */
import type { PageLeaving, PageOverview } from "@tributary/protocol";
import { formatBytes, formatTime } from "../../shared/format.ts";
import { language, texts } from "../../shared/language.ts";
import { VirtualTable } from "../../shared/virtual-table.tsx";
import { number, shownText, Waiting } from "../parts.tsx";
import { useLive } from "../use-live.ts";
import { kindName, messageWords, t } from "../words.ts";

const own = texts({
  heading: { en: "What leaves this machine", zh: "什么会离开这台机器" },
  plan: { en: "For your customers", zh: "对您的顾客而言" },
  uploads: { en: "What one upload of each kind is", zh: "每种上传的内容" },
  numbers: { en: "numbers", zh: "数值个数" },
  size: { en: "size", zh: "大小" },
  noise: { en: "noise, in sensitivities", zh: "噪声（以敏感度计）" },
  sampled: { en: "share of customers", zh: "参与顾客比例" },
  messages: { en: "The last messages that have left", zh: "最近离开的消息" },
  messagesLead: {
    en: "Noted by the running node just before they go: size and SHA-256 of exactly the bytes. The newest come first.",
    zh: "由运行中的节点在发送前记录：准确字节的大小与 SHA-256。最新的在最前面。",
  },
  noMessages: { en: "None yet: the node notes them once it runs.", zh: "暂无：节点运行后才会记录。" },
  message: { en: "message", zh: "消息" },
  hash: { en: "SHA-256", zh: "SHA-256" },
  totals: { en: "What each kind of message is", zh: "各类消息是什么" },
  count: { en: "messages noted", zh: "已记录条数" },
  total: { en: "together", zh: "合计" },
  stays: { en: "What never leaves", zh: "永不离开的内容" },
  stay1: {
    en: "Events, histories and customers' ids: they are encrypted in the store, under pseudonyms.",
    zh: "事件、历史与顾客编号：以化名加密保存在存储中。",
  },
  stay2: { en: "Sums without noise, and anything of one customer alone.", zh: "未加噪的总和，以及任何单个顾客的内容。" },
  stay3: {
    en: "Who was sampled, how many customers there are, and how long training took.",
    zh: "谁被抽样、有多少顾客、训练用了多久。",
  },
  stay4: {
    en: "Models tuned or personalised in-house, the value report, and every prediction.",
    zh: "自行调优或个性化的模型、价值报告和所有预测。",
  },
  stay5: {
    en: "Secret keys, and this node's policy and limits: of a refusal only its code is told.",
    zh: "私钥，以及本节点的策略和上限：拒绝时只告知代码。",
  },
  alsoJoin: {
    en: "Beside these: joining sent this node's name and public key once; acknowledgements say that a message has come; and public files (plan, ledger, models) are fetched, which tells the coordinator the address of this machine.",
    zh: "此外：加入时发送过一次本节点名称与公钥；收到消息时会回执；获取公开文件（计划、账本、模型）会让协调者知道本机地址。",
  },
  whole: { en: "The whole plan in words", zh: "完整计划说明" },
});

export function LeavingView({ overview }: { readonly overview: PageOverview }) {
  const stamp = `${overview.spendingStamp} ${overview.round?.number ?? 0} ${overview.round?.phase ?? ""} ${overview.ledger.entries}`;
  const asked = useLive<PageLeaving>("/api/leaving", 10_000, stamp);
  const told = asked.value.value;
  return (
    <>
      <h2>{own.heading()}</h2>
      {told === undefined ? <Waiting failure={asked.failure.value} /> : <Leaving told={told} />}
    </>
  );
}

function Leaving({ told }: { readonly told: PageLeaving }) {
  const { messages, totals, uploads } = told;
  return (
    <>
      <div class="cards">
        <section class="card wide">
          <h3>{own.plan()}</h3>
          <p data-test="paragraph">{shownText(told.paragraph[language.value])}</p>
        </section>
        <section class="card wide">
          <h3>{own.stays()}</h3>
          <ul class="plain">
            {[own.stay1(), own.stay2(), own.stay3(), own.stay4(), own.stay5()].map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </section>
        <section class="card wide">
          <h3>{own.uploads()}</h3>
          <div class="scroll" tabIndex={0} role="region" aria-label={own.uploads()}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{t.kind()}</th>
                  <th scope="col" class="end">
                    {t.rounds()}
                  </th>
                  <th scope="col" class="end">
                    {own.numbers()}
                  </th>
                  <th scope="col" class="end">
                    {own.size()}
                  </th>
                  <th scope="col" class="end">
                    {own.noise()}
                  </th>
                  <th scope="col" class="end">
                    {own.sampled()}
                  </th>
                </tr>
              </thead>
              <tbody>
                {uploads.map(({ kind, rounds, coordinates, bits, bytes, noise, samplingRate }, place) => (
                  <tr key={place}>
                    <th scope="row">{kindName(kind)}</th>
                    <td class="end">{number(rounds)}</td>
                    <td class="end">
                      {number(coordinates)} × {bits} bit
                    </td>
                    <td class="end">{formatBytes(bytes, language.value)}</td>
                    <td class="end">{number(Number(noise.multiplier))}</td>
                    <td class="end">{number(Number(samplingRate))}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      </div>
      <h3>{own.messages()}</h3>
      <p class="lead">{own.messagesLead()}</p>
      {messages.length === 0 ? (
        <p>{own.noMessages()}</p>
      ) : (
        <div data-test="messages">
          <VirtualTable
            label={own.messages()}
            count={messages.length}
            row={(place) => messages[place]}
            height="40vh"
            leastWidth={78}
            columns={[
              { id: "at", title: t.when(), width: "17rem", cell: ({ at }) => formatTime(at, language.value) },
              { id: "kind", title: own.message(), width: "8rem", cell: ({ kind }) => <code>{kind}</code> },
              {
                id: "round",
                title: t.round(),
                width: "4rem",
                end: true,
                cell: ({ round }) => (round === null ? "–" : number(round)),
              },
              {
                id: "bytes",
                title: own.size(),
                width: "6rem",
                end: true,
                cell: ({ bytes }) => formatBytes(bytes, language.value),
              },
              { id: "hash", title: own.hash(), width: "1fr", cell: ({ sha256 }) => <code>{sha256}</code> },
            ]}
          />
        </div>
      )}
      {totals.length > 0 && (
        <section class="card" style={{ marginTop: "14px" }}>
          <h3>{own.totals()}</h3>
          <div class="scroll" tabIndex={0} role="region" aria-label={own.totals()}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{own.message()}</th>
                  <th scope="col" class="end">
                    {own.count()}
                  </th>
                  <th scope="col" class="end">
                    {own.total()}
                  </th>
                  <th scope="col" />
                </tr>
              </thead>
              <tbody>
                {totals.map(({ kind, messages: many, bytes }) => (
                  <tr key={kind}>
                    <th scope="row">
                      <code>{kind}</code>
                    </th>
                    <td class="end">{number(many)}</td>
                    <td class="end">{formatBytes(bytes, language.value)}</td>
                    <td>{messageWords(kind)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <p class="soft">{own.alsoJoin()}</p>
        </section>
      )}
      <details style={{ marginTop: "14px" }}>
        <summary>{own.whole()}</summary>
        <ul class="plain sentences" data-test="explained">
          {told.plan[language.value].map((line, place) => (
            <li key={place}>{shownText(line)}</li>
          ))}
        </ul>
      </details>
    </>
  );
}
