/** Who is in the federation and who is asked in: the roster with revocation, invites that are shown once. */
import { useSignal } from "@preact/signals";
import { formatHash, formatNumber, formatTime, shownName } from "../../shared/format.ts";
import { language, texts } from "../../shared/language.ts";
import { Name } from "../../shared/name.tsx";
import { RefusalNotice } from "../../shared/notice.tsx";
import { Refusal } from "../../shared/request.ts";
import { Scroll } from "../../shared/scroll.tsx";
import { VirtualTable } from "../../shared/virtual-table.tsx";
import { Action } from "../action.tsx";
import { type InviteRow, type Member, type Members as MembersAnswer, type NewInvite, useOperator } from "../api.ts";
import type { ViewProps } from "../app.tsx";
import { asOperator, mayDo } from "../session.ts";
import { ShownOnce } from "../shown-once.tsx";
import { common } from "../words.ts";

const t = texts({
  heading: { en: "Members", zh: "成员" },
  lead: {
    en: "Everybody who ever joined. A node proves who it is by its key; its fingerprint is what merchants compare.",
    zh: "所有曾加入的成员。节点以密钥证明身份；商家应核对其指纹。",
  },
  roster: { en: "Roster", zh: "名册" },
  member: { en: "member", zh: "成员" },
  pending: { en: "announced", zh: "已公告" },
  revoked: { en: "revoked", zh: "已撤销" },
  connected: { en: "connected", zh: "在线" },
  away: { en: "away", zh: "离线" },
  connection: { en: "Connection", zh: "连接" },
  from: { en: "From round", zh: "起始轮次" },
  key: { en: "Identity key", zh: "身份密钥" },
  nobody: { en: "Nobody has joined yet.", zh: "还没有成员加入。" },
  revoke: { en: "Revoke", zh: "撤销" },
  revokeNode: { en: "Revoke a node", zh: "撤销节点" },
  revokeDoes: {
    en: "The node takes part in no more rounds. What it learnt it keeps; what was spent stays spent.",
    zh: "该节点不再参与任何轮次。已学到的内容仍归它所有；已花费的预算不会返还。",
  },
  invites: { en: "Invites", zh: "邀请" },
  noInvites: { en: "No invite has been made.", zh: "还没有邀请。" },
  expires: { en: "Expires", zh: "过期时间" },
  used: { en: "used", zh: "已使用" },
  open: { en: "open", zh: "有效" },
  expired: { en: "expired", zh: "已过期" },
  invite: { en: "Invite a node", zh: "邀请节点" },
  inviteDoes: {
    en: "Whoever has the invite can join once, under this name. Send it on a way that you trust.",
    zh: "持有邀请者可以用此名称加入一次。请通过可信渠道发送。",
  },
  nodeName: { en: "The node's name: a–z, 0–9 and -", zh: "节点名称：a–z、0–9 和 -" },
  url: { en: "Where the node reaches this coordinator", zh: "节点访问此协调者的地址" },
  hours: { en: "Good for so many hours", zh: "有效小时数" },
  made: (node: string) => ({ en: `The invite for ${node}. It is shown this once.`, zh: `${node} 的邀请。只显示这一次。` }),
  requested: { en: "Noted: it is written as soon as no round is under way.", zh: "已记下：没有轮次进行时即写入账本。" },
});

export function Members({ status, refresh }: ViewProps) {
  const source = useOperator<MembersAnswer>("roster", 10_000);
  const noted = useSignal(false);
  const lang = language.value;
  const members = source.value.value?.members;
  const connected = new Set(status.connected);
  const done = () => {
    noted.value = true;
    refresh();
    void source.refresh();
  };
  return (
    <>
      <h2>{t.heading()}</h2>
      <p class="lead">{t.lead()}</p>
      <div role="status">{noted.value && <p class="banner good">{t.requested()}</p>}</div>
      <h3>{t.roster()}</h3>
      {members === undefined ? (
        <p role="status">{common.waitingForAnswer()}</p>
      ) : members.length === 0 ? (
        <p class="banner">{t.nobody()}</p>
      ) : (
        <VirtualTable<Member>
          label={t.roster()}
          count={members.length}
          row={(place) => members[place]}
          height="50vh"
          leastWidth={40}
          columns={[
            { id: "node", title: common.node(), width: "minmax(10rem, 1fr)", cell: ({ member }) => <Name>{member.node}</Name> },
            {
              id: "state",
              title: common.state(),
              width: "8rem",
              cell: ({ state }) => (
                <span class={state === "member" ? "chip good" : state === "revoked" ? "chip bad" : "chip"}>{t[state]()}</span>
              ),
            },
            {
              id: "there",
              title: t.connection(),
              width: "7rem",
              cell: ({ member }) => (connected.has(member.node) ? t.connected() : t.away()),
            },
            {
              id: "from",
              title: t.from(),
              width: "7rem",
              end: true,
              cell: ({ from }) => (from === null ? "–" : formatNumber(from, lang)),
            },
            {
              id: "key",
              title: t.key(),
              width: "9rem",
              cell: ({ member }) => <code title={member.key}>{formatHash(member.key)}</code>,
            },
          ]}
        />
      )}
      {mayDo("operator") && members !== undefined && members.length > 0 && (
        <p class="apart">
          <Revoke members={members} done={done} />
        </p>
      )}
      {mayDo("auditor") && <Invites done={done} />}
    </>
  );
}

