/** Ways to tamper with changes of the roster: the coordinator writes others to begin with, and nodes countersign them. Both verifiers find each. */
import type { NodeId } from "@tributary/protocol";
import { asBytes, type Draft, exampleSecret, roundDraft } from "../../packages/ledger/src/example-ledger.ts";
import {
  changeOf,
  erasureBy,
  founding,
  memberOf,
  membersIn,
  rosterDrafts,
  rosterLines,
  rotatedOf,
  secrets,
} from "./roster-ledger.ts";
import type { Tampering } from "./tampering.ts";

function bent(
  name: string,
  [entry, code]: readonly [number, Tampering["code"]],
  change: (drafts: Draft[]) => readonly Draft[],
): Tampering {
  return { name, entry, code, python: true, tamper: () => asBytes(rosterLines(change(rosterDrafts()))) };
}

/** Fields that are undefined are left out. */
const instead = (place: number, change: object) => (drafts: Draft[]) =>
  drafts.map((draft, i) => {
    if (i !== place) return draft;
    return Object.fromEntries(Object.entries({ ...draft, ...change }).filter(([, value]) => value !== undefined)) as Draft;
  });
const before = (place: number, draft: Draft) => (drafts: Draft[]) => [...drafts.slice(0, place), draft, ...drafts.slice(place)];
const without = (place: number) => (drafts: Draft[]) => drafts.filter((_, i) => i !== place);

const wrong = "TRB_LEDGER_ROSTER_CHANGE_INVALID";
const stranger = exampleSecret(77);
const late = memberOf(5, secrets.late);
const rotated = rotatedOf(2, secrets.first, secrets.second);
const shop = (number: number) => `shop-${number}` as NodeId;

