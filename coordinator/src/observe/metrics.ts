/**
 * What Prometheus may scrape of a replica. Two kinds: what it counted itself since it started (counters and histograms: sum them over replicas), and what
 * the federation's database says when it is asked (gauges: every replica says the same, so take the largest). No label has a value that a stranger or a
 * node could choose, and none names a node: how many series there are doesn't depend on who takes part.
 */
import { errorTable } from "@tributary/errors";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type FederationFacts, phases } from "./facts.ts";

/** What this process can say without asking anybody. */
export interface LocalFacts {
  readonly traffic: { readonly bytesIn: number; readonly bytesOut: number };
  /** Nodes that are connected here. */
  readonly connections: number;
  /** Undefined while another replica leads, or none. */
  readonly fence: number | undefined;
  readonly eventsWaiting: number;
  readonly uploadsOpen: number;
  /** Computations of this replica's rounds under way. */
  readonly workUnderWay: number;
  /** In seconds, the largest of the last few. */
  readonly eventLoopDelay: number;
  /** Octets. */
  readonly disk: readonly { readonly place: "home" | "blobs"; readonly free: number; readonly size: number }[];
  /** Seconds since 1970; undefined where TLS isn't spoken here. */
  readonly certificateExpires: number | undefined;
}

export interface MetricsParts {
  readonly federation: string;
  readonly build: { readonly version: string; readonly software: string };
  readonly local: () => LocalFacts | Promise<LocalFacts>;
  /** Undefined when the database doesn't answer: then there are no gauges of it. */
  readonly shared: () => Promise<FederationFacts | undefined>;
}

/** Where something is kept. */
type StoreName = "database" | "blobs";
export type Dropout = "keys" | "shares" | "masked";

export interface CoordinatorMetrics {
  phaseEnded(phase: string, seconds: number): void;
  droppedOut(phase: Dropout, nodes: number): void;
  /**
   * @param code why it was given up; undefined: something was released
   * @param seconds undefined for one that began under another leadership
   */
  roundEnded(code: string | undefined, seconds: number | undefined): void;
  storeFailed(store: StoreName, code: string): void;
  /** @param route its pattern; undefined for what is no route */
  answered(route: string | undefined, status: number, seconds: number): void;
  /** @param by whom: this replica a message or a request, or a node what it was told */
  refused(by: "coordinator" | "node", code: string): void;
  worked(task: "sum" | "apply", seconds: number): void;
  text(): Promise<string>;
  readonly contentType: string;
}

/** Seconds: a phase takes from milliseconds to as long as the plan lets stragglers take; a round all of them together. */
const phaseBuckets = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600];
const requestBuckets = [0.002, 0.01, 0.05, 0.25, 1, 5, 30];

/** Of the error table; nodes may say anything that looks like a code. */
const known = (code: string): string => (Object.hasOwn(errorTable, code) ? code : "other");

