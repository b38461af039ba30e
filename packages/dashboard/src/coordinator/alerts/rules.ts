/**
 * The alerting rules of docs/operations/alerts.yaml, as far as they can be told from what stands now. Rules over rates and delays need a history that
 * only whoever scrapes `/metrics` has: they are in the runbook, and never fire here. Disks, certificates and jobs count as the doctor counts them, which
 * is sooner than the rules do.
 */
import type { Finding, Status } from "../api.ts";

/** By their names without `Tributary`, in the runbook's order. */
export const ruleNames = [
  "FederationStuck",
  "OffersRefused",
  "NoLeader",
  "TooFewNodes",
  "EpsilonNearLimit",
  "DropoutsHigh",
  "RoundsFailing",
  "DatabaseErrors",
  "BlobErrors",
  "DiskNearlyFull",
  "CertificateExpiring",
  "EventLoopDelayed",
  "JobsWaiting",
] as const;
export type RuleName = (typeof ruleNames)[number];

/** What it takes a history to tell. */
export const needHistory: readonly RuleName[] = ["DropoutsHigh", "EventLoopDelayed"];

type Severity = "critical" | "warning" | "info";

/** One that fires, with the figures that make it: what they are, the rule says. */
export interface Alert {
  readonly rule: RuleName;
  readonly severity: Severity;
  readonly figures: readonly number[];
  /** Names of checks that say more. */
  readonly checks: readonly string[];
}

/** In seconds. */
const hour = 3600;
const stuckAfter = 6 * hour;

type Standing = Pick<
  Status,
  "phase" | "refused" | "connected" | "minCohort" | "epsilon" | "epsilonLimit" | "history" | "finished"
>;

/** Checks of the doctor that a rule is told from, and the severity that the rule has. */
const fromChecks: readonly {
  readonly rule: RuleName;
  readonly severity: Severity;
  readonly names: readonly string[];
  readonly from: "broken" | "warning";
}[] = [
  { rule: "NoLeader", severity: "critical", names: ["leader"], from: "broken" },
  { rule: "DatabaseErrors", severity: "critical", names: ["database"], from: "broken" },
  { rule: "BlobErrors", severity: "critical", names: ["blobs", "models"], from: "broken" },
  { rule: "DiskNearlyFull", severity: "critical", names: ["disk", "disk of blobs"], from: "warning" },
  { rule: "CertificateExpiring", severity: "warning", names: ["certificate"], from: "warning" },
  { rule: "JobsWaiting", severity: "warning", names: ["jobs"], from: "broken" },
];

const rank = { critical: 0, warning: 1, info: 2 } as const;

/** What fires now, the worst first. @param now milliseconds since 1970 */
export function alertsNow(status: Standing, findings: readonly Finding[], now: number): Alert[] {
  const found = fromChecks.flatMap(({ rule, severity, names, from }) => {
    const checks = findings
      .filter(({ name, state }) => names.includes(name) && (state === "broken" || state === from))
      .map(({ name }) => name);
    return checks.length === 0 ? [] : [{ rule, severity, figures: [], checks }];
  });
  return [...found, ...fromStatus(status, now)].sort((a, b) => rank[a.severity] - rank[b.severity]);
}

function fromStatus(status: Standing, now: number): Alert[] {
  const { phase, refused, connected, minCohort, epsilon, epsilonLimit, history } = status;
  const alert = (rule: RuleName, severity: Severity, ...figures: number[]): Alert => ({ rule, severity, figures, checks: [] });
  const isOver = status.finished || phase === "finished";
  const ended = history
    .filter(({ released }) => released === true)
    .map(({ startedAt, seconds }) => Date.parse(startedAt) / 1000 + (seconds ?? 0));
  const since = now / 1000 - Math.max(...ended);
  const lastHour = history.filter(({ startedAt }) => now / 1000 - Date.parse(startedAt) / 1000 <= hour);
  const given = lastHour.filter(({ released }) => released === false).length;
  const released = lastHour.filter(({ released }) => released === true).length;
  return [
    ...(since > stuckAfter && Number.isFinite(since) && !isOver && phase !== "paused"
      ? [alert("FederationStuck", "warning", since)]
      : []),
    ...(refused === null ? [] : [alert("OffersRefused", "warning", refused.offers)]),
    ...(minCohort !== undefined && connected.length < minCohort && !isOver && phase !== "joining"
      ? [alert("TooFewNodes", "warning", connected.length, minCohort)]
      : []),
    ...(epsilon > 0.9 * epsilonLimit ? [alert("EpsilonNearLimit", "info", epsilon, epsilonLimit)] : []),
    ...(given >= 3 && given > released ? [alert("RoundsFailing", "warning", given, released)] : []),
  ];
}
