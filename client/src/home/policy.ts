/** policy.json: written with the joined plan's own numbers, edited by hand or by `tributary node policy` and `trust`. */
import { existsSync, readFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import type { Plan } from "@tributary/protocol";
import { defaultPolicy, type Policy, parsePolicy, policyText, requirePolicy } from "../policy-document.ts";
import { reasonOf } from "../reason.ts";
import { replaceFileNow } from "./durable.ts";
import type { Layout } from "./layout.ts";

/** @throws TRB_NODE_POLICY_INVALID, TRB_NODE_HOME_UNREADABLE */
export function readPolicy(layout: Layout): Policy {
  let text: string;
  try {
    text = readFileSync(layout.policy, "utf8");
  } catch (cause) {
    throw fail("TRB_NODE_HOME_UNREADABLE", { file: layout.policy, reason: reasonOf(cause) }, cause);
  }
  return parsePolicy(text);
}

/** @throws TRB_NODE_POLICY_INVALID when the new value isn't a policy: the old one stays */
export function writePolicy(layout: Layout, policy: Policy): void {
  requirePolicy(policy);
  replaceFileNow(layout.policy, policyText(policy));
}

/** Writes the default, unless the merchant has a policy already: joining again changes nothing that was decided. */
export function writePolicyOnce(layout: Layout, plan: Plan): void {
  if (!existsSync(layout.policy)) writePolicy(layout, defaultPolicy(plan));
}
