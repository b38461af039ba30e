/**
 * Predictions, customer by customer, for the merchant's own eyes: what a customer did, what would have been said before each event, and what is said now. The model is the
 * one that `node serve` would serve, prepared in the same thread; the answers are made by the same functions.
 *
 * It has counted the very events that are shown here, so ranks before them flatter it: whether it is any good is for the value report to say, on customers who are held out.
 */
import { fail, isTributaryError } from "@tributary/errors";
import { actions, type Catalogue } from "@tributary/events";
import { bestOf, type CustomerEvents, rankOf } from "@tributary/model";
import {
  type PageAdverts,
  type PageCustomer,
  type PageCustomers,
  type PageExplanation,
  type PageExplorer,
  type PageItem,
  type pageAdvertsBody,
  type pageCustomerBody,
  type pageCustomersBody,
  problemOf,
} from "@tributary/protocol";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import type { Logger } from "pino";
import type { z } from "zod";
import { readPlannedCatalogue } from "../home/catalogue.ts";
import { hasHistories, type Served, storeEdition } from "../home/histories.ts";
import { readItemNames } from "../home/item-names.ts";
import { openHome } from "../home/open.ts";
import { readPolicy } from "../home/policy.ts";
import { ownNames } from "../item-names.ts";
import { rankAdverts } from "../serving/adverts.ts";
import type { Asked } from "../serving/asked.ts";
import { type Customers, openCustomers } from "../serving/customers.ts";
import { explain } from "../serving/explain.ts";
import { churn, nextAction } from "../serving/outlook.ts";
import { permittedServing } from "../serving/permitted.ts";
import { prepareInThread } from "../serving/prepare-thread.ts";
import { readInThread } from "../serving/read-thread.ts";
import { recommend } from "../serving/recommend.ts";
import { keepModel, latestRelease } from "../serving/releases.ts";
import { holdModel, type ModelHolder, openServed, type ServedModel, type Shelf, shelfOf } from "../serving/served-model.ts";
import { connectHttp } from "../transport/http.ts";
import { personalStamp } from "../value/personal-model.ts";
import { type CustomerList, listCustomers } from "./customer-list.ts";

export interface Explorer {
  /** What can be asked by now; looks for what is new, if nobody did lately. */
  status(): PageExplorer;
  /** @throws what `status` names as its problem, TRB_SERVE_MODEL_LOADING before the first model */
  customers(asked: z.output<typeof pageCustomersBody>): PageCustomers;
  /** @throws TRB_SERVE_CUSTOMER_UNKNOWN, and as `customers` */
  customer(asked: z.output<typeof pageCustomerBody>): Promise<PageCustomer>;
  /** @throws TRB_SERVE_CUSTOMER_UNKNOWN, TRB_SERVE_ITEM_UNKNOWN, and as `customers` */
  explain(asked: { readonly customer: string; readonly item: string }): Promise<PageExplanation>;
  /** @throws the same */
  adverts(asked: z.output<typeof pageAdvertsBody>): Promise<PageAdverts>;
  close(): Promise<void>;
}

/** What questions are answered from; exchanged as a whole. */
interface Ready {
  readonly stored: Served;
  readonly list: CustomerList;
  /** Under their pseudonyms. */
  readonly customers: Customers;
  readonly shelf: Shelf;
  readonly from: string;
}

/** Milliseconds between looks; as long as nobody asks, nobody looks. */
const lookEvery = 2_000;
/** Days of churn's horizon where the federation's model has no such head, as `node serve` has it. */
const churnDays = 30;
/** Items that are shown before an event, and for what comes next. */
const [shownBefore, shownNext] = [5, 10];