export function coordinatorMetrics({ federation, build, local, shared }: MetricsParts): CoordinatorMetrics {
  const registry = new Registry();
  registry.setDefaultLabels({ federation });
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const gauge = <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge<Label>({ name: `tributary_${name}`, help, registers, labelNames: [...labelNames] });
  const counter = <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter<Label>({ name: `tributary_${name}`, help, registers, labelNames: [...labelNames] });
  const histogram = <Label extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: readonly Label[] = [],
  ) => new Histogram<Label>({ name: `tributary_${name}`, help, registers, buckets, labelNames: [...labelNames] });

  const rounds = counter("rounds_total", "Rounds that ended while this replica led, by outcome and error code", [
    "outcome",
    "code",
  ]);
  rounds.inc({ outcome: "released", code: "" }, 0);
  const roundSeconds = histogram("round_seconds", "From offer to entry", phaseBuckets);
  const phaseSeconds = histogram("phase_seconds", "How long a round's phases took", phaseBuckets, ["phase"]);
  const dropouts = counter("dropouts_total", "Nodes that a phase began with and ended without", ["phase"]);
  for (const phase of ["keys", "shares", "masked"] as const) dropouts.inc({ phase }, 0);
  const storeErrors = counter("store_errors_total", "Faults of database and blobs, those that passed included", [
    "store",
    "code",
  ]);
  const requests = counter("http_requests_total", "Requests answered, by route and status", ["route", "status"]);
  const requestSeconds = histogram("http_request_seconds", "From a request's head to its answer", requestBuckets, ["route"]);
  const refusals = counter("refused_total", "Messages and requests refused, by who did and error code", ["by", "code"]);
  const workSeconds = histogram("work_seconds", "How long sums and models took to compute", phaseBuckets, ["task"]);

  const traffic = counter("bytes_total", "TCP payload of all connections with nodes and operators", ["direction"]);
  const connections = gauge("connections", "Nodes that are connected with this replica");
  const leader = gauge("leader", "1 while this replica leads");
  const eventLoop = gauge("event_loop_delay_seconds", "The largest delay of the event loop in the last seconds");
  const queue = gauge("queue_length", "Engine events waiting, uploads coming in, computations under way, and jobs waiting", [
    "queue",
  ]);
  const diskFree = gauge("disk_free_bytes", "Room left on the disk of the home, and of blobs in a folder", ["place"]);
  const diskSize = gauge("disk_size_bytes", "The size of that disk", ["place"]);
  const certificate = gauge("certificate_expiry_timestamp_seconds", "When the certificate that is served expires");

  const reachable = gauge("database_reachable", "1 when the database answered this scrape");
  const fence = gauge("fence", "The newest leadership's fencing token");
  const leaseAge = gauge("lease_age_seconds", "Since the leader last renewed its lease, by the database's clock");
  const phaseNow = gauge("phase", "1 for what the federation is doing", ["phase"]);
  const nodes = gauge("nodes", "Nodes connected with any replica, joined, and required for a round", ["state"]);
  const spent = gauge("epsilon_spent", "Spent so far, as the ledger claims it");
  const limit = gauge("epsilon_limit", "The plan's");
  const charged = gauge("rounds_charged", "Rounds charged so far, by kind of release", ["release"]);
  const allowed = gauge("rounds_limit", "Rounds that the plan allows, by kind of release", ["release"]);
  const lastRelease = gauge("last_release_timestamp_seconds", "When the last released round ended; founding before the first");
  const entries = gauge("ledger_entries", "Entries of the ledger");
  const waiting = gauge("requests_waiting", "What operators and nodes asked to be written between rounds");
  const jobAge = gauge("oldest_job_seconds", "How long the oldest job waits that no worker has taken");
  const single = [fence, leaseAge, spent, limit, lastRelease, entries, waiting, jobAge];
  const labelled = [phaseNow, nodes, charged, allowed];
  gauge("build_info", "1; what runs", ["version", "software", "node"]).set({ ...build, node: process.versions.node }, 1);

  function tellLocal(facts: LocalFacts): void {
    traffic.reset();
    traffic.inc({ direction: "in" }, facts.traffic.bytesIn);
    traffic.inc({ direction: "out" }, facts.traffic.bytesOut);
    connections.set(facts.connections);
    leader.set(facts.fence === undefined ? 0 : 1);
    eventLoop.set(facts.eventLoopDelay);
    queue.reset();
    queue.set({ queue: "engine" }, facts.eventsWaiting);
    queue.set({ queue: "uploads" }, facts.uploadsOpen);
    queue.set({ queue: "work" }, facts.workUnderWay);
    for (const { place, free, size } of facts.disk) {
      diskFree.set({ place }, free);
      diskSize.set({ place }, size);
    }
    if (facts.certificateExpires === undefined) certificate.remove();
    else certificate.set(facts.certificateExpires);
  }

  function tellShared(facts: FederationFacts | undefined): void {
    reachable.set(facts === undefined ? 0 : 1);
    for (const one of labelled) one.reset();
    for (const one of single) one.remove(); // reset, they would be 0
    if (facts === undefined) return;
    fence.set(facts.fence);
    leaseAge.set(facts.leaseAge);
    for (const phase of phases) phaseNow.set({ phase }, facts.phase === phase ? 1 : 0);
    nodes.set({ state: "connected" }, facts.connected);
    nodes.set({ state: "joined" }, facts.joined);
    nodes.set({ state: "required" }, facts.required);
    spent.set(facts.epsilonSpent);
    limit.set(facts.epsilonLimit);
    for (const { kind, rounds: of } of facts.releases) {
      charged.inc({ release: kind }, of.charged);
      allowed.inc({ release: kind }, of.limit);
    }
    lastRelease.set(facts.lastRelease);
    entries.set(facts.ledgerEntries);
    waiting.set(facts.requestsWaiting);
    queue.set({ queue: "jobs" }, facts.jobs.waiting);
    jobAge.set(facts.jobs.oldest);
  }

  return {
    phaseEnded: (phase, seconds) => phaseSeconds.observe({ phase }, seconds),
    droppedOut: (phase, count) => dropouts.inc({ phase }, count),
    roundEnded(code, seconds) {
      rounds.inc(code === undefined ? { outcome: "released", code: "" } : { outcome: "aborted", code: known(code) });
      if (seconds !== undefined) roundSeconds.observe(seconds);
    },
    storeFailed: (store, code) => storeErrors.inc({ store, code: known(code) }),
    answered(route = "unknown", status, seconds) {
      requests.inc({ route, status: String(status) });
      requestSeconds.observe({ route }, seconds);
    },
    refused: (by, code) => refusals.inc({ by, code: known(code) }),
    worked: (task, seconds) => workSeconds.observe({ task }, seconds),
    async text() {
      const [here, everywhere] = await Promise.all([local(), shared()]);
      tellLocal(here);
      tellShared(everywhere);
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}
