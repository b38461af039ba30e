/** Customers, one by one: whom to look at. What is shown of one is `customer.tsx`. */

import { useSignal } from "@preact/signals";
import type { PageCustomers, PageExplorer, PageOverview } from "@tributary/protocol";
import { useEffect, useRef } from "preact/hooks";
import { formatDay, formatHash } from "../../shared/format.ts";
import { language, texts } from "../../shared/language.ts";
import { RefusalNotice } from "../../shared/notice.tsx";
import { Refusal } from "../../shared/request.ts";
import { VirtualTable } from "../../shared/virtual-table.tsx";
import { Command, number, ProblemNotice, Waiting } from "../parts.tsx";
import { tellNode } from "../session.ts";
import { useLive } from "../use-live.ts";
import { english, partName, t } from "../words.ts";
import { CustomerView } from "./customer.tsx";

const own = texts({
  heading: { en: "Predictions, customer by customer", zh: "逐位顾客查看预测" },
  lead: {
    en: "What a customer did, what would have been said before each event, and what is said now. The model has counted these very events, which flatters it here; whether it is good is for the value report to say.",
    zh: "顾客做了什么、每个事件之前会预测什么、现在又预测什么。该模型已统计过这些事件，此处会显得偏好；其好坏请看价值报告。",
  },
  noData: { en: "No history is stored yet. Import the shop's log:", zh: "尚无历史数据。请导入商店日志：" },
  preparing: { en: "The model is being prepared, in the background.", zh: "正在后台准备模型。" },
  search: { en: "Pseudonym, its beginning, or the shop's own id", zh: "化名、化名开头，或商店自己的编号" },
  find: { en: "Find", zh: "查找" },
  order: { en: "Order", zh: "排序" },
  latest: { en: "latest first", zh: "最近优先" },
  events: { en: "most events first", zh: "事件最多优先" },
  name: { en: "by pseudonym", zh: "按化名" },
  found: (n: string) => ({ en: `${n} customers`, zh: `${n} 位顾客` }),
  byShopId: { en: "found by the shop's own id", zh: "按商店编号找到" },
  nobody: { en: "Nobody is called so here.", zh: "没有这样的顾客。" },
  pseudonym: { en: "pseudonym", zh: "化名" },
  last: { en: "last event", zh: "最近事件" },
  choose: { en: "Choose a customer on the left.", zh: "请在列表中选择一位顾客。" },
  model: { en: "Model", zh: "模型" },
  released: (round: string) => ({ en: `released in round ${round}`, zh: `第 ${round} 轮发布` }),
  ownOnly: { en: "own counts alone: no released model serves", zh: "仅自有计数：没有可用的已发布模型" },
  without: { en: "What is missing in these predictions:", zh: "这些预测所缺少的：" },
});

type Order = "latest" | "events" | "name";
/** Rows that are asked for at a time. */
const pageSize = 100;

export function ExplorerView({ overview }: { readonly overview: PageOverview }) {
  const asked = useLive<PageExplorer>("/api/explorer", 2500, `${overview.storeStamp} ${overview.model?.hash ?? ""}`);
  const status = asked.value.value;
  return (
    <>
      <h2>{own.heading()}</h2>
      <p class="lead">{own.lead()}</p>
      {status === undefined ? (
        <Waiting failure={asked.failure.value} />
      ) : status.state === "none" ? (
        <>
          <p>{own.noData()}</p>
          <Command>tributary node import shop-log.csv --home SHOP</Command>
        </>
      ) : status.state === "preparing" ? (
        <p role="status">{own.preparing()}</p>
      ) : status.state === "failed" && status.problem !== null ? (
        <ProblemNotice problem={status.problem} />
      ) : (
        <Explorer status={status} />
      )}
    </>
  );
}

function Explorer({ status }: { readonly status: PageExplorer }) {
  const chosen = useSignal<string | undefined>(undefined);
  const { model, problem } = status;
  return (
    <>
      {model !== null && (
        <p class="soft" data-test="served-model">
          {own.model()}: {model.source === "released" ? own.released(number(model.round ?? 0)) : own.ownOnly()}
          {model.hash !== null && (
            <>
              {" "}
              <code title={model.hash}>{formatHash(model.hash)}</code>
            </>
          )}
          {model.parts.length > 0 && ` (${model.parts.map(partName).join(", ")})`}
        </p>
      )}
      {problem !== null && (
        <>
          <p class="warn">{own.without()}</p>
          <ProblemNotice problem={problem} />
        </>
      )}
      <div class="two explorer">
        <Customers
          stamp={`${status.customers}`}
          chosen={chosen.value}
          choose={(customer) => {
            chosen.value = customer;
          }}
        />
        <div>
          {chosen.value === undefined ? (
            <p class="soft">{own.choose()}</p>
          ) : (
            <CustomerView key={chosen.value} customer={chosen.value} model={model?.hash ?? ""} />
          )}
        </div>
      </div>
    </>
  );
}

