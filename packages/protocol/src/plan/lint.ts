/**
 * Everything that can be wrong with a plan although its form is right. Fails closed: a rule that can't be evaluated is a
 * finding, and a plan with any finding is refused. Each finding carries a code of the error table. `rules.ts` lists what guards which field.
 */
import { fail } from "@tributary/errors";
import { cohortRules } from "./cohort-rules.ts";
import { earlyStopRule } from "./early-stop.ts";
import { modelRules, publicRules } from "./model-rules.ts";
import { noiseRules, privacyRules } from "./privacy-rules.ts";
import { promotionRule } from "./promotion.ts";
import { releaseRules } from "./release-rules.ts";
import { remarkRules } from "./remarks.ts";
import type { Finding, LintOptions, Report, Rule } from "./rule.ts";
import { scheduleRule } from "./schedule.ts";
import type { Plan } from "./schema.ts";

/** What the linter looks at, in its order: promise, parties, public lists, model, numbers. */
export const lintRules: readonly Rule[] = [
  ...privacyRules,
  ...cohortRules,
  ...publicRules,
  ...modelRules,
  scheduleRule,
  earlyStopRule,
  promotionRule,
  ...releaseRules,
  ...noiseRules,
];

/** All findings; none means that the plan may run. Never throws for a parsed plan. */
export function lintPlan(plan: Plan, options: LintOptions = {}): Finding[] {
  return findingsOf(lintRules, plan, options);
}

/**
 * What is sound and still weaker than it could be: stricter advice than the rules, of the same form. No reason to refuse, unless somebody wants it to be
 * (`plan check --strict`).
 */
export function planRemarks(plan: Plan, options: LintOptions = {}): Finding[] {
  return findingsOf(remarkRules, plan, options);
}

/** Throws the first finding, for callers that go no further with a bad plan. @throws the codes of `lintPlan` */
export function requireSoundPlan(plan: Plan, options: LintOptions = {}): void {
  const [first] = lintPlan(plan, options);
  if (first !== undefined) throw fail(first.code, first.details);
}

function findingsOf(rules: readonly Rule[], plan: Plan, options: LintOptions): Finding[] {
  const findings: Finding[] = [];
  const report: Report = (code, path, details = {}) => {
    const { message, advice } = fail(code, details);
    findings.push({ code, path, message, advice, details });
  };
  for (const { check } of rules) check(plan, options, report);
  return findings;
}
