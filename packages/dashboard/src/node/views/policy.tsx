/** policy.json as a form, with what it would mean beside it. Nothing is saved until it is asked for. */

import { useSignal } from "@preact/signals";
import type { PagePolicy, PagePreview } from "@tributary/protocol";
import { useEffect, useRef } from "preact/hooks";
import { texts } from "../../shared/language.ts";
import { RefusalNotice } from "../../shared/notice.tsx";
import { Refusal } from "../../shared/request.ts";
import { epsilon, epsilonLeft, number, ProblemNotice, shownText, Waiting } from "../parts.tsx";
import { type Draft, draftOf, draftOfPlan, fieldAt, fieldsOf } from "../policy-draft.ts";
import { askNode, tellNode } from "../session.ts";
import { english, kindName, t } from "../words.ts";

const own = texts({
  heading: { en: "What this merchant permits", zh: "本商家允许什么" },
  lead: {
    en: "The node refuses whatever isn't permitted here, whatever a plan says. A running node reads it at the next offer. Beside the form stands what it would mean; nothing is saved until you save it.",
    zh: "无论计划怎么写，节点都会拒绝此处未允许的内容。运行中的节点在下一次邀约时读取。右侧显示其后果；点击保存前不会更改任何内容。",
  },
  budget: { en: "Budget", zh: "预算" },
  maxEpsilon: { en: "Most ε that rounds may cost", zh: "轮次最多花费的 ε" },
  ofPlan: (value: string) => ({ en: `the joined plan: ${value}`, zh: `所加入的计划：${value}` }),
  delta: { en: "Largest δ at which it is stated", zh: "所述 ε 的最大 δ" },
  periodDays: { en: "Limit of any so many days", zh: "以任意多少天为限" },
  empty: { en: "empty: for ever", zh: "留空：永久" },
  budgetFile: { en: "Budget file shared with other homes", zh: "与其他目录共享的预算文件" },
  emptyFile: { en: "empty: not shared; made where there is none", zh: "留空：不共享；不存在则创建" },
  rounds: { en: "Rounds", zh: "轮次" },
  minCohort: { en: "Fewest nodes in a round", zh: "每轮最少节点数" },
  permittedReleases: { en: "Kinds of release", zh: "发布类型" },
  permittedFamilies: { en: "Families of models", zh: "模型家族" },
  anyFamily: { en: "whichever the joined plan has", zh: "由所加入的计划决定" },
  trustedPeers: { en: "Peers whose key fingerprints you compared yourself", zh: "您亲自核对过密钥指纹的同伴" },
  onePerLine: { en: "one fingerprint a line; this node's own may be among them", zh: "每行一个指纹；可含本节点自己的" },
  acceptLogCatalogue: {
    en: "Accept a catalogue made from behaviour (demonstrations only)",
    zh: "接受由行为生成的商品目录（仅供演示）",
  },
  times: { en: "When", zh: "时间" },
  paused: { en: "Paused: answer no offers", zh: "暂停：不接受邀约" },
  until: { en: "until", zh: "直到" },
  untilNote: {
    en: "such as 2026-12-24T08:00:00Z; empty: until it is ended here",
    zh: "例如 2026-12-24T08:00:00Z；留空：直到在此结束",
  },
  reason: { en: "reason, for this node's log alone", zh: "原因（仅写入本节点日志）" },
  hours: { en: "Answer offers at certain hours only", zh: "仅在特定时段接受邀约" },
  from: { en: "from", zh: "从" },
  to: { en: "to", zh: "到" },
  timeZone: { en: "time zone", zh: "时区" },
  house: { en: "In-house", zh: "自有处理" },
  retentionDays: { en: "Days that an event is kept", zh: "事件保留天数" },
  emptyGood: { en: "empty: for good", zh: "留空：长期保留" },
  serveMode: { en: "What may serve", zh: "可用于服务的内容" },
  inHouse: { en: "own counts and tuning as well", zh: "也包括自有计数与调优" },
  releasedOnly: { en: "only what the federation released", zh: "仅联邦发布的内容" },
  minSupport: { en: "Fewest customers behind an exact own pair", zh: "自有商品对背后的最少顾客数" },
  save: { en: "Save", zh: "保存" },
  revert: { en: "Undo changes", zh: "撤销更改" },
  reload: { en: "Read the file again", zh: "重新读取文件" },
  saved: { en: "Saved. A running node obeys it from the next offer on.", zh: "已保存。运行中的节点自下一次邀约起遵守。" },
  unchanged: { en: "This is what stands in policy.json.", zh: "与 policy.json 一致。" },
  changed: { en: "Not saved yet.", zh: "尚未保存。" },
  meaning: { en: "What it would mean", zh: "后果预览" },
  offer: { en: "The next offer", zh: "下一次邀约" },
  accepted: { en: "accepted", zh: "接受" },
  refused: { en: "refused", zh: "拒绝" },
  spentAll: { en: "none left in the plan", zh: "计划中已无剩余" },
  roundsLeft: (fit: string, planned: string) => ({
    en: `${fit} of ${planned} rounds that are left fit`,
    zh: `剩余 ${planned} 轮中可参加 ${fit} 轮`,
  }),
  after: (value: string) => ({ en: `ε ${value} after the next one`, zh: `下一轮之后 ε ${value}` }),
  left: (left: string, limit: string) => ({ en: `ε ${left} of ${limit} left now`, zh: `当前剩余 ε ${left} / ${limit}` }),
  whole: (value: string) => ({ en: `All rounds that are left together: ε ${value}.`, zh: `全部剩余轮次合计：ε ${value}。` }),
  fits: { en: "That fits.", zh: "在上限之内。" },
  fitsNot: { en: "That doesn't fit: the node will leave before the plan ends.", zh: "超出上限：节点会在计划结束前退出。" },
  trust: (trusted: string, least: string) => ({
    en: `${trusted} members trusted, ${least} needed`,
    zh: `已信任 ${trusted} 个成员，需要 ${least} 个`,
  }),
  faulty: { en: "It can't be saved so:", zh: "无法保存：" },
  fileProblem: {
    en: "policy.json is no policy as it stands: no offers are answered. The form shows the joined plan's own numbers.",
    zh: "policy.json 不是有效策略：不会接受任何邀约。表单显示所加入计划的数值。",
  },
});