function Revoke({ members, done }: { readonly members: readonly Member[]; done(): void }) {
  return (
    <Action
      label={t.revokeNode()}
      does={t.revokeDoes()}
      danger
      act={(form) =>
        asOperator("revoke", {
          method: "POST",
          body: { node: String(form.get("node")), reason: String(form.get("reason") ?? "") },
        })
      }
      done={done}
    >
      <label class="field">
        <span class="label">{common.node()}</span>
        <select name="node" required>
          {members
            .filter(({ state }) => state !== "revoked")
            .map(({ member: { node } }) => (
              <option key={node} value={node}>
                {shownName(node)}
              </option>
            ))}
        </select>
      </label>
    </Action>
  );
}

function Invites({ done }: { done(): void }) {
  const source = useOperator<InviteRow[]>("invites", 10_000);
  const made = useSignal<NewInvite | undefined>(undefined);
  const refusal = useSignal<Refusal | undefined>(undefined);
  const invites = source.value.value;
  const lang = language.value;
  const stateOf = ({ used, expires }: InviteRow) => (used ? "used" : Date.parse(expires) <= Date.now() ? "expired" : "open");

  async function revoke(id: string): Promise<void> {
    try {
      await asOperator(`invites/${id}`, { method: "DELETE" });
      refusal.value = undefined;
      await source.refresh();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusal.value = error;
    }
  }

  return (
    <>
      <h3 class="apart">{t.invites()}</h3>
      {refusal.value !== undefined && <RefusalNotice refusal={refusal.value} />}
      {made.value !== undefined && (
        <ShownOnce
          test="invite"
          title={t.made(shownName(made.value.node))}
          until={`${t.expires()}${common.colon()}${formatTime(made.value.expires, lang)}`}
          secret={made.value.invite}
          close={() => {
            made.value = undefined;
          }}
        />
      )}
      {invites === undefined ? (
        <p role="status">{common.waitingForAnswer()}</p>
      ) : invites.length === 0 ? (
        <p class="soft">{t.noInvites()}</p>
      ) : (
        <div class="card">
          <Scroll label={t.invites()}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{common.node()}</th>
                  <th scope="col">{common.state()}</th>
                  <th scope="col">{t.expires()}</th>
                  {mayDo("operator") && (
                    <th scope="col">
                      <span class="unseen">{t.revoke()}</span>
                    </th>
                  )}
                </tr>
              </thead>
              <tbody>
                {invites.map((invite) => (
                  <tr key={invite.id}>
                    <td>
                      <Name>{invite.node}</Name>
                    </td>
                    <td>
                      <span class={stateOf(invite) === "open" ? "chip good" : "chip"}>{t[stateOf(invite)]()}</span>
                    </td>
                    <td>{formatTime(invite.expires, lang)}</td>
                    {mayDo("operator") && (
                      <td>
                        {stateOf(invite) === "open" && (
                          <button type="button" class="danger" onClick={() => void revoke(invite.id)}>
                            {t.revoke()}
                          </button>
                        )}
                      </td>
                    )}
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        </div>
      )}
      {mayDo("operator") && (
        <p class="apart">
          <Action
            label={t.invite()}
            does={t.inviteDoes()}
            act={async (form) => {
              const text = (name: string) => String(form.get(name) ?? "").trim();
              const body = { node: text("node"), url: text("url"), hours: Number(text("hours")), reason: text("reason") };
              made.value = await asOperator<NewInvite>("invites", { method: "POST", body });
            }}
            done={() => {
              done();
              void source.refresh();
            }}
          >
            <label class="field">
              <span class="label">{t.nodeName()}</span>
              <input name="node" pattern="[a-z0-9][a-z0-9\-]*" maxLength={63} autoComplete="off" required />
            </label>
            <label class="field">
              <span class="label">{t.url()}</span>
              <input name="url" type="url" defaultValue={location.origin} required />
            </label>
            <label class="field">
              <span class="label">{t.hours()}</span>
              <input name="hours" type="number" min={1} max={8784} defaultValue="72" required />
            </label>
          </Action>
        </p>
      )}
    </>
  );
}
