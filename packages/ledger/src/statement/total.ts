/**
 * What somebody paid at most who is in several federations: their Rényi divergences add up, order by order, and ε is read off at one δ. It holds whatever one
 * federation's plan was made of that another had released (composition is adaptive). It assumes that one person is in all of them, that these ledgers
 * are all that there are, and everything that each of them assumes.
 */
import { composeRdp, epsilonFromRdp, type ProtectionTier, protectionTier } from "@tributary/dp";
import { fail, isTributaryError } from "@tributary/errors";
import { type Decimal, formatDecimal, parseDecimal } from "@tributary/protocol";
import type { LedgerStatement } from "./statement.ts";

export interface TotalStatement {
  readonly federations: readonly string[];
  /** Null where nothing finite bounds it. */
  readonly epsilon: Decimal | null;
  /** The largest of the federations' δ, or where selections spent as much, the sum of all. */
  readonly delta: Decimal;
  readonly tier: ProtectionTier;
  /** Without Rényi divergences: the sum of the ε, at the sum of the δ. */
  readonly added: { readonly epsilon: Decimal; readonly delta: Decimal };
  readonly assumes: readonly ["one person in all", "all ledgers are here", "what each assumes"];
}

/** @throws TRB_STATEMENT_LEDGER_TWICE when two ledgers are of one plan: their rounds would be counted twice */
export function totalOf(statements: readonly LedgerStatement[]): TotalStatement {
  const seen = new Set<string>();
  for (const { planHash, federation } of statements) {
    if (seen.has(planHash)) throw fail("TRB_STATEMENT_LEDGER_TWICE", { federation });
    seen.add(planHash);
  }
  const sum = (numbers: readonly number[]) => numbers.reduce((total, value) => total + value, 0);
  const deltas = statements.map(({ delta }) => parseDecimal(delta));
  const outside = sum(statements.map(({ renyi }) => renyi.outside));
  const largest = Math.max(...deltas);
  const delta = outside < largest ? largest : sum(deltas);
  const rdp = composeRdp(...statements.map(({ renyi }) => renyi.rdp.map(parseDecimal)));
  const people = Math.min(...statements.map(({ minCustomers }) => minCustomers));
  const epsilon = epsilonOf(statements[0]?.renyi.orders ?? [], rdp, delta - outside);
  const atDelta = formatDecimal(delta, "up");
  return {
    federations: statements.map(({ federation }) => federation),
    epsilon,
    delta: atDelta,
    tier: protectionTier({ epsilon: epsilon ?? "Infinity", delta: atDelta, people }),
    added: {
      epsilon: formatDecimal(sum(statements.map((one) => parseDecimal(one.epsilon))), "up"),
      delta: formatDecimal(sum(deltas), "up"),
    },
    assumes: ["one person in all", "all ledgers are here", "what each assumes"],
  };
}

function epsilonOf(orders: readonly number[], rdp: readonly number[], delta: number): Decimal | null {
  try {
    return formatDecimal(epsilonFromRdp(orders, rdp, delta).epsilon, "up");
  } catch (error) {
    if (isTributaryError(error) && error.code === "TRB_DP_EPSILON_UNBOUNDED") return null;
    throw error;
  }
}
