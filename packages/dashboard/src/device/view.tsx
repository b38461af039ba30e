/** The device's page from top to bottom: invite, plan and consent, history, taking part, what left, what one relies on. */
import type { ReadonlySignal } from "@preact/signals";
import { useSignal } from "@preact/signals";
import { customerParagraph, explainPlan, type Plan } from "@tributary/protocol";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { formatBytes, formatDay, formatEpsilon, formatNumber, formatTime } from "../shared/format.ts";
import { language } from "../shared/language.ts";
import { Name } from "../shared/name.tsx";
import { RefusalNotice } from "../shared/notice.tsx";
import { Shell } from "../shared/shell.tsx";
import type { DeviceOnPage, DeviceStatus } from "./model.ts";
import { t } from "./words.ts";

interface PartProps {
  readonly device: DeviceOnPage;
  readonly status: DeviceStatus;
}

export function DeviceView({
  device,
  status,
}: {
  readonly device: DeviceOnPage;
  readonly status: ReadonlySignal<DeviceStatus>;
}) {
  const now = status.value;
  const { joined, notice } = now;
  return (
    <Shell title={t.title()}>
      <div class="device">
        <p class="lead">{t.lead()}</p>
        <div aria-live="polite">{notice !== null && <RefusalNotice refusal={notice} />}</div>
        {joined === null && <InvitePart device={device} status={now} />}
        {joined !== null && <PlanPart device={device} status={now} joined={joined} />}
        {now.consent !== null && <HistoryPart device={device} status={now} />}
        {now.history !== null && now.consent !== null && <TakingPart device={device} status={now} />}
        {joined !== null && <SentPart status={now} />}
        <Card title={t.trustTitle()}>
          <p class="plain">{t.trust()}</p>
        </Card>
      </div>
    </Shell>
  );
}

