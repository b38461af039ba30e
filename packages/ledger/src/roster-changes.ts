/**
 * A roster that changes after the founding: who is admitted, under which key a member goes on, and from which round. Both state machines, the
 * verifier and whoever reads a ledger ask `rosterAt`: the members of one round with the keys that count in it. Who was revoked is not in it:
 * that holds at once, and stands with those who were barred.
 */
import type { IdentityKey, NodeId, Roster, RosterMember } from "@tributary/protocol";
import type { EntryOf } from "./entries.ts";
import { parseLine } from "./parsing.ts";

/** From round `from` on, this is what stands of one member: it is new, or has another key. */
export interface RosterChange {
  readonly member: RosterMember;
  readonly from: number;
  /** The entry that says so. */
  readonly entry: number;
}

/** Every change so far, in the order of their entries. */
export type RosterChanges = readonly RosterChange[];

/** The founding roster, and what became of it. */
export interface ChangingRoster {
  readonly roster: Roster;
  readonly rosterChanges: RosterChanges;
}

/** So that all checks of one round see one value, whose keys they look up once. */
const known = new WeakMap<RosterChanges, { readonly founding: Roster; readonly byFrom: Map<number, Roster> }>();

/**
 * The members of a round, ascending, each with the key that counts in it. The same value for all rounds between two changes.
 * @param round from 1; Infinity: everybody who was ever admitted, with the newest keys
 */
export function rosterAt({ roster, rosterChanges }: ChangingRoster, round: number): Roster {
  const inForce = rosterChanges.filter(({ from }) => from <= round);
  if (inForce.length === 0) return roster;
  const newest = Math.max(...inForce.map(({ from }) => from));
  const before = known.get(rosterChanges);
  const { byFrom } = before?.founding === roster ? before : { byFrom: new Map<number, Roster>() };
  const made = byFrom.get(newest) ?? withChanges(roster, inForce);
  byFrom.set(newest, made);
  known.set(rosterChanges, { founding: roster, byFrom });
  return made;
}

function withChanges(roster: Roster, changes: RosterChanges): Roster {
  const members = new Map<NodeId, RosterMember>(roster.map((member) => [member.node, member]));
  for (const { member } of changes.toSorted((a, b) => a.from - b.from)) members.set(member.node, member);
  return [...members.values()].sort((a, b) => (a.node < b.node ? -1 : 1));
}

/** So many changes are remembered; a ledger that has more is refused, and takes no more memory. */
export const mostRosterChanges = 100_000;

/** What stands after an entry. Who is revoked in it is the caller's to remember. */
export function withRosterEntry(
  changes: RosterChanges,
  { admitted = [], rotated = [], from, index }: Pick<EntryOf<"roster">, "admitted" | "rotated" | "from" | "index">,
): RosterChanges {
  if (from === undefined) return changes;
  const members = [...admitted, ...rotated.map(({ previousSignature: _, ...member }) => member)];
  const kept = members.length > 0 && changes.length + members.length <= mostRosterChanges;
  return kept ? [...changes, ...members.map((member) => ({ member, from, entry: index }))] : changes;
}

/** All changes in lines of a ledger, whose form was found to hold. */
export function rosterChangesIn(lines: readonly string[]): RosterChanges {
  return lines.reduce<RosterChanges>((changes, line) => {
    if (!line.includes('"kind":"roster"')) return changes;
    const entry = parseLine(line);
    return entry.kind === "roster" ? withRosterEntry(changes, entry) : changes;
  }, []);
}

/** Each member's keys up to a round, the first one first: each was signed by the one before it. */
export function keysByNode({ roster, rosterChanges }: ChangingRoster, round: number): ReadonlyMap<NodeId, IdentityKey[]> {
  const keys = new Map(roster.map(({ node, key }) => [node, [key]]));
  for (const { member, from } of rosterChanges) {
    if (from > round) continue;
    const before = keys.get(member.node);
    if (before === undefined) keys.set(member.node, [member.key]);
    else before.push(member.key);
  }
  return keys;
}

/** So many rounds pass between an entry and the first one that it changes, unless the plan says otherwise. */
export const defaultRosterNotice = 1;

/** The first round for which an entry can change the roster, written when `lastRound` was the last. */
export function earliestChange(plan: { readonly rosterNotice?: number }, lastRound: number): number {
  return lastRound + 1 + (plan.rosterNotice ?? defaultRosterNotice);
}
