/** The form's fields as texts, and the policy that they stand for. What can't be read as a number is sent as it is: the node says what is wrong with it. */
import type { PagePolicy } from "@tributary/protocol";

type Policy = NonNullable<PagePolicy["policy"]>;

/** What is typed and ticked. */
export interface Draft {
  readonly maxEpsilon: string;
  readonly delta: string;
  readonly minCohort: string;
  readonly permittedReleases: readonly string[];
  /** Null: whichever the plan has. */
  readonly permittedFamilies: readonly string[] | null;
  readonly periodDays: string;
  readonly budgetFile: string;
  readonly retentionDays: string;
  readonly serveMode: string;
  readonly minSupport: string;
  readonly hours: boolean;
  readonly from: string;
  readonly to: string;
  readonly timeZone: string;
  readonly paused: boolean;
  /** ISO 8601, or empty: without an end. */
  readonly until: string;
  readonly reason: string;
  /** One a line. */
  readonly trustedPeers: string;
  readonly acceptLogCatalogue: boolean;
  /** As they came: the form doesn't change them. */
  readonly extensions: readonly string[];
}

const orEmpty = (value: number | null): string => (value === null ? "" : String(value));

export function draftOf(policy: Policy, timeZone: string): Draft {
  const { budget, serve, trainingHours: hours, paused } = policy;
  return {
    ...{ maxEpsilon: String(policy.maxEpsilon), delta: String(policy.delta), minCohort: String(policy.minCohort) },
    ...{ permittedReleases: policy.permittedReleases, permittedFamilies: policy.permittedFamilies },
    ...{ periodDays: orEmpty(budget.periodDays), budgetFile: budget.file ?? "" },
    ...{ retentionDays: orEmpty(policy.retentionDays), serveMode: serve.mode, minSupport: String(serve.minSupport) },
    ...{ hours: hours !== null, from: hours?.from ?? "22:00", to: hours?.to ?? "06:00", timeZone: hours?.timeZone ?? timeZone },
    ...{ paused: paused !== null, until: paused?.until ?? "", reason: paused?.reason ?? "" },
    trustedPeers: policy.trustedPeers.join("\n"),
    ...{ acceptLogCatalogue: policy.acceptLogCatalogue, extensions: policy.extensions },
  };
}

/** What a merchant who has no policy that can be read begins with: the joined plan and no more. */
export function draftOfPlan({ plan, timeZone }: PagePolicy): Draft {
  return draftOf(
    {
      ...{ maxEpsilon: plan.epsilon, delta: plan.delta, minCohort: plan.minCohort, permittedReleases: plan.kinds },
      ...{ permittedFamilies: [plan.family], extensions: [], trustedPeers: [], acceptLogCatalogue: false },
      ...{ retentionDays: null, serve: { mode: "inHouse", minSupport: 5 }, trainingHours: null, paused: null },
      budget: { periodDays: null, file: null },
    },
    timeZone,
  );
}

/** "4" → 4, "" and "a few" as they are. */
const numberIn = (text: string): number | string => (text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text);
/** The same; nothing is no limit. */
const numberOrNone = (text: string): number | string | null => (text.trim() === "" ? null : numberIn(text));

/** As policy.json has them. */
export function fieldsOf(draft: Draft): Readonly<Record<string, unknown>> {
  const { hours, from, to, timeZone, paused, until, reason } = draft;
  return {
    version: 1,
    ...{ maxEpsilon: numberIn(draft.maxEpsilon), delta: numberIn(draft.delta), minCohort: numberIn(draft.minCohort) },
    ...{ permittedReleases: draft.permittedReleases, permittedFamilies: draft.permittedFamilies, extensions: draft.extensions },
    trustedPeers: fingerprintsIn(draft.trustedPeers),
    ...{ acceptLogCatalogue: draft.acceptLogCatalogue, retentionDays: numberOrNone(draft.retentionDays) },
    serve: { mode: draft.serveMode, minSupport: numberIn(draft.minSupport) },
    trainingHours: hours ? { from, to, timeZone } : null,
    paused: paused ? { reason: reason.trim() === "" ? null : reason, until: until.trim() === "" ? null : until.trim() } : null,
    budget: {
      periodDays: numberOrNone(draft.periodDays),
      file: draft.budgetFile.trim() === "" ? null : draft.budgetFile.trim(),
    },
  };
}

/** Upper case and the colons or spaces that people read aloud are taken out, as `node trust` does; one a line. */
const fingerprintsIn = (text: string): string[] => [
  ...new Set(
    text
      .split("\n")
      .map((line) => line.replace(/[\s:]/g, "").toLowerCase())
      .filter((line) => line !== ""),
  ),
];

/** Which of the form's fields a place in policy.json is. */
export function fieldAt(path: string): keyof Draft | undefined {
  const [head = "", next = ""] = path.split(".");
  const within: Readonly<Record<string, keyof Draft>> = {
    "serve.mode": "serveMode",
    "serve.minSupport": "minSupport",
    "budget.periodDays": "periodDays",
    "budget.file": "budgetFile",
    "trainingHours.from": "from",
    "trainingHours.to": "to",
    "trainingHours.timeZone": "timeZone",
    "paused.until": "until",
    "paused.reason": "reason",
  };
  const whole: Readonly<Record<string, keyof Draft>> = {
    ...{ maxEpsilon: "maxEpsilon", delta: "delta", minCohort: "minCohort", permittedReleases: "permittedReleases" },
    ...{ permittedFamilies: "permittedFamilies", retentionDays: "retentionDays", trustedPeers: "trustedPeers" },
    ...{ acceptLogCatalogue: "acceptLogCatalogue", trainingHours: "to", paused: "paused", extensions: "extensions" },
  };
  return within[`${head}.${next}`] ?? whole[head];
}
