/** A plan from a file is audited as it is, or refused before anything is committed to. */
import { type Decimal, formatDecimal, type Plan, parsePlan, planCost } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { expect, test } from "vitest";
import { type AuditedMarket, auditRun, auditStage } from "./audit-run.ts";

const crypto = nodeCrypto();
const executor = onnxruntimeExecutor();
const market: AuditedMarket = { customers: 200, items: 40, merchants: 4, epsilon: 4, delta: 1e-6, rounds: 2, width: 8 };
const seed = new Uint8Array(32).fill(3);
const { plan: made } = auditStage(market, seed, crypto);
/** What the plan says itself is not asked of the market. */
const other = { ...market, items: 12, epsilon: 1, rounds: 9, width: 4 };

test("what the planner makes and what a file gives are the same audit", async () => {
  const common = { canaries: 60, seed, crypto, executor };
  const [planned, given] = [
    await auditRun({ ...common, market }),
    await auditRun({ ...common, market: other, plan: parsePlan(JSON.parse(JSON.stringify(made))) }),
  ];
  expect(given).toEqual({ ...planned, federation: { ...planned.federation, plan: "given" } });
  expect(given.consistent).toBe(true);
});

test("what the given plan releases is what is audited: a round less is another claim", async () => {
  const [release] = made.releases;
  if (release === undefined) throw new Error("no release");
  const shorter: Plan = { ...made, releases: [{ ...release, rounds: 1 }] };
  const epsilon = formatDecimal(planCost(shorter).epsilon, "up");
  const { theoretical, federation } = await auditRun(
    { market: other, plan: { ...shorter, epsilon }, canaries: 60, seed, crypto, executor },
    { gradientOnly: true },
  );
  expect(theoretical.epsilon).toBeLessThan(3);
  expect(federation).toMatchObject({ rounds: 1, items: 40, plan: "given" });
});

const [training] = made.releases;
const refusals: readonly (readonly [what: string, change: Partial<Plan>, code: string, merchants?: number])[] = [
  ["several releases", { releases: [...made.releases, ...made.releases] }, "TRB_AUDIT_PLAN_UNFIT"],
  ["noise of each node alone", { noiseMode: "local" }, "TRB_AUDIT_PLAN_UNFIT"],
  ["a device's plan", { unit: "node" }, "TRB_AUDIT_PLAN_UNFIT"],
  ["only some tensors", { trained: ["item*"] }, "TRB_AUDIT_PLAN_UNFIT"],
  ["prices", { model: { ...made.model, prices: 4 } as Plan["model"] }, "TRB_AUDIT_PLAN_UNFIT"],
  ["fewer actions", { model: { ...made.model, actions: 3 } as Plan["model"] }, "TRB_AUDIT_PLAN_UNFIT"],
  ["fewer merchants than a round takes", {}, "TRB_AUDIT_PLAN_UNFIT", made.minCohort - 1],
  ["ε that is understated", { epsilon: "1" as Decimal }, "TRB_PLAN_EPSILON_UNDERSTATED"],
  ["another build's graph", { graphHash: "ab".repeat(32) as Plan["graphHash"] }, "TRB_PLAN_GRAPH_MISMATCH"],
  [
    "sums that don't fit 32 bits",
    { releases: training === undefined ? [] : [{ ...training, scale: "1e9" as Decimal }] },
    "TRB_PLAN_SCALE_TOO_LARGE",
  ],
];

test.each(refusals.map((one) => [one[0], one] as const))("refuses %s", async (_, [, change, code, merchants = 4]) => {
  const said: string[] = [];
  const options = { market: { ...market, merchants }, plan: { ...made, ...change }, canaries: 60, seed, crypto, executor };
  await expect(auditRun({ ...options, onCommitment: (sha256) => said.push(sha256) })).rejects.toMatchObject({ code });
  expect(said).toEqual([]);
});