export function openExplorer(folder: string, log: Logger): Explorer {
  const executor = onnxruntimeExecutor();
  const stopping = new AbortController();
  const { signal } = stopping;
  let ready: Ready | undefined;
  let holder: ModelHolder | undefined;
  let looking: Promise<void> | undefined;
  let [next, said] = [0, ""];
  let problem: unknown;

  const look = async (): Promise<void> => {
    const home = openHome(folder);
    home.database.close(); // charges and votes are the running node's
    const { layout, plan, membership } = home;
    if (!hasHistories(layout)) throw fail("TRB_NODE_NO_HISTORIES", { home: folder });
    const serve = permittedServing(readPolicy(layout), {});
    let release = latestRelease(layout, plan);
    let missing: unknown;
    if (release !== undefined) {
      const client = connectHttp(membership.url, membership);
      try {
        await keepModel(layout, release, client);
      } catch (error) {
        if (!isTributaryError(error)) throw error;
        missing = error;
        release = undefined; // what the merchant has alone is there
      } finally {
        await client.close();
      }
    }
    const edition = storeEdition(layout);
    const from = JSON.stringify([edition, release?.hash, personalStamp(layout), serve]);
    if (ready?.from !== from) {
      const stored =
        ready !== undefined && ready.stored.edition === edition ? ready.stored : await readInThread(layout, signal);
      const catalogue = readPlannedCatalogue(layout, plan);
      const names = readItemNames(layout);
      const own = names && ownNames(catalogue, names);
      const order = { home: layout.home, serve, churnDays, release, artefact: undefined };
      const served = await openServed(await prepareInThread(order, signal), executor);
      if (signal.aborted) return served.ranker.close();
      if (holder === undefined) holder = holdModel(served);
      else holder.replace(served);
      ready = {
        ...{ stored, list: listCustomers(stored.histories), customers: openCustomers(stored.histories) },
        ...{ shelf: shelfOf(catalogue, () => own), from },
      };
      log.info({ source: served.prepared.origin.source, round: served.prepared.origin.round }, "predictions can be explored");
    }
    problem = missing;
  };

  const lookSoon = (): void => {
    if (looking !== undefined || Date.now() < next || signal.aborted) return;
    looking = look()
      .catch((error: unknown) => {
        problem = isTributaryError(error)
          ? error
          : fail("TRB_SERVE_MODEL_UNUSABLE", { reason: error instanceof Error ? error.name : "unknown" }, error);
      })
      .finally(() => {
        const code = isTributaryError(problem) ? problem.code : "";
        if (code !== "" && code !== said && !signal.aborted) log.warn({ code }, "predictions can't be explored as they should");
        said = code;
        next = Date.now() + lookEvery;
        looking = undefined;
      });
  };

  const now = (): Ready => {
    lookSoon();
    if (ready !== undefined) return ready;
    throw isTributaryError(problem) ? problem : fail("TRB_SERVE_MODEL_LOADING", { what: "A prediction" });
  };
  const using = <Answer>(work: (model: ServedModel, from: Ready) => Promise<Answer>): Promise<Answer> => {
    const from = now();
    if (holder === undefined) throw fail("TRB_SERVE_MODEL_LOADING", { what: "A prediction" });
    return holder.use((model) => work(model, from));
  };
  const known = ({ customers }: Ready, customer: string): Asked => {
    const events = customers.find(customer);
    if (events === undefined) throw fail("TRB_SERVE_CUSTOMER_UNKNOWN");
    return { events, known: true };
  };

  return {
    status() {
      lookSoon();
      const failed = isTributaryError(problem) ? problemOf(problem) : null;
      const state =
        ready !== undefined
          ? "ready"
          : looking !== undefined && problem === undefined
            ? "preparing"
            : failed?.code === "TRB_NODE_NO_HISTORIES"
              ? "none"
              : failed === null
                ? "preparing"
                : "failed";
      return {
        ...{ state, problem: failed, customers: ready?.list.size ?? 0 },
        model: holder === undefined ? null : originOf(holder.current()),
      };
    },
    customers({ search, order, from, limit }) {
      const { list, stored } = now();
      const text = search.trim();
      const byPrefix = list.some(text.toLowerCase(), order, { from, limit });
      if (byPrefix.found > 0 || text === "") return { ...byPrefix, byShopId: false };
      const one = list.row(stored.door(text));
      return { found: one === undefined ? 0 : 1, customers: one === undefined ? [] : [one], byShopId: one !== undefined };
    },
    customer: ({ customer, events: many }) =>
      using(async (model, from) => {
        const asked = known(from, customer);
        const row = from.list.row(customer);
        if (row === undefined) throw fail("TRB_SERVE_CUSTOMER_UNKNOWN");
        return {
          ...row,
          timeline: await timelineOf(model, from.shelf, asked.events, many),
          next: await nextOf(model, from, asked),
          model: originOf(model.prepared),
        };
      }),
    explain: ({ customer, item }) =>
      using(async (model, from) => {
        const { shelf } = from;
        const found = await explain(model, shelf, known(from, customer), item);
        const { rank, score, basis, parts } = found;
        const number = shelf.catalogue.numbers.get(found.item) ?? 0;
        const events = [...found.events].sort((a, b) => a.time - b.time);
        return {
          ...{ ...itemOf(shelf, number), rank, score, basis, parts },
          events: events.map(({ item: id, action, time, contribution }) => ({
            ...{ action, time, contribution },
            item: id === null ? null : itemOf(shelf, shelf.catalogue.numbers.get(id) ?? 0),
          })),
        };
      }),
    adverts: ({ customer, candidates }) =>
      using(async (model, from) => {
        const { shelf, customers } = from;
        const options = { candidates, floor: 0, k: candidates.length, now: customers.latest() };
        const { ranked, by, calibrated } = await rankAdverts(model, shelf, known(from, customer), options);
        return {
          ranked: ranked.map(({ item, bid, probability, expectedValue }) => ({
            ...itemOf(shelf, shelf.catalogue.numbers.get(item) ?? shelf.names?.numberOf(item) ?? 0),
            ...{ bid, probability, expectedValue },
          })),
          ...{ by, calibrated },
        };
      }),
    async close() {
      stopping.abort();
      await looking;
      await holder?.close();
    },
  };
}

