/** One's own account: its password, and tokens for programs, which are shown once; auditors see everybody's, and who has an account. */
import { useSignal } from "@preact/signals";
import { Coded } from "../../shared/coded.tsx";
import { formatTime, shownName } from "../../shared/format.ts";
import { language, texts } from "../../shared/language.ts";
import { Name } from "../../shared/name.tsx";
import { RefusalNotice } from "../../shared/notice.tsx";
import { Scroll } from "../../shared/scroll.tsx";
import { Action } from "../action.tsx";
import { type AccountRow, type NewToken, type TokenRow, useOperator } from "../api.ts";
import { asOperator, changePassword, grantable, mayDo, who } from "../session.ts";
import { ShownOnce } from "../shown-once.tsx";
import { common, roleWords } from "../words.ts";

const t = texts({
  heading: { en: "Account", zh: "账户" },
  lead: {
    en: "Who you are here, and what programs may do in your name.",
    zh: "您在此处的身份，以及程序可以用您的名义做什么。",
  },
  you: { en: "You", zh: "您" },
  name: { en: "Name", zh: "名称" },
  role: { en: "Role", zh: "角色" },
  viewer: { en: "Sees where the federation stands.", zh: "可查看联邦的状况。" },
  auditor: { en: "Sees also alerts, the audit log, accounts and invites.", zh: "还可查看警报、审计日志、账户和邀请。" },
  operator: { en: "May also change what the federation does.", zh: "还可改变联邦的运行。" },
  password: { en: "Change password", zh: "修改密码" },
  passwordDoes: {
    en: "Ends all your sessions, this one as well; your tokens go on. The ledger says that it was changed.",
    zh: "将结束您的所有会话，包括当前会话；令牌继续有效。账本会记录此次修改。",
  },
  current: { en: "Password as it is", zh: "当前密码" },
  next: { en: "New password, at least 12 characters", zh: "新密码，至少 12 个字符" },
  again: { en: "New password, once more", zh: "再次输入新密码" },
  differ: { en: "The two are not the same.", zh: "两次输入不一致。" },
  tokens: { en: "Tokens", zh: "令牌" },
  tokensLead: {
    en: "A token stands for you where a program asks: `tributary coordinator status --url … --token-file …`. It can do no more than your account, and ends with it.",
    zh: "程序用令牌代表您：`tributary coordinator status --url … --token-file …`。它的权限不超过您的账户，并随账户失效。",
  },
  noTokens: { en: "There is no token.", zh: "还没有令牌。" },
  id: { en: "Identifier", zh: "标识" },
  owner: { en: "Whose", zh: "所有者" },
  server: { en: "made on the server", zh: "在服务器上创建" },
  used: { en: "Last used", zh: "上次使用" },
  never: { en: "never", zh: "从未" },
  expires: { en: "Expires", zh: "过期时间" },
  revoke: { en: "Revoke", zh: "撤销" },
  revokeDoes: (name: string) => ({
    en: `Whatever uses the token ${name} is refused from now on.`,
    zh: `使用令牌 ${name} 的程序从现在起会被拒绝。`,
  }),
  make: { en: "Make a token", zh: "创建令牌" },
  makeDoes: {
    en: "It is shown this once. Keep it in a file that only the program may read.",
    zh: "只显示这一次。请保存在只有该程序可读的文件中。",
  },
  tokenName: { en: "What it is for: a–z, 0–9 and -", zh: "用途：a–z、0–9 和 -" },
  days: { en: "Good for so many days", zh: "有效天数" },
  made: (name: string) => ({ en: `The token ${name}. It is shown this once.`, zh: `令牌 ${name}。只显示这一次。` }),
  accounts: { en: "Accounts", zh: "账户列表" },
  accountsLead: {
    en: "They are made, changed and removed on the coordinator's machine: `tributary coordinator operator`.",
    zh: "账户在协调者的机器上创建、修改和删除：`tributary coordinator operator`。",
  },
  since: { en: "Since", zh: "创建时间" },
});

export function Account() {
  const { value } = who;
  if (value == null) return null;
  return (
    <>
      <h2>{t.heading()}</h2>
      <p class="lead">{t.lead()}</p>
      <section class="card">
        <h3>{t.you()}</h3>
        <dl class="facts">
          <dt>{t.name()}</dt>
          <dd>
            <Name>{value.name}</Name>
          </dd>
          <dt>{t.role()}</dt>
          <dd>
            {roleWords(value.role)} <span class="soft">{t[value.role]()}</span>
          </dd>
        </dl>
        <p class="apart">
          <Password name={value.name} />
        </p>
      </section>
      <Tokens />
      {mayDo("auditor") && <Accounts />}
    </>
  );
}

