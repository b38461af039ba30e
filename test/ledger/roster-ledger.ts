/**
 * A valid ledger whose roster changes: four merchants found, a fifth comes, one goes, one has another key.
 *
 *   0 genesis · 1 round 1 · 2 shop-5 admitted from round 3 on · 3 shop-2's second key from round 3 on · 4 round 2 · 5 shop-1 revoked ·
 *   6 round 3 of shops 2 to 5 · 7 erasure by shop-2, under its second key · 8 round 4, given up and refunded · 9 round 5 · 10 closing
 */
import { spentAfter } from "@tributary/ledger";
import {
  type Decimal,
  formatDecimal,
  identityKey,
  type NodeId,
  type Plan,
  planCost,
  type RosterMember,
  type RotatedMember,
  type Sha256,
  signErasure,
  signMember,
  signRotation,
  toHex,
} from "@tributary/protocol";
import {
  abortedDraft,
  type Draft,
  type ExampleFederation,
  exampleFederation,
  exampleSecret,
  genesisDraft,
  roundDraft,
  writeLedger,
} from "../../packages/ledger/src/example-ledger.ts";
import { examplePlan } from "../../packages/protocol/src/plan/example-plan.ts";
import { crypto } from "./valid-ledger.ts";

function planOf(coordinatorKey: string): Plan {
  const plan = examplePlan(coordinatorKey);
  const few = { ...plan, releases: plan.releases.map((release) => ({ ...release, rounds: 4 })) };
  return { ...few, epsilon: formatDecimal(planCost(few).epsilon, "up") as Decimal };
}

export const founding = exampleFederation(crypto, planOf);
const { federation } = founding.plan;

/** Shop 2's keys, and the newcomer's. */
export const secrets = { first: exampleSecret(2), second: exampleSecret(22), third: exampleSecret(23), late: exampleSecret(5) };

const keyOf = (secret: Uint8Array) => identityKey.parse(toHex(crypto.signingPublicKey(secret)));
const signerOf = (secret: Uint8Array) => ({
  key: keyOf(secret),
  sign: (message: Uint8Array) => crypto.sign(message, secret),
});
const node = (number: number) => `shop-${number}` as NodeId;

export function memberOf(number: number, secret: Uint8Array): RosterMember {
  return signMember(signerOf(secret), federation, { node: node(number), key: keyOf(secret), kind: "merchant" });
}

export function rotatedOf(number: number, previous: Uint8Array, next: Uint8Array): RotatedMember {
  const keys = { previous: signerOf(previous), next: signerOf(next) };
  return signRotation(keys, federation, { node: node(number), key: keyOf(next), kind: "merchant" });
}

export function changeOf(change: object): Draft {
  return { kind: "roster", revoked: [], operator: "platform", reason: "asked for", ...change } as Draft;
}

/** Who is in a round, and signs with what. */
export function membersIn(round: number): ExampleFederation {
  if (round < 3) return founding;
  const nodes = [
    { node: node(2), secret: secrets.second },
    ...founding.nodes.slice(2),
    { node: node(5), secret: secrets.late },
  ];
  return { ...founding, nodes };
}

export function erasureBy(secret: Uint8Array): Draft {
  const { signature } = signErasure(signerOf(secret), federation, { node: node(2), on: "2026-01-02" });
  return { kind: "erasure", node: node(2), on: "2026-01-02", nodeSignature: signature };
}

export function rosterDrafts(): Draft[] {
  return [
    genesisDraft(founding),
    roundDraft(membersIn(1), { round: 1, charged: 1, model: 0x33 }),
    changeOf({ admitted: [memberOf(5, secrets.late)], from: 3 }),
    changeOf({ rotated: [rotatedOf(2, secrets.first, secrets.second)], from: 3 }),
    roundDraft(membersIn(2), { round: 2, charged: 2, model: 0x34 }),
    changeOf({ revoked: [node(1)] }),
    roundDraft(membersIn(3), { round: 3, charged: 3, model: 0x35 }),
    erasureBy(secrets.second),
    abortedDraft(membersIn(4), { round: 4, charged: 3, model: 0x36, step: "consistency", refunded: true }),
    roundDraft(membersIn(5), { round: 5, charged: 4, model: 0x36, without: ["shop-4"] }),
    {
      kind: "closing",
      reason: "all rounds of the plan are charged",
      modelHash: "37".repeat(32) as Sha256,
      rounds: 4,
      spent: spentAfter(founding.plan, [4]),
    },
  ];
}

export const rosterLines = (drafts: readonly Draft[] = rosterDrafts()): string[] => writeLedger(founding, drafts, membersIn);