export const rosterTamperings: readonly Tampering[] = [
  // ── who is admitted ──
  bent("a member who never asked to be admitted", [2, wrong], instead(2, { admitted: [{ ...late, key: rotated.key }] })),
  bent("a member under another name than it asked for", [2, wrong], instead(2, { admitted: [{ ...late, node: shop(6) }] })),
  bent("a member who asked to be in another federation", [2, wrong], (drafts) => {
    const elsewhere = memberOf(6, secrets.late);
    return instead(2, { admitted: [{ ...elsewhere, signature: late.signature }] })(drafts);
  }),
  bent("admitted without notice", [2, wrong], instead(2, { from: 2 })),
  bent("admitted for a round that was before", [2, wrong], instead(2, { from: 1 })),
  bent("admitted from no round on", [2, wrong], instead(2, { from: undefined })),
  bent("admitted twice", [3, wrong], before(3, changeOf({ admitted: [late], from: 3 }))),
  bent("admitted under a founder's name", [2, wrong], instead(2, { admitted: [memberOf(3, secrets.late)] })),
  bent("admitted under a founder's key", [2, wrong], instead(2, { admitted: [memberOf(6, exampleSecret(3))] })),
  bent("admitted under the coordinator's key", [2, wrong], instead(2, { admitted: [memberOf(5, founding.coordinator)] })),
  bent("admitted again, having been revoked", [6, wrong], before(6, changeOf({ admitted: [memberOf(1, stranger)], from: 4 }))),
  bent("two admitted in disorder", [2, wrong], instead(2, { admitted: [memberOf(6, stranger), late] })),
  bent("two admitted with one key", [2, wrong], instead(2, { admitted: [late, memberOf(6, secrets.late)] })),
  bent("in a round that comes before its first", [4, "TRB_LEDGER_SETS_INVALID"], (drafts) => {
    const five = { ...founding, nodes: [...founding.nodes, { node: shop(5), secret: secrets.late }] };
    return instead(4, roundDraft(five, { round: 2, charged: 2, model: 0x34 }))(drafts);
  }),
  bent("in a round without a word of its admission", [5, "TRB_LEDGER_SETS_INVALID"], without(2)),
  bent("nobody, from some round on", [2, wrong], instead(2, { admitted: undefined })),

  // ── whose key is another one ──
  bent(
    "a new key that the old one did not sign",
    [3, wrong],
    instead(3, { rotated: [rotatedOf(2, stranger, secrets.second)] }),
  ),
  bent(
    "a new key that did not sign itself",
    [3, wrong],
    instead(3, { rotated: [{ ...rotated, signature: rotated.previousSignature }] }),
  ),
  bent("a new key of somebody else", [3, wrong], instead(3, { rotated: [rotatedOf(2, secrets.first, exampleSecret(3))] })),
  bent("the same key as a new one", [3, wrong], instead(3, { rotated: [rotatedOf(2, secrets.first, secrets.first)] })),
  bent("a new key of who is no member", [3, wrong], instead(3, { rotated: [rotatedOf(8, secrets.first, secrets.second)] })),
  bent("a new key of who is none yet", [3, wrong], instead(3, { rotated: [rotatedOf(5, secrets.late, secrets.second)] })),
  bent("a new key without notice", [3, wrong], instead(3, { from: 2 })),
  bent(
    "a third key before the second counts",
    [4, wrong],
    before(4, changeOf({ rotated: [rotatedOf(2, secrets.first, secrets.third)], from: 3 })),
  ),
  bent(
    "a third key by the first one's word",
    [7, wrong],
    before(7, changeOf({ rotated: [rotatedOf(2, secrets.first, secrets.third)], from: 5 })),
  ),
  bent(
    "back to the first key",
    [7, wrong],
    before(7, changeOf({ rotated: [rotatedOf(2, secrets.second, secrets.first)], from: 5 })),
  ),
  bent(
    "a new key of who was revoked",
    [6, wrong],
    before(6, changeOf({ rotated: [rotatedOf(1, exampleSecret(1), stranger)], from: 4 })),
  ),
  bent(
    "revoked and under a new key at once",
    [5, wrong],
    instead(5, { rotated: [rotatedOf(1, exampleSecret(1), stranger)], from: 4 }),
  ),
  bent("a new key that makes a device of a merchant", [3, wrong], instead(3, { rotated: [{ ...rotated, kind: "device" }] })),
  bent("votes under the key that was replaced", [6, "TRB_LEDGER_VOTES_INVALID"], (drafts) => {
    const old = {
      ...membersIn(3),
      nodes: membersIn(3).nodes.map((one) => (one.node === shop(2) ? { ...one, secret: secrets.first } : one)),
    };
    return instead(6, roundDraft(old, { round: 3, charged: 3, model: 0x35 }))(drafts);
  }),
  bent("votes under the key that is announced", [4, "TRB_LEDGER_VOTES_INVALID"], (drafts) => {
    const early = {
      ...founding,
      nodes: founding.nodes.map((one) => (one.node === shop(2) ? { ...one, secret: secrets.second } : one)),
    };
    return instead(4, roundDraft(early, { round: 2, charged: 2, model: 0x34 }))(drafts);
  }),
  bent("an erasure under the key that was replaced", [7, "TRB_LEDGER_ERASURE_INVALID"], (drafts) =>
    drafts.map((draft, i) => (i === 7 ? erasureBy(secrets.first) : draft)),
  ),
  bent("a rotation left out", [5, "TRB_LEDGER_VOTES_INVALID"], without(3)),

  // ── who goes ──
  bent("a change that changes nothing", [5, wrong], instead(5, { revoked: [] })),
  bent("revoked twice", [6, wrong], before(6, changeOf({ revoked: [shop(1)] }))),
  bent("somebody revoked who was never admitted", [5, wrong], instead(5, { revoked: [shop(6)] })),
  bent("revoked, and in a round all the same", [6, "TRB_LEDGER_BARRED_INVALID"], (drafts) => {
    const five = { ...membersIn(3), nodes: [...founding.nodes.slice(0, 1), ...membersIn(3).nodes] };
    return instead(6, roundDraft(five, { round: 3, charged: 3, model: 0x35 }))(drafts);
  }),
];
