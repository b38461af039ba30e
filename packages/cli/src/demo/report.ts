/** From a finished run to its report: judges the models, verifies the ledger, and puts both into one document. */
import { fail } from "@tributary/errors";
import type { FederationModel } from "@tributary/federation";
import { type EntryOf, parseLine, summarizeLedger, verifyLedger } from "@tributary/ledger";
import { joinRanks, type Ranks, type ResultBlock, resultBlock } from "@tributary/model";
import { describePlan, isWritten, type Plan, parseDecimal } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import {
  type AttentionTraining,
  type FederationReport,
  type JudgeOptions,
  joiningSentence,
  judgePopularity,
  type MerchantPart,
  type RoundReport,
} from "@tributary/simulate";
import { type Judge, judgeOf } from "./judges.ts";
import type { Log } from "./market.ts";

/** What a run left behind, whether in processes or simulated. */
export interface Run {
  readonly plan: Plan;
  readonly ledger: Uint8Array;
  /** The coordinator's key fingerprint. */
  readonly key: string;
  readonly initial: FederationModel;
  readonly final: FederationModel;
  readonly rounds: readonly { readonly round: number; readonly epsilon: number; readonly seconds: number }[];
  /** The model after a round, where it is still to be had. */
  readonly modelAfter: (round: number) => FederationModel | undefined;
  readonly bytesPerRoundPerNode: number;
  readonly slowNodes: number;
  readonly why: readonly string[];
}

export interface JudgedOptions {
  readonly log: Log;
  readonly parts: readonly MerchantPart[];
  readonly judging: JudgeOptions;
  /** In-house: attention on top of statistics; undefined: none. */
  readonly attention: AttentionTraining | undefined;
  /** How long each merchant may tune its own model. */
  readonly secondsPerMerchant: number;
  readonly started: number;
  readonly onProgress: (what: string, done: number, of: number) => void;
}

/** How many models on the way are judged, for the plot. */
const judgedRounds = 8;

/** @throws TRB_CLI_LEDGER_NOT_VERIFIED */
export async function reportOf(run: Run, options: JudgedOptions): Promise<FederationReport> {
  const { parts, judging, log, onProgress } = options;
  const verdict = verifyLedger(run.ledger, { crypto: nodeCrypto(), key: run.key });
  if (!verdict.verified) {
    throw fail("TRB_CLI_LEDGER_NOT_VERIFIED", {
      failures: verdict.failures.map(({ entry, code }) => `entry ${entry}: ${code}`),
    });
  }
  const judge = judgeOf(run, options);
  const floor = await judge.floor();
  const federated = await judge.federated(run.final);
  const byRound = await judgeRounds(run, judge, blockOf(federated), options);
  const local = await judge.local((done) => onProgress("merchants alone", done, parts.length));
  const joined = await judge.joined(run.final, (done) => onProgress("merchants joined", done, parts.length));
  const [localBlock, federatedBlock] = [blockOf(local), blockOf(federated)];
  const joinedBlock = joined && blockOf(joined);
  const seconds = run.rounds.map((round) => round.seconds);
  return {
    source: log.source,
    privacy: { ...privacyOf(run.plan), epsilon: Number(verdict.epsilon) },
    rounds: run.rounds.length,
    merchants: parts.length,
    customers: parts.reduce((sum, part) => sum + part.train.customers.length, 0),
    items: judging.items,
    evaluated: federatedBlock.customers,
    repeats: judging.repeats,
    floor: blockOf(floor),
    popularity: judgePopularity(parts, judging),
    local: localBlock,
    federated: federatedBlock,
    ...(joinedBlock === undefined ? {} : { joined: joinedBlock }),
    joining: joiningSentence(localBlock, federatedBlock, joinedBlock),
    ...writtenSums(run),
    byRound,
    byMerchant: parts.map((part, place) => ({
      node: part.node,
      customers: part.train.customers.length,
      local: blockOf(local.slice(place, place + 1)),
      federated: blockOf(federated.slice(place, place + 1)),
      ...(joined === undefined ? {} : { joined: blockOf(joined.slice(place, place + 1)) }),
    })),
    ledger: {
      verified: verdict.verified,
      fullyVerified: verdict.fullyVerified,
      entries: verdict.entries,
      head: verdict.head,
      key: run.key,
    },
    bytesPerRoundPerNode: run.bytesPerRoundPerNode,
    slowMerchants: run.slowNodes,
    secondsPerRound: seconds.reduce((sum, one) => sum + one, 0) / Math.max(1, seconds.length),
    seconds: (performance.now() - options.started) / 1e3,
    evaluation:
      "Computed by this command, which owns all logs, exactly and without noise: each customer's last item event, which nobody trained on, ranked among the whole catalogue; ties count half. Nodes and coordinators never do this.",
    why: run.why,
  };
}

