/** The ledger, entry by entry, and whether it holds: verified here, by the code of `tributary ledger verify`, in a thread of its own. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Coded } from "../../shared/coded.tsx";
import { formatBytes, formatDuration, formatEpsilon, formatHash, formatNumber, formatTime } from "../../shared/format.ts";
import { language, say, type Text, texts } from "../../shared/language.ts";
import { VirtualTable } from "../../shared/virtual-table.tsx";
import type { ViewProps } from "../app.tsx";
import {
  askEntry,
  entryText,
  ledgerBytes,
  ledgerLoaded,
  ledgerUnreachable,
  loadLedger,
  rows,
  stopVerifying,
  verification,
  verifyLedgerHere,
} from "../ledger/ledger.ts";
import type { LedgerRow } from "../ledger/words.ts";
import { common, kindWords } from "../words.ts";

const t = texts({
  heading: { en: "Ledger", zh: "账本" },
  lead: {
    en: "Every release is an entry, chained by hashes and signed by the coordinator and by the nodes that took part. It is verified in this browser, by the same code as `tributary ledger verify`; nothing that the coordinator says of it counts.",
    zh: "每次发布都是一个条目，以哈希相连，并由协调者和参与节点签名。它在此浏览器中验证，使用与 `tributary ledger verify` 相同的代码；协调者自己的说法不作数。",
  },
  verify: { en: "Verify", zh: "验证" },
  key: { en: "Coordinator's fingerprint", zh: "协调者指纹" },
  keyHint: {
    en: "64 hex digits that you got elsewhere, as from your invite. Without it the ledger can only be found consistent in itself.",
    zh: "从别处（例如邀请）获得的 64 位十六进制数。没有它，只能确认账本自身一致。",
  },
  head: { en: "Hash of the last entry", zh: "最后条目的哈希" },
  headHint: {
    en: "From another member: it shows that nothing is missing at the end.",
    zh: "来自其他成员：可证明末尾没有缺失。",
  },
  verifying: (percent: string) => ({ en: `Verifying: ${percent}`, zh: `正在验证：${percent}` }),
  pace: (rate: string, left: string) => ({
    en: `${rate} entries a second, ${left} left`,
    zh: `每秒 ${rate} 个条目，剩余 ${left}`,
  }),
  soFar: (n: string) => ({ en: `${n} entries so far don't hold.`, zh: `目前有 ${n} 个条目不成立。` }),
  stop: { en: "Stop", zh: "停止" },
  stopped: (entries: string, of: string) => ({
    en: `Stopped: ${entries} of ${of} entries were verified, and nothing is said of the ledger.`,
    zh: `已停止：验证了 ${of} 个条目中的 ${entries} 个，对账本整体不作结论。`,
  }),
  holds: { en: "Holds", zh: "成立" },
  yes: { en: "yes", zh: "是" },
  no: { en: "no", zh: "否" },
  fully: {
    en: "Verified: every entry holds, by the coordinator whose fingerprint you gave, and nothing is missing at the end.",
    zh: "已验证：每个条目都成立，出自您所给指纹的协调者，且末尾没有缺失。",
  },
  pinned: {
    en: "Every entry holds, by the coordinator whose fingerprint you gave. Whether entries are missing at the end only a hash from elsewhere can show.",
    zh: "每个条目都成立，出自您所给指纹的协调者。末尾是否缺失，只有来自别处的哈希才能证明。",
  },
  consistent: {
    en: "Consistent in itself: every entry holds. Whose ledger it is only a fingerprint from elsewhere can show.",
    zh: "自身一致：每个条目都成立。账本属于谁，只有来自别处的指纹才能证明。",
  },
  failed: (entry: string) => ({
    en: `It does not verify: entry ${entry} is the first that doesn't hold.`,
    zh: `验证失败：第 ${entry} 号条目是第一个不成立的。`,
  }),
  failures: (n: string) => ({ en: `${n} things don't hold.`, zh: `共 ${n} 处不成立。` }),
  took: (entries: string, time: string) => ({ en: `${entries} entries in ${time}.`, zh: `${entries} 个条目，用时 ${time}。` }),
  stale: (n: string) => ({ en: `${n} entries came since.`, zh: `此后新增 ${n} 个条目。` }),
  checked: { en: "What was checked", zh: "已检查的内容" },
  unchecked: { en: "What no file can show", zh: "任何文件都无法证明的内容" },
  unreachable: {
    en: "The ledger can't be fetched now; what is shown is what was.",
    zh: "目前无法获取账本；显示的是之前的内容。",
  },
  loading: (bytes: string) => ({ en: `Reading: ${bytes}`, zh: `正在读取：${bytes}` }),
  entries: (n: string, bytes: string) => ({ en: `${n} entries, ${bytes}`, zh: `${n} 个条目，${bytes}` }),
  empty: { en: "The ledger has not begun: it does with the first round's cohort.", zh: "账本尚未开始：第一批成员加入后开始。" },
  entry: { en: "Entry", zh: "条目" },
  kind: { en: "Kind", zh: "类型" },
  says: { en: "Says", zh: "内容" },
  size: { en: "Size", zh: "大小" },
  nodes: { en: "Nodes", zh: "节点" },
  chosen: (index: string) => ({ en: `Entry ${index}`, zh: `第 ${index} 号条目` }),
  hash: { en: "SHA-256 of its line", zh: "该行的 SHA-256" },
  download: { en: "Download ledger.jsonl", zh: "下载 ledger.jsonl" },
  jump: { en: "Go to entry", zh: "跳到条目" },
});

const kinds: Readonly<Record<string, Text>> = {
  genesis: { en: "beginning", zh: "创世" },
  round: { en: "round", zh: "轮次" },
  aborted: { en: "round given up", zh: "放弃的轮次" },
  roster: { en: "roster", zh: "名册" },
  operator: { en: "operator", zh: "操作员" },
  erasure: { en: "erasure", zh: "擦除" },
  promotion: { en: "promotion", zh: "推荐" },
  rollback: { en: "rollback", zh: "回滚" },
  closing: { en: "closing", zh: "结束" },
  unreadable: { en: "no entry", zh: "不是条目" },
};
const kindOf = (kind: string) => {
  const text = kinds[kind];
  return text === undefined ? kind : say(text);
};

const checks: readonly Text[] = [
  { en: "each entry's hash chain and bytes", zh: "每个条目的哈希链和字节" },
  { en: "signatures of the coordinator and of the nodes' votes and heads", zh: "协调者的签名，以及节点投票和账本头的签名" },
  { en: "quorums, cohorts and survivor sets against the roster", zh: "法定人数、参与者和幸存者与名册相符" },
  { en: "ε after every round, recomputed from the plan", zh: "每轮之后的 ε，按计划重新计算" },
  { en: "that no round's number or keys were used twice", zh: "轮次编号和密钥未被重复使用" },
];
/** In the order of `notVerifiable` of `@tributary/protocol`. */
const unchecked: readonly Text[] = [
  { en: "that each node added its noise", zh: "每个节点都加入了噪声" },
  { en: "that each node clipped its customers' vectors", zh: "每个节点都裁剪了顾客向量" },
  { en: "that sampling was secret", zh: "抽样是保密的" },
  { en: "that counts are honest", zh: "计数是诚实的" },
  { en: "that the catalogue is public", zh: "目录是公开的" },
  { en: "that no customer is known to more merchants than stated", zh: "没有顾客出现在超过所述数量的商家" },
  { en: "that tuning looked at no private data", zh: "调参没有查看私有数据" },
];

