/** What to offer instead of an ε that no plan can have. */
import { fail, isTributaryError } from "@tributary/errors";

/** What the accountant and the sum query say when there is no noise for an ε, or none that fits into 32 bits. */
const unreachable: readonly string[] = [
  "TRB_DP_EPSILON_UNREACHABLE",
  "TRB_DP_EPSILON_UNBOUNDED",
  "TRB_DP_SCALE_IMPOSSIBLE",
  "TRB_DP_NOISE_TOO_SMALL",
];

/**
 * What `plan` answers at the target.
 * @throws TRB_PLAN_EPSILON_UNREACHABLE with the nearest ε (by ratio, to three digits) that `plan` has an answer for; everything else that it throws
 */
export function withinReach<Answer>(target: number, plan: (epsilon: number) => Answer): Answer {
  try {
    return plan(target);
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    const { message } = error as Error;
    const nearest = nearestReachable(target, (epsilon) => works(() => plan(epsilon)));
    if (nearest === undefined) throw error;
    throw fail("TRB_PLAN_EPSILON_UNREACHABLE", { epsilon: target, nearest, reason: lowerFirst(message) });
  }
}

export const isUnreachable = (error: unknown): boolean => isTributaryError(error) && unreachable.includes(error.code);

const [least, most] = [1e-4, 1e4];

/** Looked for in both directions in steps of a tenth, then between what works and what doesn't. */
function nearestReachable(target: number, reaches: (epsilon: number) => boolean): number | undefined {
  const start = Math.min(Math.max(target, least), most);
  for (let factor = 1; start * factor <= most || start / factor >= least; factor *= 1.1) {
    for (const step of [1.1, 1 / 1.1]) {
      const at = step > 1 ? start * factor : start / factor;
      if (at >= least && at <= most && reaches(at)) return edge(at, at / step, reaches);
    }
  }
  return undefined;
}

function edge(inside: number, outside: number, reaches: (epsilon: number) => boolean): number {
  let [good, bad] = [inside, outside];
  while (Math.abs(good / bad - 1) > 1e-4) {
    const middle = Math.sqrt(good * bad);
    if (reaches(middle)) good = middle;
    else bad = middle;
  }
  // three digits, rounded towards what works
  const unit = 10 ** (Math.floor(Math.log10(good)) - 2);
  const rounded = Number(((good > bad ? Math.ceil(good / unit) : Math.floor(good / unit)) * unit).toPrecision(3));
  return reaches(rounded) ? rounded : good;
}

function works(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch (error) {
    if (isUnreachable(error)) return false;
    throw error;
  }
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, "");
