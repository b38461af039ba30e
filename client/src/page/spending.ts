/** What `node budget` says, and how it came to that, round by round. */
import { chargedRounds } from "@tributary/federation";
import { spentAfter } from "@tributary/ledger";
import { isSpentBefore, type PageBudget, parseDecimal } from "@tributary/protocol";
import { allCharges, budgetOf } from "../budget.ts";
import type { Home } from "../home/open.ts";

/** Points that a line is drawn with at most: each is one reckoning of the accountant. */
const mostPoints = 60;

/** @throws TRB_NODE_POLICY_INVALID */
export function spendingCourse(home: Home): PageBudget {
  const { plan } = home;
  const { shared, selections, ...budget } = budgetOf(home);
  const isProblem = shared !== null && "error" in shared;
  return {
    ...{ limit: budget.limit, spent: budget.spent, delta: budget.delta, left: budget.left, roundsLeft: budget.roundsLeft },
    ...{ reserved: budget.reserved, period: budget.period, byKind: [...budget.byKind] },
    selections: selections.map(({ epsilon, delta, chargedAt, inPlan }) => ({ epsilon, delta, chargedAt, inPlan })),
    shared:
      shared === null || isProblem
        ? null
        : {
            ...{
              file: shared.file,
              limit: shared.limit,
              owner: shared.owner,
              delta: shared.delta,
              periodDays: shared.periodDays,
            },
            ...{ spent: shared.spent, lifetime: shared.lifetime, left: shared.left, reserved: shared.reserved },
            homes: [...shared.homes],
          },
    sharedProblem: isProblem ? { file: shared.file, ...shared.error } : null,
    course: courseOf(home),
    plan: {
      ...{ epsilon: parseDecimal(plan.epsilon), delta: parseDecimal(plan.delta) },
      rounds: plan.releases.reduce((sum, { rounds }) => sum + rounds, 0),
    },
  };
}

function courseOf(home: Home): PageBudget["course"] {
  const { plan } = home;
  const paid = allCharges(home).filter(({ standing }) => standing !== "refunded");
  const before = isSpentBefore(plan)
    ? parseDecimal(
        spentAfter(
          plan,
          plan.releases.map(() => 0),
        ).epsilon,
      )
    : 0;
  const step = Math.max(1, paid.length / mostPoints);
  const places = [
    ...new Set(Array.from({ length: Math.min(paid.length, mostPoints) }, (_, n) => Math.round((n + 1) * step) - 1)),
  ];
  const course = places.flatMap((place) => {
    const charge = paid[place];
    if (charge === undefined) return [];
    const counted = chargedRounds({ plan, charges: paid.slice(0, place + 1) });
    const epsilon = parseDecimal(spentAfter(plan, counted).epsilon);
    return [{ round: charge.round, at: charge.chargedAt ?? null, kind: plan.releases[charge.release]?.kind ?? null, epsilon }];
  });
  return [{ round: 0, at: null, kind: null, epsilon: before }, ...course];
}
