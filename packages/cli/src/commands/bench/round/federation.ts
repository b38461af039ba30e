/**
 * Rounds in real processes over loopback: a coordinator and every node by itself, first as they are, then the same processes without any
 * secrecy. Every sum is checked against the ledger.
 */
import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { coordinatorIdentity } from "@tributary/coordinator";
import type { PackedBits } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { catalogueBytes } from "@tributary/events";
import { wireFormOf } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { roundPlan } from "@tributary/simulate";
import type { ProgressBar } from "../../../progress.ts";
import { stopChildren } from "../../../stop-children.ts";
import type { PhaseCost } from "./phase-meter.ts";
import {
  type CoordinatorAnswer,
  type CoordinatorOrder,
  givenVector,
  type NodeAnswer,
  type NodeOrder,
  silentVariable,
} from "./words.ts";

export interface RoundBenchmark {
  readonly nodes: number;
  readonly parameters: number;
  /** Nodes that fall silent before they upload, every round the same. */
  readonly dropouts: number;
  /** Measured rounds; one more goes before them. */
  readonly rounds: number;
  /** What a coordinate is sent in; 32 unless given. */
  readonly bits?: PackedBits | undefined;
  /** An empty folder, for the homes. */
  readonly folder: string;
}

export interface Served {
  readonly dimension: number;
  readonly secure: readonly PhaseCost[];
  readonly plain: readonly PhaseCost[];
  /** All nodes' together. */
  readonly nodes: readonly PhaseCost[];
  readonly plainNodes: readonly PhaseCost[];
  readonly coordinator: { readonly idleMb: number; readonly peakMb: number };
  readonly nodePeakMb: number;
}

/** How long uploads are waited for when somebody is known not to come: above what the others take, on a busy machine. */
const uploadDeadline = ({ nodes, parameters, dropouts }: RoundBenchmark) =>
  dropouts === 0 ? 600_000 : 2_000 + nodes * (100 + parameters / 4e3);

export async function benchProcesses(
  benchmark: RoundBenchmark,
  processes: ChildProcesses,
  progress: ProgressBar,
): Promise<Served> {
  const { nodes, dropouts, folder } = benchmark;
  const rounds = benchmark.rounds + 1;
  const file = (name: string) => join(folder, name);
  mkdirSync(folder, { recursive: true });
  const home = file("coordinator");
  const { key: coordinatorKey } = coordinatorIdentity(home);
  const request = { ...benchmark, rounds, coordinatorKey, uploadDeadline: uploadDeadline(benchmark) };
  const { plan, catalogue } = roundPlan(nodeCrypto(), request);
  const dimension = plan.releases[0]?.dimension ?? 0;
  writeFileSync(file("plan.json"), JSON.stringify(plan));
  writeFileSync(file("catalogue.jsonl"), catalogueBytes(catalogue));
  writeFileSync(file("log.csv"), "customer,item,action,time\na,item-0000000,view,1\nb,item-0000001,view,2\n");

  const done = (what: string, of: number) => progress.show(`bench round: ${what}`, of, 4);
  const coordinator = processes.fork<CoordinatorOrder, CoordinatorAnswer>("coordinator-process.ts");
  coordinator.tell({ type: "serve", home, plan: file("plan.json"), catalogue: file("catalogue.jsonl"), nodes });
  await coordinator.hear("listening");
  const names = Array.from({ length: nodes }, (_, node) => `node-${String(node).padStart(4, "0")}`);
  const parties = names.map((name, place) => ({
    name,
    process: processes.fork<NodeOrder, NodeAnswer>("node-process.ts", place < dropouts ? { [silentVariable]: "1" } : {}),
  }));
  done("joining", 0);
  const fingerprints: string[] = [];
  for (const { name, process } of parties) {
    coordinator.tell({ type: "invite", node: name });
    const { invite } = await coordinator.hear("invited");
    process.tell({ type: "join", home: file(name), invite });
    fingerprints.push((await process.hear("joined")).fingerprint);
  }
  done("rounds", 1);
  for (const { process } of parties) process.tell({ type: "start", peers: fingerprints, log: file("log.csv") });
  const served = await coordinator.hear("served");
  const finished = await Promise.all(parties.map(({ process }) => process.hear("finished")));
  requireSums(readFileSync(join(home, "ledger.jsonl"), "utf8"), rounds, nodes - dropouts, wireFormOf(plan, 0));

  done("the same rounds unmasked", 2);
  coordinator.tell({ type: "plain", rounds, nodes: nodes - dropouts });
  const { url } = await coordinator.hear("plainListening");
  const uploading = parties.slice(dropouts);
  for (const { name, process } of uploading) process.tell({ type: "plain", url, name, dimension, rounds });
  const plain = await coordinator.hear("plainServed");
  const plainNodes = await Promise.all(uploading.map(({ process }) => process.hear("plainFinished")));
  done("done", 4);
  coordinator.tell({ type: "end" });
  for (const { process } of parties) process.tell({ type: "end" });
  return {
    ...{ dimension, secure: warm(served.costs), plain: warm(plain.costs) },
    nodes: warm(finished.flatMap(({ costs }) => costs)),
    plainNodes: warm(plainNodes.flatMap(({ costs }) => costs)),
    coordinator: { idleMb: served.idleMb, peakMb: served.peakMb },
    nodePeakMb: Math.max(...finished.map(({ peakMb }) => peakMb)),
  };
}

