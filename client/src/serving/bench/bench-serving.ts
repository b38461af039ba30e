/**
 * How fast a node answers: a made-up shop of 12,000 items served as ever (`http.ts`), and load over loopback from another thread. The model is the dearest
 * that a node serves: released and own pairs, content, popularity, own history, and an attention model of width 64 on 50 events.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { type Catalogue, type Histories, makeCatalogue, seededRandom } from "@tributary/events";
import { initialModel } from "@tributary/federation";
import { itemSimilarity, modelSpec, ownStatistics, transferredRecipe } from "@tributary/model";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { pino } from "pino";
import { layoutOf, makeFolders } from "../../home/layout.ts";
import { openOrMakeStore } from "../../home/store/changing.ts";
import { openLiveJournal } from "../../home/store/live-journal.ts";
import { openCustomers } from "../customers.ts";
import { servingHttp } from "../http.ts";
import { historiesOfLive, type KeepEvents } from "../live-events.ts";
import { servingMetrics } from "../metrics.ts";
import type { Prepared } from "../prepare.ts";
import { holdModel, openServed, shelfOf } from "../served-model.ts";
import { tokenCheck } from "../token.ts";
import type { LoadFigures, LoadOrder, LoadSetup } from "./words.ts";

export interface BenchServingOptions {
  readonly items: number;
  readonly customers: number;
  readonly k: number;
  /** Requests a second of the steady load. */
  readonly rate: number;
  /** Of each of the four measurements. */
  readonly seconds: number;
  /** Without: tables alone, as a federation of statistics serves. */
  readonly attention: boolean;
}