function Card({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <section class="card">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** What a press begins; what it is refused the device says itself. */
function Press({
  children,
  act,
  kind = "",
  disabled = false,
}: {
  readonly children: ComponentChildren;
  readonly act: () => Promise<unknown>;
  readonly kind?: string;
  readonly disabled?: boolean;
}) {
  const busy = useSignal(false);
  const press = async () => {
    busy.value = true;
    await act()
      .catch(() => undefined) // shown by the status
      .finally(() => {
        busy.value = false;
      });
  };
  return (
    <button type="button" class={kind} disabled={disabled || busy.value} onClick={() => void press()}>
      {children}
    </button>
  );
}

function InvitePart({ device }: PartProps) {
  const invite = useSignal("");
  return (
    <Card title={t.inviteTitle()}>
      <div class="field">
        <label for="invite">{t.invite()}</label>
        <textarea
          id="invite"
          autocomplete="off"
          spellcheck={false}
          value={invite.value}
          onInput={({ currentTarget }) => {
            invite.value = currentTarget.value;
          }}
        />
      </div>
      <Press kind="main" disabled={invite.value.trim() === ""} act={() => device.join(invite.value)}>
        {t.join()}
      </Press>
    </Card>
  );
}

/** Every sentence of it, made once somebody wants to read them: the accountant takes a moment. */
function WholePlan({ plan }: { readonly plan: Plan }) {
  const open = useSignal(false);
  return (
    <details
      onToggle={({ currentTarget }) => {
        open.value = currentTarget.open;
      }}
    >
      <summary>{t.whole()}</summary>
      {open.value && (
        <ul class="sentences" data-test="explained">
          {explainPlan(plan, language.value).map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
    </details>
  );
}

function PlanPart({
  device,
  status: { consent },
  joined,
}: PartProps & { readonly joined: NonNullable<DeviceStatus["joined"]> }) {
  const { plan, peers } = joined;
  const said = language.value;
  const changing = useSignal(consent === null);
  const limit = useSignal(String(consent?.maxEpsilon ?? plan.epsilon));
  const trusted = useSignal<readonly string[]>(consent?.trustedPeers ?? []);
  const known = new Set<string>(peers.map(({ fingerprint }) => fingerprint));
  const more = useSignal(trusted.value.filter((one) => !known.has(one)).join("\n"));
  const chosen = () => [
    ...trusted.value.filter((one) => known.has(one)),
    ...more.value.split(/[\n,;]/).flatMap((line) => line.trim() || []),
  ];
  const agree = async () => {
    await device.consent({ maxEpsilon: Number(limit.value), trustedPeers: chosen() });
    changing.value = false;
  };
  return (
    <Card title={t.planTitle()}>
      <p class="plain" lang={said === "zh" ? "zh-CN" : "en"}>
        {customerParagraph(plan, said)}
      </p>
      <dl class="facts">
        <dt>{t.cost()}</dt>
        <dd>{t.costText(formatEpsilon(Number(plan.epsilon), said), plan.delta)}</dd>
        <dt>{t.rounds()}</dt>
        <dd>{plan.releases.reduce((sum, { rounds }) => sum + rounds, 0)}</dd>
        <dt>{t.federation()}</dt>
        <dd>
          <Name>{joined.federation}</Name>
        </dd>
        <dt>{t.coordinator()}</dt>
        <dd>
          <bdi>{joined.url}</bdi>
          <br />
          <code>{joined.coordinatorFingerprint}</code>
        </dd>
        <dt>{t.you()}</dt>
        <dd>
          <Name>{joined.node}</Name>
        </dd>
        <dt>{t.ownFingerprint()}</dt>
        <dd>
          <code data-test="fingerprint">{joined.fingerprint}</code>
        </dd>
      </dl>
      <WholePlan plan={plan} />
      {!changing.value && (
        <p class="row">
          <span>{t.consented()}</span>
          <button
            type="button"
            onClick={() => {
              changing.value = true;
            }}
          >
            {t.change()}
          </button>
        </p>
      )}
      {changing.value && (
        <div>
          <div class="field">
            <label for="limit">{t.limit()}</label>
            <input
              id="limit"
              inputMode="decimal"
              value={limit.value}
              aria-describedby="limit-hint"
              onInput={({ currentTarget }) => {
                limit.value = currentTarget.value;
              }}
            />
            <small id="limit-hint">{t.limitHint()}</small>
          </div>
          <fieldset>
            <legend>{t.peers(joined.leastTrusted)}</legend>
            {peers.length === 0 && <p class="soft">{t.nobody()}</p>}
            {peers.map(({ node, fingerprint }) => (
              <label key={fingerprint} class="peer">
                <input
                  type="checkbox"
                  checked={trusted.value.includes(fingerprint)}
                  onChange={({ currentTarget }) => {
                    const others = trusted.value.filter((one) => one !== fingerprint);
                    trusted.value = currentTarget.checked ? [...others, fingerprint] : others;
                  }}
                />
                <span>
                  <Name>{node}</Name> <code>{fingerprint}</code>
                </span>
              </label>
            ))}
            <div class="field">
              <label for="more">{t.more()}</label>
              <textarea
                id="more"
                spellcheck={false}
                value={more.value}
                onInput={({ currentTarget }) => {
                  more.value = currentTarget.value;
                }}
              />
            </div>
          </fieldset>
          <Press kind="main" disabled={!(Number(limit.value) > 0)} act={agree}>
            {t.consent()}
          </Press>
        </div>
      )}
    </Card>
  );
}

function HistoryPart({ device, status: { history } }: PartProps) {
  const said = language.value;
  const read = async (file: File | undefined) => {
    if (file !== undefined) await device.giveText(await file.text()).catch(() => undefined); // shown by the status
  };
  return (
    <Card title={t.historyTitle()}>
      {history !== null && (
        <p data-test="history">
          {t.historyIs(
            formatNumber(history.events, said),
            formatNumber(history.items, said),
            formatDay(1000 * history.from, said),
            formatDay(1000 * history.to, said),
          )}
        </p>
      )}
      <p class="soft">{t.history()}</p>
      <div class="field">
        <label for="history">{t.chooseFile()}</label>
        <input
          id="history"
          type="file"
          accept=".json,.jsonl,.csv,application/json,text/csv"
          onChange={({ currentTarget }) => void read(currentTarget.files?.[0])}
        />
      </div>
    </Card>
  );
}

const phases: Readonly<Record<string, () => string>> = {
  keys: t.phaseKeys,
  reveal: t.phaseReveal,
  shares: t.phaseShares,
  masking: t.phaseMasking,
  masked: t.phaseMasked,
  voted: t.phaseVoted,
  unmasked: t.phaseUnmasked,
  left: t.phaseLeft,
};

function stateWords({ running, paused, connected, round }: DeviceStatus): string {
  if (running !== "running") return t[running]();
  if (!connected) return t.away();
  if (round !== null) return `${t.round(round.number)}: ${phases[round.phase]?.() ?? round.phase}`;
  return paused ? t.paused() : t.waiting();
}

function TakingPart({ device, status }: PartProps) {
  const { running, paused, epsilon, rounds } = status;
  const said = language.value;
  return (
    <Card title={t.partTitle()}>
      <dl class="facts">
        <dt>{t.state()}</dt>
        <dd>
          <span role="status" data-test="state" data-running={running} data-phase={status.round?.phase ?? ""}>
            {stateWords(status)}
          </span>
        </dd>
        <dt>{t.charged()}</dt>
        <dd class="num">{t.ofLimit(formatEpsilon(epsilon.spent, said), formatEpsilon(epsilon.limit, said))}</dd>
        <dt>{t.chargedRounds()}</dt>
        <dd class="num" data-test="charged" data-charged={rounds.charged}>
          {t.ofRounds(rounds.charged, rounds.most)}
        </dd>
      </dl>
      <div class="row">
        {running === "stopped" && (
          <Press kind="main" act={() => device.start()}>
            {t.start()}
          </Press>
        )}
        {running !== "ended" && !paused && running !== "stopped" && <Press act={() => device.pause()}>{t.pause()}</Press>}
        {paused && <Press act={() => device.resume()}>{t.resume()}</Press>}
        <Leave device={device} />
      </div>
    </Card>
  );
}

function Leave({ device }: { readonly device: DeviceOnPage }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const asked = useSignal(false);
  useEffect(() => {
    if (asked.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [asked.value]);
  return (
    <>
      <button
        type="button"
        class="danger"
        onClick={() => {
          asked.value = true;
        }}
      >
        {t.leave()}
      </button>
      <dialog
        ref={dialog}
        aria-label={t.leave()}
        onClose={() => {
          asked.value = false;
        }}
      >
        <p class="plain">{t.leaveSure()}</p>
        <div class="row">
          <Press kind="danger" act={() => device.leave()}>
            {t.leaveYes()}
          </Press>
          <button
            type="button"
            onClick={() => {
              asked.value = false;
            }}
          >
            {t.cancel()}
          </button>
        </div>
      </dialog>
    </>
  );
}

/** Rows of what left that are shown. */
const shownMessages = 8;

function SentPart({ status: { outgoing } }: { readonly status: DeviceStatus }) {
  const said = language.value;
  return (
    <Card title={t.sentTitle()}>
      {outgoing.length === 0 && <p class="soft">{t.sentNothing()}</p>}
      {outgoing.length > 0 && (
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th scope="col">{t.when()}</th>
                <th scope="col">{t.what()}</th>
                <th scope="col" class="end">
                  {t.bytes()}
                </th>
              </tr>
            </thead>
            <tbody>
              {outgoing
                .slice(-shownMessages)
                .reverse()
                .map(({ at, kind, round, bytes }, row) => (
                  <tr key={`${at} ${kind} ${row}`}>
                    <td>{formatTime(at, said)}</td>
                    <td>
                      {kind}
                      {round !== null && ` · ${t.round(round)}`}
                    </td>
                    <td class="end">{formatBytes(bytes, said)}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
