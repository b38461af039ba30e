/** How long the merchant's policy lets events stay. */
import { existsSync } from "node:fs";
import type { Layout } from "../layout.ts";
import { readPolicy } from "../policy.ts";

const hour = 3600;
const day = 24 * hour;

/**
 * Unix seconds: events before it are not read, and are deleted when the store is next put in order. It moves by whole hours, up to one ahead of the
 * very second, so that nothing older than `retentionDays` is read. −∞ where the policy names none.
 * @throws TRB_NODE_POLICY_INVALID
 */
export function retentionStart(layout: Layout, now = Date.now() / 1000): number {
  if (!existsSync(layout.policy)) return Number.NEGATIVE_INFINITY;
  const { retentionDays } = readPolicy(layout);
  return retentionDays === null ? Number.NEGATIVE_INFINITY : Math.ceil((now - retentionDays * day) / hour) * hour;
}