/** Without the first round, which loads and compiles what the others find ready. */
const warm = (costs: readonly PhaseCost[]) => costs.filter(({ round }) => round > 1);

/** Whatever is measured must be right: every round released so many given vectors' sum. @throws TRB_UNEXPECTED */
function requireSums(ledger: string, rounds: number, survivors: number, wire: ReturnType<typeof wireFormOf>): void {
  const sum = givenVector(wire.coordinates).map((word) => (word * survivors) % 2 ** wire.bits);
  const expected = createHash("sha256").update(new Uint8Array(sum.buffer)).digest("hex");
  const released = ledger.split("\n").filter((line) => line.includes(`"sumHash":"${expected}"`)).length;
  if (released !== rounds) throw fail("TRB_UNEXPECTED", { reason: `${released} of ${rounds} rounds had the right sum` });
}

export interface Party<Order, Answer extends { readonly type: string }> {
  tell(order: Order): void;
  /** The next answer of this type. @throws TRB_UNEXPECTED when the process fails or ends */
  hear<Type extends Answer["type"]>(type: Type): Promise<Extract<Answer, { readonly type: Type }>>;
}

export interface ChildProcesses {
  fork<Order, Answer extends { readonly type: string }>(
    entry: string,
    environment?: Readonly<Record<string, string>>,
  ): Party<Order, Answer>;
  stopAll(): Promise<void>;
}

/** Every process is known by its handle, and ends with this one: its channel closes. */
export function childProcesses(): ChildProcesses {
  const alive = new Set<ChildProcess>();
  return {
    fork<Order, Answer extends { readonly type: string }>(entry: string, environment = {}): Party<Order, Answer> {
      const child = fork(fileURLToPath(new URL(entry, import.meta.url)), [], { env: { ...process.env, ...environment } });
      alive.add(child);
      const heard: Answer[] = [];
      const waiting: {
        readonly type: string;
        readonly resolve: (answer: Answer) => void;
        readonly reject: (error: Error) => void;
      }[] = [];
      let failure: Error | undefined;
      const failAll = (reason: string) => {
        failure ??= fail("TRB_UNEXPECTED", { reason });
        for (const { reject } of waiting.splice(0)) reject(failure);
      };
      child.on("message", (answer: Answer) => {
        if (answer.type === "failed" && "reason" in answer) return failAll(String(answer.reason));
        const place = waiting.findIndex(({ type }) => type === answer.type);
        const [asked] = place < 0 ? [] : waiting.splice(place, 1);
        if (asked) asked.resolve(answer);
        else heard.push(answer);
      });
      child.on("close", (code) => {
        alive.delete(child);
        failAll(`${entry} ended with ${code}`);
      });
      return {
        tell: (order) => void child.send(order as object),
        hear<Type extends Answer["type"]>(type: Type) {
          return new Promise<Answer>((resolve, reject) => {
            const place = heard.findIndex((answer) => answer.type === type);
            const [answer] = place < 0 ? [] : heard.splice(place, 1);
            if (answer) resolve(answer);
            else if (failure) reject(failure);
            else waiting.push({ type, resolve, reject });
          }) as Promise<Extract<Answer, { readonly type: Type }>>;
        },
      };
    },
    stopAll: () => stopChildren(alive),
  };
}