function Password({ name }: { readonly name: string }) {
  const differ = (form: HTMLFormElement | null) => {
    const field = (of: string) => form?.elements.namedItem(of);
    const [next, again] = [field("next"), field("again")];
    if (!(next instanceof HTMLInputElement) || !(again instanceof HTMLInputElement)) return;
    again.setCustomValidity(again.value === "" || again.value === next.value ? "" : t.differ());
  };
  return (
    <Action
      label={t.password()}
      does={t.passwordDoes()}
      act={(form) => {
        const text = (of: string) => String(form.get(of) ?? "");
        return changePassword({ current: text("current"), next: text("next"), reason: text("reason") });
      }}
    >
      <input type="hidden" name="username" autoComplete="username" value={name} />
      <label class="field">
        <span class="label">{t.current()}</span>
        <input name="current" type="password" autoComplete="current-password" maxLength={256} required />
      </label>
      {(["next", "again"] as const).map((field) => (
        <label key={field} class="field">
          <span class="label">{t[field]()}</span>
          <input
            name={field}
            type="password"
            autoComplete="new-password"
            minLength={12}
            maxLength={256}
            required
            onInput={({ currentTarget }) => differ(currentTarget.form)}
          />
        </label>
      ))}
    </Action>
  );
}

function Tokens() {
  const source = useOperator<TokenRow[]>("tokens", 10_000);
  const made = useSignal<NewToken | undefined>(undefined);
  const tokens = source.value.value;
  const failure = source.failure.value;
  const lang = language.value;
  const refresh = () => void source.refresh();
  const mayRevoke = ({ operator }: TokenRow) => mayDo("operator") || operator === who.value?.name;
  return (
    <section class="card apart">
      <h3>{t.tokens()}</h3>
      <p class="lead">
        <Coded>{t.tokensLead()}</Coded>
      </p>
      {failure !== undefined && failure.status !== 0 && <RefusalNotice refusal={failure} />}
      {made.value !== undefined && (
        <ShownOnce
          test="token"
          title={t.made(shownName(made.value.name))}
          until={`${t.expires()}${common.colon()}${formatTime(made.value.expires, lang)}`}
          secret={made.value.token}
          close={() => {
            made.value = undefined;
          }}
        />
      )}
      {tokens === undefined ? (
        <p role="status">{common.waitingForAnswer()}</p>
      ) : tokens.length === 0 ? (
        <p class="soft">{t.noTokens()}</p>
      ) : (
        <Scroll label={t.tokens()}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t.name()}</th>
                <th scope="col">{t.id()}</th>
                <th scope="col">{t.role()}</th>
                {mayDo("auditor") && <th scope="col">{t.owner()}</th>}
                <th scope="col">{t.used()}</th>
                <th scope="col">{t.expires()}</th>
                <th scope="col">
                  <span class="unseen">{t.revoke()}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {tokens.map((token) => (
                <tr key={token.id}>
                  <td>
                    <Name>{token.name}</Name>
                  </td>
                  <td class="whole">
                    <code>{token.id}</code>
                  </td>
                  <td class="whole">{roleWords(token.role)}</td>
                  {mayDo("auditor") && (
                    <td>{token.operator === null ? <span class="soft">{t.server()}</span> : <Name>{token.operator}</Name>}</td>
                  )}
                  <td class="whole">{token.used === null ? t.never() : formatTime(token.used, lang)}</td>
                  <td class="whole">{formatTime(token.expires, lang)}</td>
                  <td>
                    {mayRevoke(token) && (
                      <Action
                        label={t.revoke()}
                        does={t.revokeDoes(shownName(token.name))}
                        danger
                        reasoned={false}
                        act={() => asOperator(`tokens/${token.id}`, { method: "DELETE" })}
                        done={refresh}
                      />
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      <p class="apart">
        <Action
          label={t.make()}
          does={t.makeDoes()}
          act={async (form) => {
            const text = (name: string) => String(form.get(name) ?? "").trim();
            const body = { name: text("name"), role: text("role"), days: Number(text("days")), reason: text("reason") };
            made.value = await asOperator<NewToken>("tokens", { method: "POST", body });
          }}
          done={refresh}
        >
          <label class="field">
            <span class="label">{t.tokenName()}</span>
            <input name="name" pattern="[a-z][a-z0-9\-]*" maxLength={32} autoComplete="off" required />
          </label>
          <label class="field">
            <span class="label">{t.role()}</span>
            <select name="role" required>
              {grantable().map((role) => (
                <option key={role} value={role}>
                  {roleWords(role)}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            <span class="label">{t.days()}</span>
            <input name="days" type="number" min={1} max={366} defaultValue="90" required />
          </label>
        </Action>
      </p>
    </section>
  );
}

function Accounts() {
  const source = useOperator<AccountRow[]>("accounts", 30_000);
  const accounts = source.value.value;
  return (
    <section class="card apart">
      <h3>{t.accounts()}</h3>
      <p class="lead">
        <Coded>{t.accountsLead()}</Coded>
      </p>
      {accounts === undefined ? (
        <p role="status">{common.waitingForAnswer()}</p>
      ) : (
        <Scroll label={t.accounts()}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t.name()}</th>
                <th scope="col">{t.role()}</th>
                <th scope="col">{t.since()}</th>
              </tr>
            </thead>
            <tbody>
              {accounts.map(({ name, role, made }) => (
                <tr key={name}>
                  <td>
                    <Name>{name}</Name>
                  </td>
                  <td class="whole">{roleWords(role)}</td>
                  <td class="whole">{formatTime(made, language.value)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}
