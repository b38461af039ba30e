/** For tests: a shop of two kinds of items whose customers keep to one kind, served over HTTP on loopback without a home. */
import { createHash } from "node:crypto";
import { actions, type Catalogue, catalogueBytes, type Histories, makeCatalogue, seededRandom } from "@tributary/events";
import { sha256Hex } from "@tributary/protocol";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { pino } from "pino";
import { testPlan } from "../coordinator.test-support.ts";
import type { OwnNames } from "../item-names.ts";
import { openCustomers } from "./customers.ts";
import { defaultLimits, type HttpLimits, servingHttp } from "./http.ts";
import { servingMetrics } from "./metrics.ts";
import { type Ingredients, type Prepared, preparePopularity, prepareServing } from "./prepare.ts";
import { holdModel, openServed, shelfOf } from "./served-model.ts";
import { tokenCheck } from "./token.ts";

export const token = "a-token-of-the-tests";
export const secret = "secret-customer";
const day = 86_400;

/** 24 items, of kinds 0 and 1 by turns; item 1 costs 1, and so on. */
export const catalogue: Catalogue = makeCatalogue(
  Array.from({ length: 24 }, (_, place) => ({
    ...{ id: `item-${String(place).padStart(2, "0")}`, category: `kind ${place % 2}`, brand: `brand ${place % 3}` },
    ...{ price: place + 1, title: `Thing ${place}`, attributes: [`of ${place % 4}`] },
  })),
);

const plan = testPlan({
  catalogueHash: sha256Hex.parse(createHash("sha256").update(catalogueBytes(catalogue)).digest("hex")),
});

interface Event {
  readonly item: number;
  readonly action: (typeof actions)[number];
  readonly time: number;
}

export function historiesOf(rows: Readonly<Record<string, readonly Event[]>>): Histories {
  const customers = Object.keys(rows).sort();
  const events = customers.flatMap((customer) => rows[customer] ?? []);
  let end = 0;
  return {
    customers,
    offsets: Uint32Array.from([0, ...customers.map((customer) => (end += rows[customer]?.length ?? 0))]),
    items: Int32Array.from(events, ({ item }) => item),
    actions: Uint8Array.from(events, ({ action }) => actions.indexOf(action)),
    times: Float64Array.from(events, ({ time }) => time),
  };
}

/** Walks from item to item of one kind: after item i comes i + 2. Half of the customers leave; a quarter of the views are bought, and what is advertised is clicked where the kind fits. */
export function shopRows(customers: number, seed = 1): Record<string, Event[]> {
  const random = seededRandom(seed, "shop");
  return Object.fromEntries(
    Array.from({ length: customers }, (_, customer) => {
      const events: Event[] = [];
      let item = 1 + random.below(24);
      const pace = 2 + 8 * random.fraction();
      const leaves = customer % 2 === 0 ? 10 + 80 * random.fraction() : 100;
      for (let at = pace * random.fraction(); at < leaves; at += pace * (0.7 + 0.6 * random.fraction())) {
        const time = Math.floor(at * day);
        events.push({ item, action: "view", time });
        if (random.below(4) === 0) events.push({ item, action: "buy", time: time + 60 });
        const shown = 1 + random.below(24);
        const isShown = random.below(6) === 0;
        if (isShown) events.push({ item: shown, action: "impression", time: time + 90 });
        const fits = shown % 2 === item % 2;
        if (isShown && random.fraction() < (fits ? 0.5 : 0.05))
          events.push({ item: shown, action: "advertClick", time: time + 95 });
        item = 1 + ((item + 1) % 24);
      }
      return [`${secret}-${String(customer).padStart(4, "0")}`, events];
    }),
  );
}

export const customerOf = (number: number) => `${secret}-${String(number).padStart(4, "0")}`;

export const ingredients = (given: Partial<Ingredients> = {}): Ingredients => ({
  ...{ catalogue, plan, churnDays: 20, serve: { mode: "inHouse", minSupport: 5 } },
  histories: historiesOf(shopRows(900)),
  ...given,
});

export interface Answer {
  readonly status: number;
  /** JSON as what it says, else text. */
  readonly body: unknown;
  readonly headers?: Headers;
}

/** Served on a free port. `logged` is everything that was logged, at every level. */
export async function openShop(
  from: Ingredients,
  options: { readonly limits?: Partial<HttpLimits>; readonly prepared?: Prepared; readonly names?: OwnNames } = {},
) {
  const executor = onnxruntimeExecutor();
  const customers = openCustomers(from.histories);
  const holder = holdModel(await openServed(options.prepared ?? (await prepareServing(from, executor)), executor));
  const logged: string[] = [];
  const log = pino({ base: null, level: "trace" }, { write: (line: string) => void logged.push(line) });
  const http = servingHttp({
    ...{ shelf: shelfOf(from.catalogue, () => options.names), customers, holder, log, isToken: tokenCheck(token) },
    ...{ metrics: servingMetrics(holder, customers), limits: { ...defaultLimits, ...options.limits } },
  });
  const url = await http.listen({ host: "127.0.0.1", port: 0 });
  const ask = async (path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
    const answer = await fetch(`${url}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const isJson = answer.headers.get("content-type")?.includes("json");
    return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
  };
  return {
    ...{ url, ask, logged, holder, customers },
    prepare: (next: Ingredients) => prepareServing(next, executor),
    popularity: () => preparePopularity(from),
    open: (prepared: Prepared) => openServed(prepared, executor),
    async close() {
      await http.close();
      await holder.close();
    },
  };
}