/** Milliseconds after the last change before the node is asked what it means. */
const pause = 350;

export function PolicyView() {
  const form = useSignal<PagePolicy | undefined>(undefined);
  const failure = useSignal<Refusal | undefined>(undefined);
  const load = async () => {
    try {
      form.value = await askNode<PagePolicy>("/api/policy");
      failure.value = undefined;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      failure.value = error;
    }
  };
  useEffect(() => void load(), []);
  return (
    <>
      <h2>{own.heading()}</h2>
      <p class="lead">{own.lead()}</p>
      {form.value === undefined ? (
        <Waiting failure={failure.value} />
      ) : (
        <PolicyForm
          key={form.value.stamp}
          form={form.value}
          saved={(next) => {
            form.value = next;
          }}
          reload={load}
        />
      )}
    </>
  );
}

interface FormProps {
  readonly form: PagePolicy;
  saved(next: PagePolicy): void;
  reload(): Promise<void>;
}

/** Remembered across the form's being filled anew. */
let savedStamp = "";

function PolicyForm({ form, saved, reload }: FormProps) {
  const first = form.policy === null ? draftOfPlan(form) : draftOf(form.policy, form.timeZone);
  const draft = useSignal(first);
  const preview = useSignal<PagePreview | undefined>(undefined);
  const failure = useSignal<Refusal | undefined>(undefined);
  const isSame = form.policy !== null && JSON.stringify(fieldsOf(draft.value)) === JSON.stringify(fieldsOf(first));
  const change = (part: Partial<Draft>) => {
    draft.value = { ...draft.value, ...part };
  };

  const asked = useRef(0);
  useEffect(() => {
    const mine = ++asked.current;
    const timer = setTimeout(
      async () => {
        try {
          const told = await tellNode<PagePreview>("/api/policy/preview", { policy: fieldsOf(draft.value) });
          if (mine !== asked.current) return; // somebody typed on
          preview.value = told;
          failure.value = undefined;
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          failure.value = error;
        }
      },
      preview.value === undefined ? 0 : pause,
    );
    return () => clearTimeout(timer);
  }, [draft.value]);

  const save = async () => {
    try {
      const next = await tellNode<PagePolicy>("/api/policy", { policy: fieldsOf(draft.value), stamp: form.stamp });
      savedStamp = next.stamp;
      saved(next);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      failure.value = error;
    }
  };

  const fault = preview.value?.fault ?? null;
  const faultField = fault === null ? undefined : fieldAt(fault.path);
  const faultAt = (field: keyof Draft) => (faultField === field ? shownText(fault?.problem.detail ?? "") : undefined);
  const text = (field: keyof Draft, label: string, options: Partial<Omit<TextProps, "label" | "value">> = {}) => (
    <TextField
      id={`policy-${field}`}
      label={label}
      value={String(draft.value[field])}
      change={(value) => change({ [field]: value })}
      fault={faultAt(field)}
      {...options}
    />
  );
  const check = (field: "paused" | "hours" | "acceptLogCatalogue", label: string) => (
    <label class="check">
      <input
        type="checkbox"
        checked={draft.value[field]}
        onChange={({ currentTarget }) => change({ [field]: currentTarget.checked })}
      />
      {label}
    </label>
  );
  const { hours, paused, permittedReleases, permittedFamilies, serveMode } = draft.value;
  return (
    <div class="two">
      <form
        data-test="policy"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {form.problem !== null && (
          <>
            <p class="bad">{own.fileProblem()}</p>
            <ProblemNotice problem={form.problem} />
          </>
        )}
        <fieldset>
          <legend>{own.budget()}</legend>
          {text("maxEpsilon", own.maxEpsilon(), { note: own.ofPlan(epsilon(form.plan.epsilon)), decimal: true })}
          {text("delta", own.delta(), { note: own.ofPlan(String(form.plan.delta)), decimal: true })}
          {text("periodDays", own.periodDays(), { note: own.empty() })}
          {text("budgetFile", own.budgetFile(), { note: own.emptyFile() })}
        </fieldset>
        <fieldset>
          <legend>{own.rounds()}</legend>
          {text("minCohort", own.minCohort(), { note: own.ofPlan(number(form.plan.minCohort)) })}
          <Choices
            label={own.permittedReleases()}
            names={form.kinds}
            name={kindName}
            chosen={permittedReleases}
            fault={faultAt("permittedReleases")}
            change={(next) => change({ permittedReleases: next })}
          />
          <Choices
            label={own.permittedFamilies()}
            names={form.families}
            name={(family) => family}
            chosen={permittedFamilies ?? []}
            fault={faultAt("permittedFamilies")}
            change={(next) => change({ permittedFamilies: next })}
            whole={{
              label: own.anyFamily(),
              on: permittedFamilies === null,
              change: (on) => change({ permittedFamilies: on ? null : [form.plan.family] }),
            }}
          />
          {text("trustedPeers", own.trustedPeers(), { note: own.onePerLine(), lines: 4 })}
          {check("acceptLogCatalogue", own.acceptLogCatalogue())}
        </fieldset>
        <fieldset>
          <legend>{own.times()}</legend>
          {check("paused", own.paused())}
          {paused && text("until", own.until(), { note: own.untilNote() })}
          {paused && text("reason", own.reason())}
          {check("hours", own.hours())}
          {hours && text("from", own.from(), { note: "22:00" })}
          {hours && text("to", own.to(), { note: "06:00" })}
          {hours && text("timeZone", own.timeZone(), { note: form.timeZone })}
        </fieldset>
        <fieldset>
          <legend>{own.house()}</legend>
          {text("retentionDays", own.retentionDays(), { note: own.emptyGood() })}
          <div class="field">
            <label for="policy-serveMode">{own.serveMode()}</label>
            <select
              id="policy-serveMode"
              value={serveMode}
              onChange={({ currentTarget }) => change({ serveMode: currentTarget.value })}
            >
              <option value="inHouse">{own.inHouse()}</option>
              <option value="releasedOnly">{own.releasedOnly()}</option>
            </select>
          </div>
          {text("minSupport", own.minSupport())}
        </fieldset>
        {failure.value !== undefined && (
          <div lang={english()}>
            <RefusalNotice refusal={failure.value} />
          </div>
        )}
        <div class="row">
          <button type="submit" class="main" disabled={isSame || fault !== null}>
            {own.save()}
          </button>
          <button type="button" disabled={isSame} onClick={() => (draft.value = first)}>
            {own.revert()}
          </button>
          {failure.value?.code === "TRB_PAGE_POLICY_CHANGED" && (
            <button type="button" onClick={() => void reload()}>
              {own.reload()}
            </button>
          )}
          <span role="status" data-test="saved">
            {isSame ? (
              savedStamp === form.stamp ? (
                <span class="good">{own.saved()}</span>
              ) : (
                <span class="soft">{own.unchanged()}</span>
              )
            ) : (
              own.changed()
            )}
          </span>
        </div>
      </form>
      <aside class="card sticky" aria-live="polite" data-test="preview">
        <h3>{own.meaning()}</h3>
        {preview.value === undefined ? <p class="soft">{t.loading()}</p> : <Preview preview={preview.value} />}
      </aside>
    </div>
  );
}