interface CustomersProps {
  readonly stamp: string;
  readonly chosen: string | undefined;
  choose(customer: string): void;
}

function Customers({ stamp, chosen, choose }: CustomersProps) {
  const typed = useSignal("");
  const search = useSignal("");
  const order = useSignal<Order>("latest");
  const rows = useSignal<ReadonlyMap<number, PageCustomers["customers"][number]>>(new Map());
  const found = useSignal<{ readonly count: number; readonly byShopId: boolean } | undefined>(undefined);
  const failure = useSignal<Refusal | undefined>(undefined);
  const asking = useRef(new Set<number>());

  const load = async (page: number) => {
    if (asking.current.has(page)) return;
    const mine = asking.current;
    mine.add(page);
    try {
      const body = { search: search.value, order: order.value, from: page * pageSize, limit: pageSize };
      const told = await tellNode<PageCustomers>("/api/explorer/customers", body);
      if (mine !== asking.current) return; // something else is looked for by now
      rows.value = new Map([...rows.value, ...told.customers.map((row, place) => [page * pageSize + place, row] as const)]);
      found.value = { count: told.found, byShopId: told.byShopId };
      failure.value = undefined;
      const [only] = told.customers;
      if (told.found === 1 && only !== undefined && search.value !== "") choose(only.customer);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      mine.delete(page);
      failure.value = error;
    }
  };
  useEffect(() => {
    asking.current = new Set();
    rows.value = new Map();
    void load(0);
  }, [search.value, order.value, stamp]);

  const rowAt = (place: number) => {
    const row = rows.value.get(place);
    if (row === undefined && found.value !== undefined) queueMicrotask(() => void load(Math.floor(place / pageSize)));
    return row;
  };
  const chosenPlace = [...rows.value].find(([, { customer }]) => customer === chosen)?.[0];
  return (
    <section>
      <form
        class="row"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          search.value = typed.value;
        }}
      >
        <div class="field" style={{ flex: "1 1 12rem", marginBottom: 0 }}>
          <label for="customer-search">{own.search()}</label>
          <input
            id="customer-search"
            type="search"
            autocomplete="off"
            spellcheck={false}
            value={typed.value}
            onInput={({ currentTarget }) => {
              typed.value = currentTarget.value;
              if (currentTarget.value === "") search.value = "";
            }}
          />
        </div>
        <button type="submit">{own.find()}</button>
        <select
          aria-label={own.order()}
          value={order.value}
          onChange={({ currentTarget }) => {
            order.value = (["latest", "events", "name"] as const).find((one) => one === currentTarget.value) ?? "latest";
          }}
        >
          <option value="latest">{own.latest()}</option>
          <option value="events">{own.events()}</option>
          <option value="name">{own.name()}</option>
        </select>
      </form>
      {failure.value !== undefined && (
        <div lang={english()}>
          <RefusalNotice refusal={failure.value} />
        </div>
      )}
      <p class="soft" role="status">
        {found.value !== undefined && (found.value.count === 0 ? own.nobody() : own.found(number(found.value.count)))}
        {found.value?.byShopId === true && ` (${own.byShopId()})`}
      </p>
      {found.value !== undefined && found.value.count > 0 && (
        <div data-test="customers">
          <VirtualTable
            label={t.customers()}
            count={found.value.count}
            row={rowAt}
            height="60vh"
            leastWidth={20}
            {...(chosenPlace === undefined ? {} : { chosen: chosenPlace })}
            onChoose={(place) => {
              const row = rowAt(place);
              if (row !== undefined) choose(row.customer);
            }}
            columns={[
              {
                id: "customer",
                title: own.pseudonym(),
                width: "minmax(7rem, 1fr)",
                cell: ({ customer }) => <code title={customer}>{customer.slice(0, 12)}…</code>,
              },
              { id: "events", title: t.events(), width: "4rem", end: true, cell: ({ events }) => number(events) },
              { id: "last", title: own.last(), width: "7rem", cell: ({ last }) => formatDay(1000 * last, language.value) },
            ]}
          />
        </div>
      )}
    </section>
  );
}
