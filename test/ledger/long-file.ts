/**
 * A valid ledger of any size, written entry by entry: rounds of an extension's query whose sums stand in their entries (45 kB a line), and between them pauses, which make many short lines.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { chooseScale } from "@tributary/dp";
import { type EntryContent, type EntryKind, emptyHead, mechanismOf, spentAfter, writeAfter } from "@tributary/ledger";
import {
  type Decimal,
  fingerprintOf,
  formatDecimal,
  type Plan,
  planCost,
  planHash,
  type Sha256,
  toHex,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { exampleFederation, genesisDraft, headsFor, votesFor } from "../../packages/ledger/src/example-ledger.ts";
import { examplePlan } from "../../packages/protocol/src/plan/example-plan.ts";

const dimension = 1 << 12;
const pausesPerRound = 2;
const decimal = (text: string) => text as Decimal;

function planOf(coordinatorKey: string, rounds: number): Plan {
  const shape = { arithmetic: "exact", clipNorm: "1", noiseMultiplier: "50", dimension, touched: 3 } as const;
  const { scale } = chooseScale({ ...shape, totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 2 });
  const plan: Plan = {
    ...examplePlan(coordinatorKey),
    extensions: [{ name: "visits", sha256: "ab".repeat(32) as Sha256 }],
    releases: [
      {
        ...{ ...shape, kind: "query", query: "visits", clipNorm: decimal("1"), noiseMultiplier: decimal("50") },
        ...{ samplingRate: decimal("1"), rounds, scale: decimal(scale), fractionBits: 8 },
      },
    ],
  };
  return { ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") };
}

/** @returns what an auditor has from elsewhere, and what is in it */
export function writeLongLedger(path: string, rounds: number) {
  const crypto = nodeCrypto();
  const federation = exampleFederation(crypto, (key) => planOf(key, rounds));
  const { plan, coordinator, nodes } = federation;
  const writer = {
    ...{ crypto, sign: (message: Uint8Array) => crypto.sign(message, coordinator) },
    ...{ software: "5f".repeat(32) as Sha256, now: "2026-01-02T03:04:05Z" },
  };
  const file = openSync(path, "w");
  let [head, octets] = [emptyHead, 0];
  const write = <Kind extends EntryKind>(content: EntryContent<Kind>) => {
    const { line, head: next } = writeAfter(writer, head, content);
    octets += writeSync(file, `${line}\n`);
    head = next;
  };
  write(genesisDraft(federation));
  const cohort = nodes.map(({ node }) => node);
  const sum = Array.from({ length: dimension }, (_, place) => place - 2_000_000_000);
  const words = new Int32Array(sum);
  const sumHash = toHex(crypto.sha256(new Uint8Array(words.buffer))) as Sha256;
  const modelHash = plan.initialModelHash;
  const common = {
    planHash: planHash(crypto, plan),
    modelHash,
    nextModelHash: modelHash,
    cohort,
    mechanism: mechanismOf(plan, 0),
  };
  for (let round = 1; round <= rounds; round++) {
    for (let i = 0; i < pausesPerRound; i++) {
      write({ kind: "operator", action: i % 2 === 0 ? "pause" : "resume", operator: "platform", reason: "a long night" });
    }
    const h1 = round.toString(16).padStart(64, "0") as Sha256;
    const choice = { for: "survivors", sharers: cohort, survivors: cohort } as const;
    write({
      ...{ kind: "round", round, release: 0, ...common, h1, sharers: cohort, survivors: cohort, sumHash, sum },
      votes: votesFor(federation, cohort, { round, modelHash, h1 }, choice),
      ...{ heads: headsFor(federation, cohort, head), spent: spentAfter(plan, [round]) },
    });
  }
  closeSync(file);
  return { key: fingerprintOf(crypto, plan.coordinatorKey), head: head.hash, entries: head.entries, octets };
}
