/** An entry that changes the roster: who comes, who goes, who has another key; each asked for by the nodes themselves, none sooner than announced. */
import { type Crypto, type IdentityKey, mostMembers, verifyMember, verifyRotation } from "@tributary/protocol";
import type { Entry, EntryOf } from "../entries.ts";
import { earliestChange, mostRosterChanges, rosterAt } from "../roster-changes.ts";
import { type Founding, isAscending, type Report, type VerificationState } from "./state.ts";

type RosterStanding = Pick<VerificationState, "lastRound" | "barred" | "rosterChanges">;
type RosterEntry = EntryOf<"roster">;

/**
 * Names and keys are used once: whoever was revoked doesn't come back under its name, and no old key of anybody counts again.
 * @param founding as the first entry has it
 */
export function checkRosterChange(
  entry: RosterEntry,
  standing: RosterStanding,
  founding: Founding,
  crypto: Pick<Crypto, "verify">,
  report: Report,
): void {
  const wrong = (reason: string) => report("TRB_LEDGER_ROSTER_CHANGE_INVALID", { reason });
  const { revoked, admitted = [], rotated = [] } = entry;
  const changing = { roster: founding.roster, rosterChanges: standing.rosterChanges };
  const everybody = new Map(rosterAt(changing, Number.POSITIVE_INFINITY).map((member) => [member.node, member]));
  const gone = new Set(standing.barred);
  const used = new Set<IdentityKey>([founding.plan.coordinatorKey, ...keysEver(founding, standing)]);
  const { federation } = founding.plan;

  if (revoked.length + admitted.length + rotated.length === 0) wrong("it changes nothing");
  checkNotice(entry, standing, founding, wrong);
  for (const nodes of [revoked, admitted.map(({ node }) => node), rotated.map(({ node }) => node)]) {
    if (!isAscending(nodes)) wrong("they are not strictly ascending");
  }
  for (const node of revoked) {
    if (!everybody.has(node)) wrong(`${node} is not in the roster`);
    else if (gone.has(node)) wrong(`${node} takes part no longer already`);
  }
  if (everybody.size + admitted.length > mostMembers) wrong(`it has more than ${mostMembers} members`);
  const changes = standing.rosterChanges.length + admitted.length + rotated.length;
  if (changes > mostRosterChanges) wrong(`it was changed more than ${mostRosterChanges} times`);
  for (const member of admitted) {
    const { node, key } = member;
    if (everybody.has(node)) wrong(`${node} is a name that was taken already`);
    if (used.has(key)) wrong(`${node} has a key that was used before`);
    if (!verifyMember(crypto, federation, member)) wrong(`the signature of ${node} on its own membership is not valid`);
    used.add(key);
  }
  const inForce = new Map(rosterAt(changing, standing.lastRound + 1).map((member) => [member.node, member]));
  for (const member of rotated) {
    const { node, key, kind } = member;
    const before = inForce.get(node);
    if (before === undefined) wrong(`${node} is not in the roster yet`);
    else if (gone.has(node) || revoked.includes(node)) wrong(`${node} takes part no longer`);
    else if (everybody.get(node) !== before) wrong(`${node} has a key already that is not in force yet`);
    else if (kind !== before.kind) wrong(`${node} was a ${before.kind}`);
    else if (!verifyRotation(crypto, federation, member, before.key))
      wrong(`the signatures of ${node} on its new key are not valid`);
    if (used.has(key)) wrong(`${node} has a key that was used before`);
    used.add(key);
  }
}

/** Whoever is new, or has a new key, is announced so many rounds before it counts; to be revoked needs no notice. */
function checkNotice(
  { admitted, rotated, from }: RosterEntry,
  { lastRound }: RosterStanding,
  { plan }: Founding,
  wrong: (reason: string) => void,
): void {
  if ((from !== undefined) !== (admitted !== undefined || rotated !== undefined)) {
    wrong("it says from when, and not what, or the other way about");
    return;
  }
  const least = earliestChange(plan, lastRound);
  if (from !== undefined && from < least)
    wrong(`it holds from round ${from} on, and round ${least} is the first that it may change`);
}

function keysEver({ roster }: Founding, { rosterChanges }: RosterStanding): IdentityKey[] {
  return [...roster, ...rosterChanges.map(({ member }) => member)].map(({ key }) => key);
}

/** The founding with the roster of one round: what an entry of that round is held to. The same value as long as the roster is. */
export function foundingAt<Held extends Founding>(
  founding: Held,
  rosterChanges: RosterStanding["rosterChanges"],
  round: number,
): Held {
  const roster = rosterAt({ roster: founding.roster, rosterChanges }, round);
  return roster === founding.roster ? founding : { ...founding, roster };
}

/** Of an entry: its round, or, between rounds, the one that is next. */
export function roundOf(entry: Entry, { lastRound }: Pick<RosterStanding, "lastRound">): number {
  return "round" in entry ? entry.round : lastRound + 1;
}