const none: ReadonlySet<number> = new Set();

export function LedgerView({ status, entry }: ViewProps & { readonly entry: string | undefined }) {
  const lang = language.value;
  const number = (value: number) => formatNumber(value, lang);
  const { entries } = status.ledger;
  useEffect(() => loadLedger(entries), [entries]);
  useEffect(() => {
    if (verification.value === undefined) verifyLedgerHere();
  }, []);
  const chosen = entry === undefined || !/^\d{1,9}$/.test(entry) ? undefined : Number(entry);
  const all = rows.value;
  const { entries: known = 0, failed = none } = verification.value ?? {};
  const holds = (index: number) => (failed.has(index) ? t.no() : index < known ? t.yes() : "");
  return (
    <>
      <h2>{t.heading()}</h2>
      <p class="lead">
        <Coded>{t.lead()}</Coded>
      </p>
      {ledgerUnreachable.value && <p class="banner warn">{t.unreachable()}</p>}
      <Verification />
      <p class="row apart">
        <span data-test="entries" role="status">
          {ledgerLoaded.value
            ? t.entries(number(all.length), formatBytes(ledgerBytes.value, lang))
            : t.loading(formatBytes(ledgerBytes.value, lang))}
        </span>
        <a href="/v1/ledger" download="ledger.jsonl">
          {t.download()}
        </a>
        {all.length > 0 && <Jump most={all.length - 1} />}
      </p>
      {ledgerLoaded.value && all.length === 0 && <p class="banner">{t.empty()}</p>}
      <VirtualTable<LedgerRow>
        label={t.heading()}
        count={all.length}
        row={(place) => all[place]}
        height="50vh"
        leastWidth={62}
        {...(chosen === undefined ? {} : { chosen })}
        onChoose={(place) =>
          history.replaceState(null, "", `#/ledger/${place}`) ?? dispatchEvent(new HashChangeEvent("hashchange"))
        }
        isBad={({ index }) => failed.has(index)}
        columns={[
          { id: "index", title: t.entry(), width: "5rem", end: true, cell: ({ index }) => number(index) },
          { id: "holds", title: t.holds(), width: "4rem", cell: ({ index }) => holds(index) },
          { id: "kind", title: t.kind(), width: "9rem", cell: ({ kind }) => kindOf(kind) },
          { id: "at", title: common.when(), width: "17rem", cell: ({ at }) => formatTime(at, lang) },
          { id: "says", title: t.says(), width: "minmax(12rem, 1fr)", cell: (row) => <Says row={row} /> },
          {
            id: "nodes",
            title: t.nodes(),
            width: "5.5rem",
            end: true,
            cell: ({ survivors, cohort }) =>
              cohort === undefined ? "" : survivors === undefined ? number(cohort) : `${number(survivors)} / ${number(cohort)}`,
          },
          {
            id: "epsilon",
            title: "ε",
            width: "5rem",
            end: true,
            cell: ({ epsilon }) => (epsilon === undefined ? "" : formatEpsilon(epsilon, lang)),
          },
          { id: "size", title: t.size(), width: "5.5rem", end: true, cell: ({ bytes }) => formatBytes(bytes, lang) },
        ]}
      />
      {chosen !== undefined && chosen < all.length && <Entry index={chosen} />}
    </>
  );
}

