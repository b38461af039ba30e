/**
 * The coordinator as a process: opens the home, serves HTTP and socket.io on one port, runs the federation until it is closed.
 *
 *   lock ─▶ identity ─▶ store, blobs ─▶ founding ─▶ serve: HTTP, sockets ─▶ listen ─▶ lead
 */

import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "@tributary/errors";
import type { Context } from "@tributary/federation";
import { softwareHash } from "@tributary/ledger/software";
import { keepExtension, loadExtensions, openExtension } from "@tributary/model/extension-files";
import { type Plan, parsePlan, type Sha256 } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { Logger } from "pino";
import { operatorsHalf } from "./access/federation-half.ts";
import type { ScryptCost } from "./access/passwords.ts";
import { openCertificates } from "./certify.ts";
import { type FoundingRequest, foundFederation } from "./founding.ts";
import { coordinatorIdentity } from "./home/identity.ts";
import { clearTemporaries, type HomeLayout, homeLayout, makeFolders } from "./home/layout.ts";
import { lockHome } from "./home/lock.ts";
import { systemRandom } from "./home/random.ts";
import { startLeading } from "./leading.ts";
import { openMembership } from "./membership.ts";
import { rotationNote } from "./notes.ts";
import { childLog, coordinatorLog } from "./observe/logging.ts";
import { type Observation, observe } from "./observe/observation.ts";
import { watchedObjects } from "./observe/store-watch.ts";
import type { ServedPages } from "./pages/serve-pages.ts";
import { onlyProcess, onlyReplica } from "./replicas/only-process.ts";
import { keepPresence } from "./replicas/presence.ts";
import { openReplica, replicaOf, type Term } from "./replicas/replica.ts";
import type { RoundSchedule } from "./rounds/schedule.ts";
import { statusOf } from "./status.ts";
import { claimObjects, openBlobs } from "./storage/blobs.ts";
import { openObjects } from "./storage/objects.ts";
import { openStoreOf } from "./storage/open-store.ts";
import { postgresAddress } from "./storage/postgres.ts";
import { openUploads } from "./storage/uploads.ts";
import { watchDraining } from "./transport/draining.ts";
import { watchGuests } from "./transport/guests.ts";
import { watchHomecoming } from "./transport/homecoming.ts";
import { createHttp } from "./transport/http.ts";
import type { MessageRateLimit } from "./transport/message-rate.ts";
import { requireOrigins } from "./transport/origins.ts";
import { type Sockets, serveSockets, socketServer } from "./transport/sockets.ts";
import { reloadTls, requirePrivateWay, type TlsFiles } from "./transport/tls.ts";
import { countTraffic } from "./transport/traffic.ts";
import { openWork } from "./work/open-work.ts";