interface TextProps {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly note?: string;
  readonly fault?: string | undefined;
  readonly decimal?: boolean;
  readonly lines?: number;
  change(value: string): void;
}

function TextField({ id, label, value, note, fault, decimal, lines, change }: TextProps) {
  const described = [note === undefined ? "" : `${id}-note`, fault === undefined ? "" : `${id}-fault`].join(" ").trim();
  const given = {
    ...{ id, value },
    "aria-invalid": fault !== undefined,
    "aria-describedby": described === "" ? undefined : described,
  } as const;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {lines === undefined ? (
        <input
          {...given}
          inputMode={decimal === true ? "decimal" : undefined}
          autocomplete="off"
          onInput={({ currentTarget }) => change(currentTarget.value)}
        />
      ) : (
        <textarea
          {...given}
          rows={lines}
          spellcheck={false}
          class="mono"
          onInput={({ currentTarget }) => change(currentTarget.value)}
        />
      )}
      {note !== undefined && <small id={`${id}-note`}>{note}</small>}
      {fault !== undefined && (
        <small id={`${id}-fault`} class="fault" lang={english()}>
          {fault}
        </small>
      )}
    </div>
  );
}

function Choices({
  label,
  names,
  name,
  chosen,
  fault,
  change,
  whole,
}: {
  readonly label: string;
  readonly names: readonly string[];
  readonly chosen: readonly string[];
  readonly fault: string | undefined;
  /** One tick instead of all of them. */
  readonly whole?: { readonly label: string; readonly on: boolean; change(on: boolean): void };
  name(of: string): string;
  change(next: readonly string[]): void;
}) {
  return (
    <fieldset>
      <legend>{label}</legend>
      {whole !== undefined && (
        <label class="check">
          <input type="checkbox" checked={whole.on} onChange={({ currentTarget }) => whole.change(currentTarget.checked)} />
          {whole.label}
        </label>
      )}
      {whole?.on !== true &&
        names.map((one) => (
          <label class="check" key={one}>
            <input
              type="checkbox"
              checked={chosen.includes(one)}
              onChange={({ currentTarget }) =>
                change(names.filter((other) => (other === one ? currentTarget.checked : chosen.includes(other))))
              }
            />
            {name(one)}
          </label>
        ))}
      {fault !== undefined && <small class="bad">{fault}</small>}
    </fieldset>
  );
}