export interface Latencies {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface ServingFigures extends BenchServingOptions {
  /** At the steady rate, from the moment when a request was due. */
  readonly recommend: Latencies;
  /** The same rate of requests for which nothing is computed: what HTTP, token and loopback take on this machine. */
  readonly bare: Latencies;
  /** What a request took of the processor at the steady rate, model and HTTP together, milliseconds: the same however busy the machine is. */
  readonly processorMs: number;
  /** What four connections get at most. */
  readonly requestsPerSecond: number;
  /** With the event on disk: from sending an event to having the recommendation that knows of it: median, and 99th percentile. */
  readonly freshnessMs: number;
  readonly freshnessP99Ms: number;
  readonly requests: number;
  readonly failed: number;
}

export async function benchServing(options: BenchServingOptions): Promise<ServingFigures> {
  const catalogue = shopCatalogue(options.items);
  const histories = shopHistories(options);
  const token = "bench-serve-token-of-one-run";
  const customers = openCustomers(histories);
  // live events go to a real journal on this disk, as a node's do
  const home = mkdtempSync(join(tmpdir(), "tributary-bench-serve-"));
  const layout = layoutOf(home);
  makeFolders(layout);
  const passed = openOrMakeStore(layout).manifest.door.length;
  const journal = openLiveJournal(layout);
  const keep: KeepEvents = (events) => journal.append(historiesOfLive(events), passed);
  const holder = holdModel(await openServed(shopModel(catalogue, histories, options), onnxruntimeExecutor()));
  const http = servingHttp({
    ...{ shelf: shelfOf(catalogue), customers, keep, holder, isToken: tokenCheck(token) },
    metrics: servingMetrics(holder, customers),
    log: pino({ level: "silent" }),
  });
  const url = await http.listen({ host: "127.0.0.1", port: 0 });
  const ids = { customers: histories.customers, items: catalogue.items.map(({ id }) => id) };
  const load = loadThread({ url, token, k: options.k, ...ids });
  try {
    await load.run({ kind: "most", rate: 0, seconds: Math.min(2, options.seconds) }); // code and caches are warm then
    const bare = await load.run({ kind: "health", ...options });
    const before = process.cpuUsage();
    const recommend = await load.run({ kind: "steady", ...options });
    const { user, system } = process.cpuUsage(before);
    const most = await load.run({ kind: "most", ...options });
    const fresh = await load.run({ kind: "fresh", ...options });
    const measured = [bare, recommend, most, fresh];
    return {
      ...options,
      recommend: latenciesOf(recommend),
      bare: latenciesOf(bare),
      processorMs: ((user + system) / 1000 - recommend.processorMs) / recommend.requests,
      requestsPerSecond: most.requests / most.seconds,
      freshnessMs: latenciesOf(fresh).p50Ms,
      freshnessP99Ms: latenciesOf(fresh).p99Ms,
      requests: measured.reduce((sum, { requests }) => sum + requests, 0),
      failed: measured.reduce((sum, { failed }) => sum + failed, 0),
    };
  } finally {
    await load.end();
    await http.close();
    await Promise.all([holder.close(), journal.close()]);
    rmSync(home, { recursive: true, force: true });
  }
}

function loadThread(setup: LoadSetup) {
  const worker = new Worker(new URL("./load-worker.ts", import.meta.url), { workerData: setup });
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  return {
    run: ({ kind, rate, seconds }: LoadOrder) =>
      new Promise<LoadFigures>((resolve, reject) => {
        worker.once("message", (figures: LoadFigures) => {
          worker.off("error", reject);
          resolve(figures);
        });
        worker.once("error", reject);
        worker.postMessage({ kind, rate, seconds } satisfies LoadOrder);
      }),
    end: () => {
      worker.postMessage("end");
      return ended;
    },
  };
}

function latenciesOf({ milliseconds }: LoadFigures): Latencies {
  const sorted = [...milliseconds].sort((a, b) => a - b);
  const quantile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { p50Ms: quantile(0.5), p99Ms: quantile(0.99), maxMs: quantile(1) };
}

/** 60 categories, 400 brands, five of 2,000 properties each. */
function shopCatalogue(items: number): Catalogue {
  const random = seededRandom(1, "bench serve", "catalogue");
  return makeCatalogue(
    Array.from({ length: items }, (_, place) => ({
      ...{ id: `item-${place}`, category: `category ${random.below(60)}`, brand: `brand ${random.below(400)}` },
      ...{ price: 1 + random.below(500), title: `Thing number ${place}` },
      attributes: Array.from({ length: 5 }, () => `property ${random.below(2_000)}`),
    })),
  );
}

/** 25 to 50 events a customer, around a few hundred items of its own. */
function shopHistories({ customers, items }: Pick<BenchServingOptions, "customers" | "items">): Histories {
  const random = seededRandom(1, "bench serve", "customers");
  const lengths = Array.from({ length: customers }, () => 25 + random.below(26));
  const offsets = Uint32Array.from([0, ...lengths]);
  for (let c = 1; c <= customers; c++) offsets[c] = (offsets[c] as number) + (offsets[c - 1] as number);
  const events = offsets[customers] ?? 0;
  const numbers = Int32Array.from(
    lengths.flatMap((length) => {
      const home = random.below(items);
      return Array.from({ length }, () => 1 + ((home + Math.floor(300 * random.fraction() ** 2)) % items));
    }),
  );
  return {
    customers: Array.from({ length: customers }, (_, c) => `customer-${String(c).padStart(7, "0")}`),
    ...{ offsets, items: numbers, actions: new Uint8Array(events) },
    times: Float64Array.from({ length: events }, (_, event) => 1.7e9 + 60 * event),
  };
}

/** Weights are not tuned and the model is not trained: how long an answer takes does not depend on what it says. */
function shopModel(
  catalogue: Catalogue,
  histories: Histories,
  { attention }: Pick<BenchServingOptions, "attention">,
): Prepared {
  const similarity = itemSimilarity(catalogue.items);
  const recipe = transferredRecipe(4);
  const own = ownStatistics(histories, similarity.items, { window: recipe.window, minSupport: 2 });
  const spec = modelSpec({ items: similarity.items, length: 50, width: 64, blocks: 2 });
  const student = attention ? { spec, parameters: initialModel(nodeCrypto(), spec) } : undefined;
  const { contentWeight, contentSharpness, decay, latest } = recipe;
  const mixture = { content: 8, released: 1, own: 1, history: 8 };
  return {
    origin: {
      source: "released",
      hash: null,
      round: 1,
      parts: ["releasedStatistics", "ownCounts", "content", "popularity"],
      fallback: false,
    },
    tables: {
      recipe: { contentWeight, contentSharpness, decay, latest },
      ...{ served: own, own, student },
      weights: { mixture, popularity: 0.1, attention: attention ? 0.25 : 0 },
    },
    ...{ similarity, content: undefined, heads: { nextAction: false, purchase: false, churnDays: 0 } },
    ...{ chain: undefined, nextAction: undefined, churn: undefined, purchase: undefined, clicks: undefined },
  };
}