export interface CoordinatorOptions extends FoundingRequest {
  /** Where everything is kept; made when it is not there. */
  readonly home: string;
  /** Where models and masked vectors are kept, for one federation: a folder, or `s3://bucket/prefix`. Default: the home. */
  readonly blobs?: string;
  /**
   * Of a database in PostgreSQL, `postgres://…[?schema=name]`, which any number of replicas may share, each with a home of its own and a copy of the
   * same identity key. Default: a database in the home, for this process alone.
   */
  readonly databaseUrl?: string | undefined;
  /** The name of this replica, which no other one has. Default: one that is made of machine and home. */
  readonly replica?: string | undefined;
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The federation begins when so many nodes have joined and are connected. Default, and least: the plan's minimum cohort. */
  readonly startWhen?: number;
  /** How many vectors may come in at a time (default 32), and after how many milliseconds one gives way to another (default 5000). */
  readonly uploadTurns?: { readonly most: number; readonly turn: number };
  /** How many messages one node may send at once, and a second (default 200 and 20). */
  readonly nodeMessages?: MessageRateLimit;
  /** When rounds begin, with whom, and how long stragglers are waited for; unless given at any time, with everybody, as long as the plan allows. */
  readonly schedule?: RoundSchedule;
  /** Offers in a row that nodes may refuse for one reason before no more are made; 0: any number. Default 10. */
  readonly mostRefused?: number;
  /** What then: `wait` for somebody to connect anew (the default), or `end`, and `finished` rejects with TRB_COORDINATOR_OFFERS_REFUSED. */
  readonly whenRefused?: "wait" | "end";
  /** Files of the plan's extensions; needed at the first start only. */
  readonly extensions?: readonly string[];
  /** Files of a certificate and its key: TLS is spoken, and nothing else. */
  readonly tls?: TlsFiles;
  /** Proxies that are believed what they say of where a request came from and that it came over TLS: addresses and ranges with commas between them. */
  readonly trustProxy?: string;
  /** Without TLS here or at a proxy it listens on this machine's own addresses only, unless this is set: for test networks. */
  readonly insecureHttp?: boolean;
  /** Built pages to serve; without them there are none. */
  readonly pages?: ServedPages;
  /** Origins of other servers whose device pages may speak to this one, `https://shop.example`. */
  readonly allowOrigins?: readonly string[];
  /** What a password's hash costs; tests take less than `passwords.ts` says. */
  readonly passwordCost?: ScryptCost;
  /** Test-only entries pass seeded streams. */
  readonly random?: Context["random"];
  /** Who shows this may scrape `/metrics` from another machine. */
  readonly metricsToken?: string;
  /** From `fatal` to `trace`, or `silent`; of the default log. Default: `info`. */
  readonly logLevel?: string;
  /** Default: JSON lines on stderr. Either way nothing private gets into its lines. */
  readonly log?: Logger;
}

export interface RunningCoordinator {
  readonly url: string;
  readonly port: number;
  /** SHA-256 of the identity key: what invites carry. */
  readonly fingerprint: Sha256;
  readonly federation: string;
  /** The ledger is closed and those who are connected have heard of it. Rejects when the server had to stop. */
  readonly finished: Promise<void>;
  /** Reads the certificate's files again, for connections from now on. @throws TRB_COORDINATOR_TLS_INVALID, and the old one stays */
  reloadTls(): void;
  /**
   * Ends without a loss for those who are at it: takes nothing new, gives the leadership to another replica at once, lets what has begun come to its end,
   * and closes.
   * @param seconds after which it closes whatever is still under way: that goes on elsewhere, or at the next start
   */
  drain(seconds: number): Promise<void>;
  /** Stops cleanly; the next start goes on where this one stopped. May be called more than once. */
  close(): Promise<void>;
}

/** Keeps the files that were given, and loads those that the plan names: model and optimiser are built from them. */
async function loadPlanned(
  { extensions: folder }: HomeLayout,
  plan: Plan | undefined,
  { extensions = [] }: Pick<CoordinatorOptions, "extensions">,
): Promise<void> {
  for (const file of extensions) keepExtension(folder, await openExtension(file));
  await loadExtensions(folder, plan?.extensions);
}

/** How often a replica says that it lives, in milliseconds. */
const presenceEvery = 5_000;
/** How long those who are connected may take to hear of the closing entry before `finished`. */
const farewell = 10_000;
/** How long the end waits for members after a start, and for a node that was here from when its connection was lost. */
const arrival = 5_000;
const patience = 20_000;