function Says({ row: { round, what, words } }: { readonly row: LedgerRow }) {
  const parts = [
    ...(round === undefined ? [] : [`${common.round()} ${formatNumber(round, language.value)}`]),
    ...(what === undefined ? [] : [kindWords(what)]),
    ...(words === undefined ? [] : [words]),
  ];
  return <bdi>{parts.join(" · ")}</bdi>;
}

function Jump({ most }: { readonly most: number }) {
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        const index = new FormData(event.currentTarget).get("index");
        location.hash = `#/ledger/${Number(index)}`;
      }}
    >
      <label class="row">
        {t.jump()} <input name="index" type="number" min={0} max={most} required />
      </label>
    </form>
  );
}

function Verification() {
  const form = useRef<HTMLFormElement>(null);
  const lang = language.value;
  const state = verification.value;
  const verdict = state?.verdict;
  const done = useSignal("");
  const text =
    verdict === undefined
      ? undefined
      : !verdict.verified
        ? t.failed(formatNumber(verdict.failures[0]?.entry ?? 0, lang))
        : verdict.fullyVerified
          ? t.fully()
          : verdict.trust === "pinned"
            ? t.pinned()
            : t.consistent();
  const since = verdict === undefined ? 0 : rows.value.length - verdict.entries;
  return (
    <section class="card" aria-label={t.verify()}>
      {state !== undefined && verdict === undefined && !state.stopped && (
        <div class="row">
          <label>
            {t.verifying(`${Math.floor((100 * state.entries) / Math.max(1, state.of))} %`)}{" "}
            <progress max={Math.max(1, state.of)} value={state.entries} />
          </label>
          <Pace state={state} />
          <button type="button" data-test="stop" onClick={stopVerifying}>
            {t.stop()}
          </button>
        </div>
      )}
      {verdict === undefined && state !== undefined && state.failed.size > 0 && (
        <p class="banner bad" data-test="so-far">
          {t.soFar(formatNumber(state.failed.size, lang))}
        </p>
      )}
      <div role="status" aria-live="polite">
        {state?.stopped && (
          <p class="banner warn" data-test="stopped">
            {t.stopped(formatNumber(state.entries, lang), formatNumber(rows.value.length, lang))}
          </p>
        )}
        {verdict !== undefined && (
          <div
            class={verdict.verified ? "banner good" : "banner bad"}
            data-test="verdict"
            data-verified={String(verdict.verified)}
          >
            <p>
              <strong>{text}</strong>
            </p>
            <p class="num">
              {t.took(formatNumber(verdict.entries, lang), formatDuration(state?.seconds ?? 0, lang))}{" "}
              {since > 0 && t.stale(formatNumber(since, lang))}
            </p>
            {!verdict.verified && (
              <>
                <p>{t.failures(formatNumber(verdict.failureCount, lang))}</p>
                <ul class="failures">
                  {verdict.failures.slice(0, 20).map(({ entry, code, message }, place) => (
                    <li key={place}>
                      <a href={`#/ledger/${entry}`}>{t.chosen(formatNumber(entry, lang))}</a>: <code>{code}</code>{" "}
                      <bdi lang="en">{message}</bdi>
                    </li>
                  ))}
                </ul>
              </>
            )}
          </div>
        )}
      </div>
      {verdict?.verified === true && (
        <div class="cards">
          <div>
            <h3>{t.checked()}</h3>
            <ul>
              {checks.map((check) => (
                <li key={check.en}>{say(check)}</li>
              ))}
            </ul>
          </div>
          <div>
            <h3>{t.unchecked()}</h3>
            <ul data-test="unchecked">
              {unchecked.map((what) => (
                <li key={what.en}>{say(what)}</li>
              ))}
            </ul>
          </div>
        </div>
      )}
      <form
        ref={form}
        class="pins"
        onSubmit={(event) => {
          event.preventDefault();
          const data = new FormData(event.currentTarget);
          const field = (name: string) => String(data.get(name) ?? "").trim();
          done.value = field("key");
          verifyLedgerHere({ key: field("key"), head: field("head") });
        }}
      >
        <label class="field">
          <span class="label">{t.key()}</span>
          <input name="key" class="mono" pattern="\s*[0-9a-fA-F]{64}\s*" autoComplete="off" spellcheck={false} />
          <small>{t.keyHint()}</small>
        </label>
        <label class="field">
          <span class="label">{t.head()}</span>
          <input name="head" class="mono" pattern="\s*[0-9a-fA-F]{64}\s*" autoComplete="off" spellcheck={false} />
          <small>{t.headHint()}</small>
        </label>
        <button type="submit" class="main">
          {t.verify()}
        </button>
      </form>
    </section>
  );
}

