/**
 * The benchmark's federation: a coordinator or several replicas as processes, and nodes in a few more. One round warms up and isn't counted; what every process
 * used is asked for when a round begins, so that what a round leaves to be done afterwards (its entry goes to all nodes) counts with it.
 */

import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { coordinatorIdentity, homeLayout } from "@tributary/coordinator";
import { fail } from "@tributary/errors";
import { catalogueBytes } from "@tributary/events";
import { type Entry, parseLine } from "@tributary/ledger";
import { type Plan, wireFormOf } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { roundPlan } from "@tributary/simulate";
import type { ProgressBar } from "../../../progress.ts";
import type { ChildProcesses, Party } from "../round/federation.ts";
import { givenVector } from "../round/words.ts";
import type { CoordinatorAnswer, CoordinatorOrder, CrowdAnswer, CrowdOrder, PhaseUsage, Usage } from "./words.ts";

export interface CoordinatorBenchmark {
  readonly nodes: number;
  readonly cohort: number;
  readonly parameters: number;
  /** Measured rounds. */
  readonly rounds: number;
  /** Of replicas: the database that they share. */
  readonly databaseUrl: string | undefined;
  readonly replicas: number;
  /** Octets of the model that every node downloads in the end. */
  readonly download: number;
  /** An empty folder, for the homes. */
  readonly folder: string;
}

export interface MeasuredCoordinator {
  readonly dimension: number;
  /** Of each replica: what it had used when each round began, from the first measured one on, and after the last. */
  readonly usages: readonly (readonly Usage[])[];
  /** Of the measured rounds, at the replica that leads. */
  readonly phases: readonly PhaseUsage[];
  readonly download: { readonly octets: number; readonly seconds: number };
  /** At the end of everything, of the largest process. */
  readonly peakMb: number;
  /** Codes with which nodes were refused anything. */
  readonly refused: readonly string[];
}

interface Replica {
  readonly replica: Party<CoordinatorOrder, CoordinatorAnswer>;
  readonly url: string;
}

/** Processes that nodes are in: one holds many connections, and its nodes check each signature once for all of them. */
const crowds = 2;
const [coordinatorEntry, crowdEntry] = ["./coordinator-process.ts", "./crowd-process.ts"].map(
  (path) => new URL(path, import.meta.url).href,
) as [string, string];