/** What the ledger says of metrics and queries, where the plan releases any. */
function writtenSums({ ledger, plan }: Run): Pick<FederationReport, "metrics" | "queries" | "features"> {
  if (!plan.releases.some(isWritten)) return {};
  const rows = summarizeLedger(ledger, nodeCrypto());
  const features = rows.flatMap(({ features }) => features ?? []);
  return {
    metrics: rows.flatMap(({ metrics }) => metrics ?? []),
    queries: rows.flatMap(({ query }) => query ?? []),
    ...(features.length === 0 ? {} : { features }),
  };
}

async function judgeRounds(
  run: Run,
  judge: Judge,
  last: ResultBlock,
  { onProgress }: Pick<JudgedOptions, "onProgress">,
): Promise<RoundReport[]> {
  const every = Math.max(1, Math.round(run.rounds.length / judgedRounds));
  const reports: RoundReport[] = [];
  for (const [place, round] of run.rounds.entries()) {
    if (place === run.rounds.length - 1) reports.push({ ...round, accuracy: last });
    else {
      const model = (place + 1) % every === 0 ? run.modelAfter(round.round) : undefined;
      reports.push(model === undefined ? round : { ...round, accuracy: blockOf(await judge.federated(model)) });
    }
    onProgress("models judged", place + 1, run.rounds.length);
  }
  return reports;
}

const blockOf = (ranks: readonly Ranks[]) => resultBlock(joinRanks(ranks));

function privacyOf(plan: Plan): Omit<FederationReport["privacy"], "epsilon"> {
  const { privacy, releases, trust } = describePlan(plan);
  return {
    limit: parseDecimal(plan.epsilon),
    delta: parseDecimal(plan.delta),
    unit: plan.unit,
    tier: privacy.tier,
    noise: `Every merchant adds its own share of exact discrete Gaussian noise; in the sum it is ${noiseOf(releases)} times the most that one customer can change, as long as ${trust.honestNodes} merchants are honest. ${samplingOf(releases)}, accountant ${privacy.accountant}.`,
    ...(privacy.conditional === null ? {} : { conditional: privacy.conditional }),
  };
}

type Releases = ReturnType<typeof describePlan>["releases"];

/** One multiplier, or with several kinds of release each with its name. */
function noiseOf(releases: Releases): string {
  if (releases.length === 1) return releases[0]?.noiseMultiplier ?? "";
  return releases.map(({ kind, noiseMultiplier }) => `${Number(noiseMultiplier).toPrecision(4)} (${kind})`).join(", ");
}

function samplingOf(releases: Releases): string {
  const rates = [...new Set(releases.map(({ samplingRate }) => samplingRate))];
  return `Sampling rate${rates.length === 1 ? "" : "s"} ${rates.join(" and ")}`;
}

/** What the rounds' ledger entries say, in order. */
export function releasedRounds(ledger: Uint8Array): EntryOf<"round">[] {
  const lines = Buffer.from(ledger)
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "");
  return lines.map(parseLine).filter((entry) => entry.kind === "round");
}
