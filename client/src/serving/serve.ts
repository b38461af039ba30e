/**
 * `tributary node serve`: the merchant's predictions over HTTP, for the merchant's own shop. This file is the table of contents.
 *
 *   home read ─▶ popularity serves at once ─▶ listen ─▶ { newer release, other store → prepared in a thread → exchanged } …
 *
 * It runs beside `tributary node start` or without it: it takes no part in rounds, spends nothing, and holds no lock.
 */
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { fail, isTributaryError } from "@tributary/errors";
import type { Catalogue } from "@tributary/events";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import type { FastifyInstance } from "fastify";
import { destination, type Logger, pino } from "pino";
import { readPlannedCatalogue } from "../home/catalogue.ts";
import { readServed, storeEdition } from "../home/histories.ts";
import { readItemNames } from "../home/item-names.ts";
import { type Home, openHome } from "../home/open.ts";
import { readPolicy } from "../home/policy.ts";
import { openOrMakeStore } from "../home/store/changing.ts";
import { keepCompacted } from "../home/store/keep-compacted.ts";
import { openLiveJournal } from "../home/store/live-journal.ts";
import { type OwnNames, ownNames } from "../item-names.ts";
import { connectHttp } from "../transport/http.ts";
import { personalStamp } from "../value/personal-model.ts";
import { openCustomers } from "./customers.ts";
import { servingHttp } from "./http.ts";
import { historiesOfLive, type KeepEvents } from "./live-events.ts";
import { servingMetrics } from "./metrics.ts";
import { permittedServing, type ServingLimits } from "./permitted.ts";
import { preparePopularity } from "./prepare.ts";
import { type PrepareOrder, prepareInThread } from "./prepare-thread.ts";
import { readInThread } from "./read-thread.ts";
import { keepModel, latestRelease } from "./releases.ts";
import { holdModel, openServed, shelfOf } from "./served-model.ts";
import { tokenCheck, tokenOfFile } from "./token.ts";

export interface ServeNodeOptions {
  readonly home: string;
  /** Default: this machine alone. Beyond it, put something that speaks TLS in front. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Default: of `tokenFile`. */
  readonly token?: string;
  /** Made where there is none; default `keys/serve-token` of the home. */
  readonly tokenFile?: string;
  /** As policy.json permits, or stricter; default: as it permits. */
  readonly mode?: ServingLimits["mode"];
  readonly minSupport?: number;
  /** Wished horizon of churn, days, where the federation's model has no such head; default 30. */
  readonly churnDays?: number;
  /** A folder of `tributary model export --hybrid`, in place of what the ledger names. */
  readonly artefact?: string;
  /** Milliseconds between looks for a newer model or store; default 2000. */
  readonly reloadEvery?: number;
  /** Default: JSON lines on stderr. */
  readonly log?: Logger;
}

export interface ServingNode {
  readonly url: string;
  readonly port: number;
  /** Undefined where the token was given. */
  readonly tokenFile: string | undefined;
  /** Resolves once the first model is served, or can't be. */
  readonly ready: Promise<void>;
  /** Never by itself: serving ends when it is closed. */
  readonly finished: Promise<void>;
  close(): Promise<void>;
}

/**
 * @throws TRB_NODE_NOT_JOINED, TRB_NODE_HOME_UNREADABLE, TRB_NODE_CATALOGUE_MISMATCH, TRB_NODE_STORE_UNREADABLE, TRB_SERVE_TOKEN_UNUSABLE,
 *   TRB_POLICY_SERVING_LOOSER, TRB_SERVE_CANNOT_LISTEN
 */