/** Below this many seconds a rate says nothing. */
const leastSeconds = 1;

function Pace({ state: { entries, of, seconds } }: { readonly state: NonNullable<typeof verification.value> }) {
  if (seconds < leastSeconds || entries === 0) return null;
  const rate = entries / seconds;
  return (
    <span class="num" data-test="pace">
      {t.pace(formatNumber(Math.round(rate), language.value), formatDuration((of - entries) / rate, language.value))}
    </span>
  );
}

function Entry({ index }: { readonly index: number }) {
  useEffect(() => askEntry(index), [index]);
  const shown = entryText.value;
  if (shown?.index !== index) return null;
  return (
    <section class="card apart" aria-label={t.chosen(String(index))}>
      <h3>{t.chosen(formatNumber(index, language.value))}</h3>
      <p>
        {t.hash()}: <code title={shown.hash}>{formatHash(shown.hash)}</code> <code class="unseen">{shown.hash}</code>
      </p>
      <pre class="entry" tabIndex={0}>
        {indented(shown.text)}
      </pre>
    </section>
  );
}

/** So many characters are shown of an entry, which may be of a thousand nodes. */
const mostShown = 40_000;

function indented(text: string): string {
  const whole = pretty(text);
  return whole.length > mostShown ? `${whole.slice(0, mostShown)}\n…` : whole;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch (_) {
    return text;
  }
}
