/** A crash at each boundary between the vector's file, the state that names it, and the charge in node.sqlite. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNode, type NodeRound, type NodeState } from "@tributary/federation";
import { type EntryOf, emptyHead, headAfter, parseLine } from "@tributary/ledger";
import type { MessageOf } from "@tributary/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { budgetOf } from "../budget.ts";
import { startTestCoordinator, type TestCoordinator } from "../coordinator.test-support.ts";
import { layoutOf } from "../home/layout.ts";
import { type Home, openHome } from "../home/open.ts";
import { readPolicy } from "../home/policy.ts";
import { joinFederation } from "../join.ts";
import { nodePolicyOf } from "../policy-document.ts";
import { beginState } from "./begin-state.ts";
import { loadState, saveState } from "./state-file.ts";

let folder: string;
let coordinator: TestCoordinator;
let home: Home;
let genesis: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-client-"));
  coordinator = await startTestCoordinator();
  for (const name of ["alpha", "beta", "gamma"]) {
    await joinFederation({ invite: coordinator.invite(name), home: join(folder, name) });
  }
  coordinator.begin();
  genesis = coordinator.ledger[0] ?? "";
  home = openHome(join(folder, "alpha"));
});
afterEach(async () => {
  home.database.close();
  await coordinator.close();
  rmSync(folder, { recursive: true, force: true });
});

/** After a round's masked vector was persisted; the reducer's own tests say how it gets there. */
function paidState(): NodeState {
  const entry = parseLine(genesis) as EntryOf<"genesis">;
  const policy = nodePolicyOf(readPolicy(home.layout));
  const state = createNode({
    self: home.membership.node,
    genesis: entry,
    head: headAfter(home.crypto, emptyHead, genesis),
    policy,
  });
  const round = {
    number: 1,
    release: 0,
    phase: "masked",
    uploaded: false,
    masked: { round: 1 } as MessageOf<"masked">,
    offeredAt: new Date().toISOString(),
  } as NodeRound;
  const cohort = entry.roster.map(({ node }) => node);
  return { ...state, round, lastRound: 1, charges: [{ round: 1, release: 0, standing: "open", cohort, h1: entry.planHash }] };
}

const load = () => loadState(home, nodePolicyOf(readPolicy(home.layout)), [genesis]);

describe("after a crash", () => {
  test("before the state was written, a vector's file is nobody's and goes; nothing is charged", async () => {
    writeFileSync(home.layout.vector(1), "masked vector");
    const state = await load();
    expect(existsSync(home.layout.vector(1))).toBe(false);
    expect(state?.charges).toEqual([]);
    expect(budgetOf(home).spent).toBe(0);
  });

  test("between state and node.sqlite, the charge counts at once and is entered at the next start; the vector stays", async () => {
    writeFileSync(home.layout.vector(1), "masked vector");
    await saveState(home.layout, paidState());
    expect(home.database.charges()).toEqual([]);
    expect(budgetOf(home).byKind[0]).toMatchObject({ charged: 1, open: 1 });
    const state = await load();
    expect(home.database.charges()).toEqual(paidState().charges);
    expect(state?.charges).toEqual(paidState().charges);
    expect(existsSync(home.layout.vector(1))).toBe(true);
  });

  test("between state and settlement, node.sqlite is settled at the next start", async () => {
    const paid = paidState();
    for (const charge of paid.charges) home.database.charge(charge);
    await saveState(home.layout, { ...paid, round: null, charges: paid.charges.map((one) => ({ ...one, standing: "final" })) });
    await load();
    expect(home.database.charges().map(({ standing }) => standing)).toEqual(["final"]);
  });

  test("with `rounds/` lost, node.sqlite's charges and round numbers hold", async () => {
    for (const charge of paidState().charges) home.database.charge(charge);
    home.database.reachRound(4);
    const state = await load();
    expect(state).toMatchObject({ lastRound: 4, charges: [{ round: 1, standing: "open" }] });
  });
});

describe("the first entry", () => {
  const begin = (line: string) => () => beginState(home, nodePolicyOf(readPolicy(home.layout)), line);

  test("must be the coordinator's own, for the plan that was joined", () => {
    expect(begin(genesis)().self).toBe("alpha");
    const entry = JSON.parse(genesis);
    const changed = JSON.stringify({ ...entry, federation: "other" });
    expect(begin(changed)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^TRB_(NODE_LEDGER_INVALID|LEDGER_)/) }),
    );
  });

  test("must hold this node with its own key", () => {
    const other = openHome(layoutOf(join(folder, "beta")).home);
    const stranger: Home = { ...home, identity: other.identity };
    other.database.close();
    expect(() => beginState(stranger, nodePolicyOf(readPolicy(home.layout)), genesis)).toThrow(
      expect.objectContaining({ code: "TRB_NODE_KEY_NOT_IN_ROSTER" }),
    );
  });
});