export async function serveNode(options: ServeNodeOptions): Promise<ServingNode> {
  const { host = "127.0.0.1", port, churnDays = 30, artefact } = options;
  const { reloadEvery = 2_000 } = options;
  const log = options.log ?? pino({ base: null }, destination({ dest: 2, sync: true }));
  const home = openHome(options.home);
  home.database.close(); // charges and votes are the running node's
  const { layout, plan, membership } = home;
  const tokenFile = options.token === undefined ? (options.tokenFile ?? layout.serveToken) : undefined;
  const isToken = tokenCheck(options.token ?? tokenOfFile(tokenFile ?? layout.serveToken));
  const limits = () => permittedServing(readPolicy(layout), options);
  let serve = limits();
  const catalogue = readPlannedCatalogue(layout, plan);
  openOrMakeStore(layout); // what is told before the first import has to go somewhere
  let stored = readServed(layout);
  const customers = openCustomers(stored.histories, stored);
  let names = namesOf(home, catalogue);
  const executor = onnxruntimeExecutor();
  const first = preparePopularity({ catalogue, histories: stored.histories, serve, churnDays, plan });
  const holder = holdModel(await openServed(first, executor));
  const journal = openLiveJournal(layout);
  const keep: KeepEvents = (events) => journal.append(historiesOfLive(events), stored.passed);
  const metrics = servingMetrics(holder, customers);
  const client = connectHttp(membership.url, membership);
  const http = servingHttp({ shelf: shelfOf(catalogue, () => names), customers, keep, holder, metrics, isToken, log });
  const stopping = new AbortController();
  const { signal } = stopping;
  const ready = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();

  /** What the model that is served was made of. */
  let served: string | undefined;

  /** One look: whatever is new is prepared beside what serves, and exchanged. */
  const look = async (): Promise<void> => {
    if (storeEdition(layout) !== stored.edition) {
      customers.expect();
      stored = await readInThread(layout, signal);
      customers.replace(stored.histories, stored);
      names = namesOf(home, catalogue);
      log.info({ customers: customers.counts().stored }, "other histories are served");
    }
    const release = artefact === undefined ? latestRelease(layout, plan) : undefined;
    const wanted = limits(); // the merchant may have changed its mind
    const from = JSON.stringify([stored.edition, release?.hash, personalStamp(layout), wanted]);
    if (from === served) return;
    if (release !== undefined) await keepModel(layout, release, client);
    serve = wanted;
    const order: PrepareOrder = { home: layout.home, serve, churnDays, release, artefact };
    const prepared = await prepareInThread(order, signal);
    const next = await openServed(prepared, executor);
    if (signal.aborted) return next.ranker.close();
    holder.replace(next);
    served = from;
    const { source, round, parts, personal } = prepared.origin;
    log.info({ source, round, parts, personal }, "a model is served");
  };

  let said = "";
  const watch = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await look();
        said = "";
      } catch (error) {
        const code = isTributaryError(error) ? error.code : "TRB_SERVE_MODEL_UNUSABLE";
        const reason = isTributaryError(error) ? error.message : error instanceof Error ? error.name : "unknown";
        if (!signal.aborted && code !== said) log.warn({ code, reason }, "what was served before goes on");
        said = code;
      }
      ready.resolve();
      await pause(reloadEvery, undefined, { signal }).catch(() => {});
    }
  };

  try {
    await listen(http, host, port);
  } catch (error) {
    await Promise.all([http.close(), holder.close(), client.close()]);
    throw error;
  }
  const compacted = keepCompacted(layout, log);
  const watching = watch();
  const address = http.server.address() as AddressInfo;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
  log.info({ url, ...serve }, "serving");

  const close = async (): Promise<void> => {
    stopping.abort();
    await http.close(); // those who asked are answered
    await watching;
    await Promise.all([journal.close(), compacted.close(), holder.close(), client.close()]);
    ended.resolve();
  };
  let closing: Promise<void> | undefined;
  return {
    ...{ url, port: address.port, tokenFile, ready: ready.promise, finished: ended.promise },
    close: () => (closing ??= close()),
  };
}

/** What the last import was told of the merchant's own SKUs. */
function namesOf({ layout }: Home, catalogue: Catalogue): OwnNames | undefined {
  const names = readItemNames(layout);
  return names && ownNames(catalogue, names);
}

async function listen(http: FastifyInstance, host: string, port: number): Promise<void> {
  try {
    await http.listen({ host, port });
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw fail("TRB_SERVE_CANNOT_LISTEN", { host, port, reason }, error);
  }
}
