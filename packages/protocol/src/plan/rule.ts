/**
 * What a rule about plans is: which fields it guards, under which codes it refuses, and why. The table of docs/plan-rules.md is made of the same values that
 * refuse, so it can't say anything else.
 */
import { type ErrorCode, type ErrorDetails, isTributaryError } from "@tributary/errors";
import type { Plan } from "./schema.ts";

export interface Finding {
  readonly code: ErrorCode;
  /** The field at fault, as in `releases.0.scale`. */
  readonly path: string;
  readonly message: string;
  readonly advice: string;
  readonly details: ErrorDetails;
}

/** What is known of the surroundings; without it a plan is judged for a real federation of unknown size. */
export interface LintOptions {
  /** A catalogue taken from the log, a recipe that all customers' data chose, and noise below the floor are let through; whoever passes this must say so in every output. */
  readonly demo?: boolean;
  /** Inside `simulate`: noise may be central. */
  readonly simulation?: boolean;
  /** How many nodes there are or will be. */
  readonly nodes?: number;
  /** How many of the model's parameters are trained; the protocol room can't count them itself. */
  readonly parameterCount?: number;
  /** How many items the catalogue has, whose hash is all that the plan knows of it. */
  readonly catalogueItems?: number;
}

/** Where a rule puts what it finds. */
export type Report = (code: ErrorCode, path: string, details?: ErrorDetails) => void;

/** What guards a field, in words. */
export interface FieldRule {
  /** One word or two: what it is about. */
  readonly name: string;
  /** Fields of plan.json, with * for the places of a list, as `planFields` names them. */
  readonly fields: readonly string[];
  readonly codes: readonly ErrorCode[];
  /** What would become of the guarantee, or of the round, without it. */
  readonly why: string;
}

/** One that the linter itself looks at. */
export interface Rule extends FieldRule {
  readonly check: (plan: Plan, options: LintOptions, report: Report) => void;
}

/** Runs what may refuse, and turns a coded refusal into a finding. Anything else is a defect and goes on. */
export function evaluate<Value>(report: Report, path: string, compute: () => Value): Value | undefined {
  try {
    return compute();
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    report(error.code, path, error.details);
    return undefined;
  }
}

export function outOfRange(report: Report, path: string, expected: string, value: string | number): void {
  report("TRB_PLAN_VALUE_OUT_OF_RANGE", path, { path, expected, value: String(value) });
}