const originOf = ({ origin }: ServedModel["prepared"]): PageCustomer["model"] => {
  const { source, hash, round, parts, fallback, personal } = origin;
  return { source, hash, round, parts: [...parts], fallback, ...(personal === undefined ? {} : { personal }) };
};

/** @param number counted from 1 */
function itemOf(
  { catalogue, names }: { readonly catalogue: Catalogue; readonly names: Shelf["names"] },
  number: number,
): PageItem {
  const item = catalogue.items[number - 1];
  return { item: item?.id ?? "", title: item?.title ?? null, sku: names?.skuOf(number) ?? null };
}

/** The latest events; before each with an item stands what would have been said by what came before it. */
async function timelineOf(
  model: ServedModel,
  shelf: Shelf,
  events: CustomerEvents,
  many: number,
): Promise<PageCustomer["timeline"]> {
  const timeline: PageCustomer["timeline"] = [];
  for (let at = Math.max(0, events.items.length - many); at < events.items.length; at++) {
    const item = events.items[at] as number;
    timeline.push({
      time: events.times[at] as number,
      action: actions[events.actions[at] as number] ?? "",
      item: item === 0 ? null : itemOf(shelf, item),
      before: item === 0 || at === 0 ? null : await before(model, shelf, until(events, at), item),
    });
  }
  return timeline;
}

async function before(
  model: ServedModel,
  shelf: Shelf,
  past: CustomerEvents,
  item: number,
): Promise<PageCustomer["timeline"][number]["before"]> {
  const { prepared, ranker } = model;
  const { rank, shown } = await ranker.withScores(past, ({ values }) => ({
    rank: rankOf(values, item - 1),
    shown: Array.from(bestOf(values, shownBefore, new Uint8Array(values.length)), (place) => itemOf(shelf, place + 1)),
  }));
  const tells = prepared.heads.nextAction || prepared.chain !== undefined;
  const [expected] = tells ? (await nextAction(model, { events: past, known: true })).actions : [];
  return { rank, isNew: !past.items.includes(item), shown, expected: expected ?? null };
}

/** Columns up to an event, without it. */
function until({ items, actions: done, times, dwells, prices, topics }: CustomerEvents, end: number): CustomerEvents {
  return {
    ...{ items: items.subarray(0, end), actions: done.subarray(0, end), times: times.subarray(0, end) },
    ...(dwells ? { dwells: dwells.subarray(0, end) } : {}),
    ...(prices ? { prices: prices.subarray(0, end) } : {}),
    ...(topics ? { topics: topics.subarray(0, end) } : {}),
  };
}

async function nextOf(model: ServedModel, { shelf, customers }: Ready, asked: Asked): Promise<PageCustomer["next"]> {
  const { items, basis } = await recommend(model, shelf, asked, { k: shownNext, exclude: [], diversity: 0, bought: "keep" });
  const action = await orProblem(() => nextAction(model, asked));
  const leaving = await orProblem(() => churn(model, asked, customers.latest()));
  const purchase = action.said?.purchase ?? null;
  return {
    items: items.map(({ item, score }) => ({ ...itemOf(shelf, shelf.catalogue.numbers.get(item) ?? 0), score })),
    basis,
    ...{ actions: action.said?.actions ?? [], actionsBy: action.said?.by ?? null, actionsProblem: action.problem },
    purchase: purchase && { probability: purchase.probability, by: purchase.by, calibrated: purchase.calibrated },
    churn: leaving.said === null ? null : churnWords(leaving.said),
    churnProblem: leaving.problem,
  };
}

function churnWords({
  probability,
  horizonDays,
  asOf,
  by,
  calibrated,
  drivers,
  validation,
}: Awaited<ReturnType<typeof churn>>): NonNullable<PageCustomer["next"]["churn"]> {
  const figures = validation && {
    ...{ customers: validation.customers, rate: validation.rate, calibrationError: validation.calibrationError },
    ...(validation.auc === undefined ? {} : { auc: validation.auc }),
  };
  return { probability, horizonDays, asOf, by, calibrated, drivers, validation: figures };
}

/** What there is nothing to answer by is said beside what there is. */
async function orProblem<Said>(
  ask: () => Promise<Said>,
): Promise<{ readonly said: Said | null; readonly problem: PageExplorer["problem"] }> {
  try {
    return { said: await ask(), problem: null };
  } catch (error) {
    if (isTributaryError(error)) return { said: null, problem: problemOf(error) };
    throw error;
  }
}
