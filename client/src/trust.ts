/** `tributary node trust` and `tributary node policy`: the merchant's own decisions, kept in policy.json. */
import { fail } from "@tributary/errors";
import { type Sha256, sha256Hex } from "@tributary/protocol";
import { allCharges } from "./budget.ts";
import { type Home, withHome } from "./home/open.ts";
import { readPolicy, writePolicy } from "./home/policy.ts";
import { type Policy, requirePolicy } from "./policy-document.ts";
import { enterBudget, leaveBudget } from "./shared-budget/share.ts";

/**
 * Adds fingerprints of identity keys that the merchant verified out of band. The node's own may be among them.
 * @throws TRB_NODE_FINGERPRINT_INVALID before anything is written
 */
export function trustPeers(options: { readonly home: string; readonly fingerprints: readonly string[] }): Promise<Policy> {
  const added = options.fingerprints.map(parseFingerprint);
  return withHome(options.home, ({ layout }) => {
    const policy = readPolicy(layout);
    const next = { ...policy, trustedPeers: [...new Set([...policy.trustedPeers, ...added])].sort() };
    writePolicy(layout, next);
    return next;
  });
}

export type PolicyChange = Partial<Omit<Policy, "version" | "trustedPeers" | "serve" | "budget">> & {
  readonly serve?: Partial<Policy["serve"]>;
  readonly budget?: Partial<Policy["budget"]>;
};

/**
 * Changes single limits and returns the policy, which a running node reads at the next offer. A shared budget that the policy names anew begins with
 * all that this home was ever charged; the one that it leaves keeps that, and loses this home's limit.
 * @throws TRB_NODE_POLICY_INVALID, TRB_NODE_BUDGET_UNREADABLE: the old policy stays
 */
export function changePolicy(options: { readonly home: string } & PolicyChange): Promise<Policy> {
  const { home, serve, budget, ...change } = options;
  return withHome(home, (opened) => {
    const { layout } = opened;
    const before = readPolicy(layout);
    const next = {
      ...{ ...before, ...change },
      ...{ serve: { ...before.serve, ...serve }, budget: { ...before.budget, ...budget } },
    };
    requirePolicy(next);
    decidePolicy(opened, before, next);
    return next;
  });
}

/**
 * Writes a policy that is one, and has shared budgets follow.
 * @param before undefined where what was written before is none
 * @throws TRB_NODE_BUDGET_UNREADABLE, TRB_NODE_HOME_UNWRITABLE: the old policy stays
 */
export function decidePolicy(opened: Home, before: Policy | undefined, next: Policy): void {
  enterBudget(opened, next, allCharges(opened)); // before the policy names it
  writePolicy(opened.layout, next);
  if (before !== undefined) leaveBudget(opened, before, next);
}

/** `tributary node pause`: offers are declined from the next one on; the round under way is finished. @throws TRB_NODE_POLICY_INVALID */
export function pauseNode(options: {
  readonly home: string;
  readonly until?: string;
  readonly reason?: string;
}): Promise<Policy> {
  const { home, until = null, reason = null } = options;
  return changePolicy({ home, paused: { until, reason } });
}

/** `tributary node resume` */
export function resumeNode(options: { readonly home: string }): Promise<Policy> {
  return changePolicy({ home: options.home, paused: null });
}

/** Upper case and the colons or spaces that people read aloud are taken out. */
function parseFingerprint(text: string): Sha256 {
  const parsed = sha256Hex.safeParse(text.replace(/[\s:]/g, "").toLowerCase());
  if (!parsed.success) throw fail("TRB_NODE_FINGERPRINT_INVALID", { fingerprint: text.slice(0, 80) });
  return parsed.data;
}