/**
 * @throws TRB_COORDINATOR_PLAIN_HTTP, TRB_COORDINATOR_TLS_INVALID, TRB_PLAN_COHORT_ABOVE_NODES, TRB_COORDINATOR_HOME_IN_USE, TRB_COORDINATOR_PORT_IN_USE, TRB_COORDINATOR_CANNOT_LISTEN, TRB_COORDINATOR_KEY_UNREADABLE,
 *   TRB_COORDINATOR_STORE_DAMAGED, TRB_COORDINATOR_BLOBS_TAKEN, what `openObjects` throws, TRB_EXTENSION_UNREADABLE, TRB_EXTENSION_ALTERED, and what `foundFederation` refuses
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<RunningCoordinator> {
  const { home, port, host = "127.0.0.1", random = systemRandom, mostRefused = 10, whenRefused = "wait" } = options;
  const started = options.log ?? coordinatorLog({ level: options.logLevel });
  const closers: (() => void | Promise<void>)[] = []; // run backwards
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= closeAll(closers));

  try {
    const tls = requirePrivateWay(host, options);
    const { allowOrigins = [] } = options;
    requireOrigins(allowOrigins);
    const layout = homeLayout(home);
    makeFolders(layout);
    const lock = lockHome(layout);
    closers.push(() => lock.release());
    clearTemporaries(layout);
    const identity = coordinatorIdentity(home);
    const { databaseUrl } = options;
    const replica = databaseUrl === undefined ? onlyReplica : (options.replica ?? replicaOf(home));
    let observation: Observation | undefined;
    const store = await openStoreOf({
      ...{ layout, databaseUrl, create: true },
      faulted: (code) => observation?.metrics.storeFailed("database", code),
    });
    closers.push(() => store.close());
    const places = { objects: options.blobs ?? home, extensions: layout.extensions };
    const objects = watchedObjects(await openObjects(places.objects), (code) =>
      observation?.metrics.storeFailed("blobs", code),
    );
    closers.push(() => objects.close());
    const blobs = openBlobs(objects);
    await loadPlanned(
      layout,
      (await store.plan())?.plan ?? (options.plan === undefined ? undefined : parsePlan(options.plan)),
      options,
    );
    const { plan, planHash } = await foundFederation(layout, store, blobs, identity, options);
    const log = childLog(started, { federation: plan.federation, replica });
    const { startWhen = plan.minCohort } = options;
    if (startWhen < plan.minCohort) throw fail("TRB_PLAN_COHORT_ABOVE_NODES", { minCohort: plan.minCohort, nodes: startWhen });
    const certificates = openCertificates(layout, identity, store);
    if (options.blobs !== undefined) await claimObjects(objects, plan.federation, planHash);
    const software = softwareHash(import.meta.url);
    const observed = observe({
      ...{ plan, replica, software, store, objects, home, tls: options.tls },
      blobFolder: places.objects.startsWith("s3://") ? undefined : places.objects,
      ...{ traffic: () => traffic, sockets: () => sockets, draining: () => closing !== undefined || draining.active() },
    });
    observation = observed;
    closers.push(() => observed.close());
    const uploads = observed.uploads(openUploads(objects, layout.staging));
    const work = observed.work(await openWork({ places, databaseUrl, log }));
    closers.push(() => work.close());

    const crypto = nodeCrypto();
    const context = () => ({ crypto, random, sign: identity.sign, now: new Date().toISOString(), software });
    const finished = Promise.withResolvers<void>();
    finished.promise.catch(() => {}); // whoever awaits it hears of it; nobody need
    const broken = (error: unknown) => {
      finished.reject(error);
      void close();
    };

    const membership = openMembership(store);
    const http = await createHttp({
      ...{ identity, plan, planHash, store, blobs, certificates, uploads, membership, log },
      ...{ tls, trustProxy: options.trustProxy, pages: options.pages ?? {}, allowOrigins },
      ...(options.uploadTurns === undefined ? {} : { uploadTurns: options.uploadTurns }),
      status: () => statusOf(store, true),
      leader: {
        checkUpload: (message) => deployment.leader.checkUpload(message),
        uploaded: (message) => deployment.leader.uploaded(message),
      },
      joined: (node) => log.info({ node }, "joined"),
      observation: { metrics: observed.metrics, health: observed.health, metricsToken: options.metricsToken },
      access: {
        ...operatorsHalf({
          ...{ plan, store, identity, deadline: () => observed.rounds.deadline() },
          examined: { home, blobs: places.objects, tlsCert: options.tls?.cert },
        }),
        insecureHttp: options.insecureHttp ?? false,
        ...(options.passwordCost === undefined ? {} : { cost: options.passwordCost }),
      },
    });
    closers.push(() => http.close());
    const traffic = countTraffic(http.server);
    const draining = watchDraining(http);
    const guests = watchGuests(http.server);
    const homecoming = watchHomecoming(
      (await store.members()).map(({ node }) => node),
      { arrival, patience },
    );
    let told = false;
    const tellFinished = () => {
      if (told) return;
      told = true;
      log.info("the federation is finished");
      const farewells = async () => {
        await certificates.finish();
        await homecoming.everybody();
        await sockets.drained(farewell);
      };
      void farewells().then(finished.resolve, broken);
    };
    const lead = observed.leading(({ fence, fenced, broken: engineBroken, nodes }: Term) =>
      startLeading({
        ...{ plan, store, blobs, uploads, work, context, traffic, startWhen, mostRefused },
        ...{ log: log.child({ fence }), watch: observed.rounds },
        ...(options.schedule === undefined ? {} : { schedule: options.schedule }),
        ...{ fence, fenced, broken: engineBroken, nodes, ledgerPath: layout.ledger, finished: tellFinished },
        standstill({ reason, offers }) {
          // after the step that this is part of has carried out the rest of its effects
          if (whenRefused === "end") setImmediate(() => broken(fail("TRB_COORDINATOR_OFFERS_REFUSED", { reason, offers })));
        },
      }),
    );
    const io = socketServer(http.server, { admits: () => !draining.active() });
    const deployment =
      databaseUrl === undefined
        ? onlyProcess({ home, store, nodes: () => sockets, lead, broken, log })
        : openReplica({
            ...{ io, sockets: () => sockets, database: postgresAddress(databaseUrl), replica, store },
            ...{ ledgerPath: layout.ledger, lead, finished: tellFinished, broken, log },
          });
    closers.push(() => deployment.close());
    const { leader } = deployment;
    const presence = keepPresence(
      () => store.setConnected(replica, sockets.present()),
      log,
      databaseUrl === undefined ? undefined : presenceEvery,
    );
    closers.push(() => presence.close());
    const sockets: Sockets = serveSockets(io, {
      federation: plan.federation,
      membership,
      rotated: (member) => store.request(rotationNote(member)),
      ...{ leader, others: deployment.others, nodeMessages: options.nodeMessages },
      connected(node) {
        log.info({ node }, "connected");
        homecoming.came(node);
        presence.changed();
        leader.connected(node);
      },
      disconnected(node) {
        if (closing && databaseUrl === undefined) return;
        log.info({ node }, "disconnected");
        homecoming.left(node);
        presence.changed();
        leader.disconnected(node);
      },
      ledgerEntries: () => store.ledgerSize(),
      told: (by, code) => observed.metrics.refused(by, code),
      ...{ guests, log },
    });
    closers.push(() => sockets.close());
    presence.changed();
    const revocations = membership.watch((node) => {
      log.warn({ node }, "revoked");
      sockets.disconnect(node);
    }, log);
    closers.push(() => revocations.close());

    await listen(http, host, port);
    const address = http.server.address() as AddressInfo;
    closers.push(() => deployment.retire());
    await deployment.start();
    const url = `http${tls === undefined ? "" : "s"}://${host.includes(":") ? `[${host}]` : host}:${address.port}`;
    log.info({ url, federation: plan.federation, fingerprint: identity.fingerprint }, "listening");
    return {
      ...{ url, port: address.port, fingerprint: identity.fingerprint, federation: plan.federation },
      ...{ finished: finished.promise, close },
      reloadTls: () => reloadTls(http.server, options.tls),
      async drain(seconds) {
        if (draining.active()) return close();
        const end = performance.now() + 1000 * seconds;
        const left = () => Math.max(0, end - performance.now());
        draining.begin();
        log.info({ seconds }, "draining");
        // the only process leads on: what is under way could come to no end without it
        if (databaseUrl !== undefined) await Promise.race([deployment.retire(), sleep(left(), undefined, { ref: false })]);
        const requests = await draining.settled(left());
        await sockets.drained(left());
        log.info({ requests }, "drained");
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function closeAll(closers: readonly (() => void | Promise<void>)[]): Promise<void> {
  for (const close of closers.toReversed()) await close();
}

async function listen(http: Awaited<ReturnType<typeof createHttp>>, host: string, port: number): Promise<void> {
  try {
    await http.listen({ host, port });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    if (code === "EADDRINUSE") throw fail("TRB_COORDINATOR_PORT_IN_USE", { host, port }, error);
    throw fail("TRB_COORDINATOR_CANNOT_LISTEN", { host, port, reason: code }, error);
  }
}
