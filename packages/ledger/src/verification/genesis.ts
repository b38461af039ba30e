/** The first entry: it names coordinator, plan and roster, and everything after it is held to them. */
import { type Crypto, falselySignedParts, lintPlan, planHash, type Roster, verifyMember } from "@tributary/protocol";
import type { EntryOf } from "../entries.ts";
import { isAscending, type Report } from "./state.ts";

/**
 * The plan is linted as a demonstration's: where the catalogue came from is stated in the verdict (`conditional`), and
 * refused by real nodes, but does not make the ledger false.
 */
export function checkGenesis(entry: EntryOf<"genesis">, crypto: Crypto, report: Report): void {
  const { plan, roster } = entry;
  const contradicts = (reason: string) => report("TRB_LEDGER_GENESIS_INVALID", { reason });
  if (entry.federation !== plan.federation) contradicts("its federation is not the plan's");
  if (entry.coordinatorKey !== plan.coordinatorKey) contradicts("its coordinator key is not the plan's");
  if (entry.planHash !== planHash(crypto, plan)) contradicts("its plan hash is not that of its plan");
  for (const { code, message } of lintPlan(plan, { demo: true })) {
    report("TRB_LEDGER_PLAN_REFUSED", { code, reason: message });
  }
  for (const name of falselySignedParts(crypto, plan.catalogueParts)) {
    contradicts(`the signature of ${name} on its part of the catalogue is not valid`);
  }
  checkRoster(roster, entry, crypto, report);
}

function checkRoster(roster: Roster, { federation, plan }: EntryOf<"genesis">, crypto: Crypto, report: Report): void {
  const invalid = (reason: string) => report("TRB_LEDGER_ROSTER_INVALID", { reason });
  if (roster.length < plan.minCohort) invalid(`it has ${roster.length} members, and a round needs ${plan.minCohort}`);
  if (!isAscending(roster.map(({ node }) => node))) invalid("it is not strictly ascending by node");
  const keys = new Set(roster.map(({ key }) => key));
  if (keys.size !== roster.length) invalid("two members have the same key");
  if (keys.has(plan.coordinatorKey)) invalid("a member has the coordinator's key");
  for (const member of roster) {
    if (!verifyMember(crypto, federation, member))
      invalid(`the signature of ${member.node} on its own membership is not valid`);
  }
}