function Preview({ preview }: { readonly preview: PagePreview }) {
  const { fault, kinds, refusals, declined, planned, trust } = preview;
  if (fault !== null) {
    return (
      <>
        <p>{own.faulty()}</p>
        <p class="bad" lang={english()} data-test="fault">
          {shownText(fault.problem.detail)}
        </p>
        <code>{fault.problem.code}</code>
      </>
    );
  }
  return (
    <>
      <p>{own.left(epsilonLeft(preview.left), number(preview.limit))}</p>
      <h4>{own.offer()}</h4>
      {kinds.map(({ kind, accepted, refusal, affordable, planned: left, epsilonAfter }) => (
        <div key={kind} style={{ marginBottom: "8px" }} data-test={`offer-${kind}`}>
          <p>
            <strong>{kindName(kind)}</strong>{" "}
            <span class={accepted ? "chip good" : left === 0 ? "chip" : "chip bad"}>
              {accepted ? own.accepted() : left === 0 ? own.spentAll() : own.refused()}
            </span>
          </p>
          {refusal !== null && left > 0 && <ProblemNotice problem={refusal} quiet />}
          {left > 0 && (
            <p class="soft">
              {own.roundsLeft(number(affordable), number(left))}
              {epsilonAfter !== null && `; ${own.after(epsilon(epsilonAfter))}`}
            </p>
          )}
        </div>
      ))}
      <p>
        {own.whole(epsilon(planned.epsilon))}{" "}
        <span class={planned.fits ? "good" : "warn"}>{planned.fits ? own.fits() : own.fitsNot()}</span>
      </p>
      <p class={trust.trusted < trust.least ? "bad" : "soft"}>{own.trust(number(trust.trusted), number(trust.least))}</p>
      {[...refusals.slice(1), ...(declined === null || refusals.length === 0 ? [] : [declined])].map((problem) => (
        <ProblemNotice key={problem.code} problem={problem} quiet />
      ))}
    </>
  );
}
