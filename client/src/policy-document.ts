/**
 * What the merchant permits, whatever a plan says, as a document: `policy.json` of a home folder, or what a browser keeps for its shopper. Unknown fields
 * are refused, so that a misspelt limit can't go unnoticed.
 */
import { fail } from "@tributary/errors";
import type { NodePolicy } from "@tributary/federation";
import { defaultMinSupport } from "@tributary/model";
import { formatDecimal, modelSchema, nearestName, type Plan, releaseSchema, sha256Hex } from "@tributary/protocol";
import { z } from "zod";

/** As `Intl` knows it: `Europe/Berlin`, `UTC`. */
const timeZoneName = z.string().refine(isTimeZone, "it is no time zone that this machine knows");

/** An hour and a minute of the day, `22:00`; `24:00` is no such time. */
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "a time of day is written like 22:00");

const policySchema = z.strictObject({
  version: z.literal(1),
  /** Most ε that all charged rounds together may cost; with `budget.periodDays`, those of any such period. */
  maxEpsilon: z.number().positive(),
  /** Largest δ at which that ε is stated. */
  delta: z.number().positive().lt(1),
  /** Smallest `plan.minCohort` that is accepted. */
  minCohort: z.int().min(3),
  permittedReleases: z.array(releaseSchema.shape.kind),
  /** Families of models that this node trains; null: whichever the joined plan has. */
  permittedFamilies: z.array(modelSchema.shape.family).nullable().default(null),
  /** SHA-256 of extensions' files that this node may run. */
  extensions: z.array(sha256Hex).default([]),
  /** Fingerprints of other members' identity keys, verified out of band. */
  trustedPeers: z.array(sha256Hex),
  /** For demonstrations only: a catalogue made from behaviour is itself a leak. */
  acceptLogCatalogue: z.boolean(),
  /** Days that an event stays in the store; null: for good. */
  retentionDays: z.int().min(1).nullable().default(null),
  /** How `node serve` may serve at most: its flags can only be stricter. */
  serve: z
    .strictObject({
      mode: z.enum(["inHouse", "releasedOnly"]).default("inHouse"),
      /** Distinct customers that an exact own pair needs to be served. */
      minSupport: z.int().min(1).default(defaultMinSupport),
    })
    .default({ mode: "inHouse", minSupport: defaultMinSupport }),
  /** When offers are answered, by the clock of a time zone (IANA); from after to: over midnight. Null: at any time. */
  trainingHours: z
    .strictObject({ from: timeOfDay, to: timeOfDay, timeZone: timeZoneName })
    .refine(({ from, to }) => from !== to, "hours that begin when they end are all or none: write null")
    .nullable()
    .default(null),
  /** No offers are answered: until then, or until `node resume`. `true` by hand is a pause without an end. */
  paused: z
    .preprocess(
      (said) => (typeof said === "boolean" ? (said ? { reason: null, until: null } : null) : said),
      z.strictObject({ reason: z.string().max(200).nullable(), until: z.iso.datetime({ offset: true }).nullable() }).nullable(),
    )
    .default(null),
  /** What `maxEpsilon` is a limit of: everything for ever, or any period of so many days; of this home, or of all that name the file. */
  budget: z
    .strictObject({
      periodDays: z.int().min(1).max(36_500).nullable().default(null),
      file: z.string().min(1).nullable().default(null),
    })
    .default({ periodDays: null, file: null }),
});
export type Policy = z.output<typeof policySchema>;

/** What a merchant who changes nothing has agreed to: this plan and no more. */
export function defaultPolicy(plan: Plan): Policy {
  return {
    version: 1,
    maxEpsilon: Number(plan.epsilon),
    delta: Number(plan.delta),
    minCohort: plan.minCohort,
    permittedReleases: [...new Set(plan.releases.map(({ kind }) => kind))],
    extensions: [],
    trustedPeers: [],
    acceptLogCatalogue: false,
    permittedFamilies: [plan.model.family],
    retentionDays: null,
    serve: { mode: "inHouse", minSupport: defaultMinSupport },
    trainingHours: null,
    paused: null,
    budget: { periodDays: null, file: null },
  };
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false; // a RangeError is how Intl says no
  }
}

/** @throws TRB_NODE_POLICY_INVALID */
export function parsePolicy(text: string): Policy {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw fail("TRB_NODE_POLICY_INVALID", { path: "(whole file)", reason: "it is not JSON" }, cause);
  }
  const parsed = policySchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0]; // a misspelt field is missing as well
  const path = issue?.path.map(String) ?? [];
  const misspelt = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  throw fail("TRB_NODE_POLICY_INVALID", {
    path: [...path, ...(misspelt === undefined ? [] : [misspelt])].join(".") || "(whole file)",
    reason: misspelt === undefined ? (issue?.message ?? "unknown") : noSuchField(misspelt, path[0]),
  });
}

/** Names of the fields, of the file or of one of its parts. */
const fieldNames: Readonly<Record<string, readonly string[]>> = {
  "": Object.keys(policySchema.shape),
  serve: ["mode", "minSupport"],
  trainingHours: ["from", "to", "timeZone"],
  paused: ["reason", "until"],
  budget: ["periodDays", "file"],
};

function noSuchField(name: string, part = ""): string {
  const meant = nearestName(name, fieldNames[part] ?? []);
  return meant === undefined ? "there is no such field" : `there is no such field; did you mean ${meant}`;
}

export const policyText = (policy: Policy) => `${JSON.stringify(policy, null, 2)}\n`;

/** @throws TRB_NODE_POLICY_INVALID */
export function requirePolicy(policy: Policy): void {
  parsePolicy(policyText(policy));
}

/** As the reducer takes it. Limits are rounded to nearest at 12 digits, as the plan's own are. */
export function nodePolicyOf(policy: Policy): NodePolicy {
  return {
    maxEpsilon: formatDecimal(policy.maxEpsilon),
    periodDays: policy.budget.periodDays,
    delta: formatDecimal(policy.delta),
    minCohort: policy.minCohort,
    releases: policy.permittedReleases,
    extensions: policy.extensions,
    trustedPeers: policy.trustedPeers,
  };
}
