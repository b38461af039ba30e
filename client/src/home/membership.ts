/** What joining left behind: which federation this home belongs to, under which plan, and how its coordinator is reached. */
import { readFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import { type Crypto, hashOf, identityKey, nodeId, type Plan, parsePlan, sha256Hex, signatureHex } from "@tributary/protocol";
import { z } from "zod";
import { reasonOf } from "../reason.ts";
import type { NodeDatabase } from "./database.ts";
import { replaceFileNow } from "./durable.ts";
import type { Layout } from "./layout.ts";

const membershipSchema = z.strictObject({
  federation: z.string(),
  node: nodeId,
  url: z.url(),
  coordinatorKey: identityKey,
  planHash: sha256Hex,
  planSignature: signatureHex,
  /** How the coordinator is reached (`transport/channel.ts`). */
  ca: z.string().exactOptional(),
  insecureHttp: z.literal(true).exactOptional(),
});
export type Membership = z.infer<typeof membershipSchema>;

const setting = "membership";

export function readMembership(database: NodeDatabase): Membership | undefined {
  const text = database.setting(setting);
  return text === undefined ? undefined : membershipSchema.parse(JSON.parse(text));
}

export function writeMembership(database: NodeDatabase, membership: Membership): void {
  database.set(setting, JSON.stringify(membership));
}

/**
 * The plan that was joined, byte for byte.
 * @throws TRB_NODE_HOME_UNREADABLE when the file is gone or isn't that plan any more
 */
export function readPlan(layout: Layout, { planHash }: Membership, crypto: Crypto): Plan {
  let plan: Plan;
  try {
    plan = parsePlan(JSON.parse(readFileSync(layout.plan, "utf8")));
  } catch (cause) {
    throw fail("TRB_NODE_HOME_UNREADABLE", { file: layout.plan, reason: reasonOf(cause) }, cause);
  }
  if (hashOf(crypto, plan) !== planHash) {
    throw fail("TRB_NODE_HOME_UNREADABLE", { file: layout.plan, reason: "it is not the plan that was joined" });
  }
  return plan;
}

export function writePlan(layout: Layout, plan: Plan): void {
  replaceFileNow(layout.plan, `${JSON.stringify(plan, null, 2)}\n`);
}