/** @throws TRB_UNEXPECTED when a process fails, a sum is wrong, or the cohort isn't the one that was asked for; TRB_PLAN_… */
export async function measureCoordinator(
  benchmark: CoordinatorBenchmark,
  processes: ChildProcesses,
  progress: ProgressBar,
): Promise<MeasuredCoordinator> {
  const { nodes, cohort, parameters, folder, databaseUrl } = benchmark;
  const done = (what: string, of: number) => progress.show(`bench coordinator: ${what}`, of, 5);
  const rounds = benchmark.rounds + 1;
  const home = (replica: number) => join(folder, `coordinator-${replica}`);
  const { key: coordinatorKey } = coordinatorIdentity(home(0));
  const { plan, catalogue } = roundPlan(nodeCrypto(), {
    nodes: cohort,
    parameters,
    rounds,
    coordinatorKey,
    uploadDeadline: 600_000,
  });
  const file = (name: string) => join(folder, name);
  writeFileSync(file("plan.json"), JSON.stringify(plan));
  writeFileSync(file("catalogue.jsonl"), catalogueBytes(catalogue));

  done("starting", 0);
  const replicas: Replica[] = [];
  for (let place = 0; place < benchmark.replicas; place++) {
    if (place > 0) copyIdentity(home(0), home(place));
    const replica = processes.fork<CoordinatorOrder, CoordinatorAnswer>(coordinatorEntry);
    replica.tell({
      ...{ type: "serve", home: home(place), plan: file("plan.json"), catalogue: file("catalogue.jsonl"), nodes, cohort },
      ...(databaseUrl === undefined ? {} : { shared: { databaseUrl, replica: `replica-${place}`, blobs: file("blobs") } }),
    });
    replicas.push({ replica, url: (await replica.hear("listening")).url });
  }

  done("joining", 1);
  const parties = Array.from({ length: Math.min(crowds, nodes) }, () => processes.fork<CrowdOrder, CrowdAnswer>(crowdEntry));
  const shares: string[][] = parties.map(() => []);
  for (const [place, { replica }] of replicas.entries()) {
    const mine = Array.from({ length: nodes }, (_, node) => node).filter((node) => node % replicas.length === place);
    const names = mine.map((node) => `node-${String(node).padStart(5, "0")}`);
    replica.tell({ type: "invite", nodes: names, ...(databaseUrl === undefined ? {} : { databaseUrl }) });
    const { invites } = await replica.hear("invited");
    for (const [i, invite] of invites.entries()) shares[i % shares.length]?.push(invite);
  }
  await all(parties, async (party, place) => {
    party.tell({ type: "join", invites: shares[place] ?? [] });
    await party.hear("joined");
  });

  done("rounds", 2);
  const usagesOf = () =>
    all(replicas, async ({ replica }) => {
      replica.tell({ type: "usage" });
      return await replica.hear("usage");
    });
  for (const party of parties) party.tell({ type: "connect" });
  const usages: Usage[][] = replicas.map(() => []);
  const note = (now: readonly Usage[]) => now.forEach((usage, place) => void usages[place]?.push(usage));
  for (let round = 1; round <= rounds; round++) {
    const began = await Promise.race(replicas.map(({ replica }) => replica.hear("roundBegan")));
    if (began.round !== round) throw unexpected(`round ${began.round} began where round ${round} was expected`);
    if (round > 1) note(await usagesOf());
    done("rounds", 2 + round / (rounds + 1));
  }
  const followed = await all(parties, (party) => party.hear("followed"));
  const finished = await all(replicas, ({ replica }) => replica.hear("finished"));
  note(await usagesOf());
  requireRounds(readFileSync(finished[0]?.ledger ?? "", "utf8"), benchmark, plan);

  done("downloading", 4);
  const [first] = replicas;
  if (first === undefined) throw unexpected("no coordinator ran");
  first.replica.tell({ type: "keep", octets: benchmark.download });
  const { sha256 } = await first.replica.hear("kept");
  const urls = replicas.map(({ url }) => url);
  const begun = performance.now();
  const downloaded = await all(parties, async (party, place) => {
    const mine = Math.floor((nodes + place) / parties.length);
    party.tell({ type: "download", urls, sha256, octets: benchmark.download, nodes: mine });
    return await party.hear("downloaded");
  });
  const seconds = (performance.now() - begun) / 1e3;
  const peaks = (await usagesOf()).map(({ peakMb }) => peakMb);
  done("done", 5);
  for (const party of parties) party.tell({ type: "end" });
  for (const { replica } of replicas) replica.tell({ type: "end" });
  return {
    ...{ dimension: plan.releases[0]?.dimension ?? 0, usages },
    phases: finished.flatMap(({ phases }) => phases).filter(({ round }) => round > 1),
    download: { octets: downloaded.reduce((sum, { octets }) => sum + octets, 0), seconds },
    peakMb: Math.max(...peaks),
    refused: [...new Set(followed.flatMap(({ refused }) => refused))],
  };
}

const all = <Item, Result>(items: readonly Item[], work: (item: Item, place: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(items.map(work));

/** Every replica has a copy of the same identity key. */
function copyIdentity(from: string, to: string): void {
  const target = homeLayout(to).identity;
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  copyFileSync(homeLayout(from).identity, target);
}

/** Whatever is measured must be right: so many rounds, each with the whole cohort, each with the sum of what its survivors gave. */
function requireRounds(ledger: string, { rounds, cohort }: CoordinatorBenchmark, plan: Plan): void {
  const entries: Entry[] = ledger
    .split("\n")
    .filter((line) => line !== "")
    .map(parseLine);
  const released = entries.filter((entry) => entry.kind === "round");
  if (released.length !== rounds + 1) throw unexpected(`${released.length} of ${rounds + 1} rounds released a sum`);
  const wire = wireFormOf(plan, 0);
  for (const { round, survivors, sumHash } of released) {
    if (survivors.length !== cohort) throw unexpected(`${survivors.length} of ${cohort} nodes survived round ${round}`);
    const sum = givenVector(wire.coordinates).map((word) => (word * survivors.length) % 2 ** wire.bits);
    const expected = createHash("sha256").update(new Uint8Array(sum.buffer)).digest("hex");
    if (sumHash !== expected) throw unexpected(`the sum of round ${round} is wrong`);
  }
}

const unexpected = (reason: string) => fail("TRB_UNEXPECTED", { reason });
