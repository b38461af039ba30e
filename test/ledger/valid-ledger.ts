/**
 * A valid ledger with every kind of entry, for tests to tamper with: four merchants, real keys, a plan of three rounds. The keys are the test's own, so that it can be
 * a coordinator that falsifies its ledger and signs what comes out.
 *
 *   0 genesis · 1 round 1 · 2 round 2, given up and refunded · 3 pause · 4 resume · 5 round 3, given up and charged · 6 erasure by shop-2 ·
 *   7 round 4 without shop-4 · 8 promotion · 9 shop-4 revoked · 10 round 5, given up for nothing · 11 closing
 */

import { spentAfter } from "@tributary/ledger";
import type { NodeId } from "@tributary/protocol";
import { type Decimal, type Plan, planCost, type Sha256, signErasure } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import {
  abortedDraft,
  type Draft,
  exampleFederation,
  genesisDraft,
  roundDraft,
  writeLedger,
} from "../../packages/ledger/src/example-ledger.ts";
import { formatDecimal } from "../../packages/protocol/src/canonical/decimals.ts";
import { examplePlan } from "../../packages/protocol/src/plan/example-plan.ts";

export const crypto = nodeCrypto();

/** Three rounds may be charged, and the plan's ε is what they cost. */
function planOf(coordinatorKey: string): Plan {
  const plan = examplePlan(coordinatorKey);
  const few = { ...plan, releases: plan.releases.map((release) => ({ ...release, rounds: 3 })) };
  return { ...few, epsilon: formatDecimal(planCost(few).epsilon, "up") as Decimal };
}

export const federation = exampleFederation(crypto, planOf);

/** The same merchants, coordinator and plan, but for the federation's name. */
export const sister = exampleFederation(crypto, (key) => ({ ...planOf(key), federation: "sister" }));

const secretOf = (name: string): Uint8Array => {
  const found = federation.nodes.find(({ node }) => node === name);
  if (found === undefined) throw new Error(`no node ${name}`);
  return found.secret;
};

export function erasure(node: string, on: string, by = node): Draft {
  const secret = secretOf(by);
  const signer = { sign: (message: Uint8Array) => crypto.sign(message, secret) };
  const { signature } = signErasure(signer, federation.plan.federation, { node: node as NodeId, on });
  return { kind: "erasure", node: node as NodeId, on, nodeSignature: signature };
}

/** Every action of operators that is about who may come in, each as it must be. */
export const accessDrafts: readonly Draft[] = [
  { action: "invite", subject: "shop-9" },
  { action: "revoke-invite", subject: "shop-9" },
  { action: "add-operator", subject: "night-shift", role: "operator" },
  { action: "change-role", subject: "night-shift", role: "viewer" },
  { action: "change-password", subject: "night-shift" },
  { action: "create-token", subject: "trb_0123456789ab", role: "auditor" },
  { action: "revoke-token", subject: "trb_0123456789ab" },
  { action: "remove-operator", subject: "night-shift" },
].map((said) => ({ kind: "operator", operator: "platform", reason: "", done: "2026-01-01T00:00:00.000Z", ...said }) as Draft);

const modelOf = (byte: number) => byte.toString(16).repeat(32) as Sha256;

export function validDrafts(of = federation): Draft[] {
  const abandoned = abortedDraft(of, { round: 5, charged: 3, model: 0x35, step: "keys", refunded: false });
  return [
    genesisDraft(of),
    roundDraft(of, { round: 1, charged: 1, model: 0x33 }),
    abortedDraft(of, { round: 2, charged: 1, model: 0x34, step: "consistency", refunded: true }),
    { kind: "operator", action: "pause", operator: "platform", reason: "the database is moved" },
    { kind: "operator", action: "resume", operator: "platform", reason: "it is where it belongs" },
    abortedDraft(of, { round: 3, charged: 2, model: 0x34, step: "unmask", refunded: false }),
    erasure("shop-2", "2026-01-02"),
    roundDraft(of, { round: 4, charged: 3, model: 0x34, without: ["shop-4"] }),
    { kind: "promotion", modelHash: modelOf(0x35), rule: "operator", operator: "platform" },
    { kind: "roster", revoked: ["shop-4" as NodeId], operator: "platform", reason: "it left the federation" },
    { ...abandoned, charged: false, h1: null, cohort: [] },
    {
      kind: "closing",
      reason: "all rounds of the plan are charged",
      modelHash: modelOf(0x35),
      rounds: 2,
      spent: spentAfter(of.plan, [3]),
    },
  ];
}

export const validLines = (): string[] => writeLedger(federation, validDrafts());
