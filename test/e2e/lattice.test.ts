/** A plan that is charged by the accountant `lattice`, with metrics in it, through real processes: what was spent is the same for everybody who counts. */
import { type Plan, planCost } from "@tributary/protocol";
import { choosePlanToRead } from "@tributary/simulate";
import { afterAll, expect, test } from "vitest";
import { commandsInOneProcess, killAll, service, temporaryFolder } from "./processes.ts";
import { joinAll, ledgerEntries, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("lattice");
const { tributary, tributaryJson, close } = commandsInOneProcess();

afterAll(() => {
  close();
  killAll();
  folder.remove();
});

test("coordinator, nodes, their budgets and the verifier count by lattice, and Rényi divergences stand beside", {
  timeout: 180_000,
}, async () => {
  const federation = await smallFederation(folder.path, {
    ...{ merchants: 3, rounds: 1, statistics: {}, deadlines: { uploadOffset: 1500, masked: 20_000 } },
    choose: ({ rounds: _, ...request }) =>
      choosePlanToRead({ ...request, accountant: "lattice", customers: 120 }, { share: 0.1, metrics: { heldOut: 0.2 } }).plan,
  });
  const { plan, platform, planFile, catalogueFile, parts, home } = federation;
  expect(plan).toMatchObject({ accountant: "lattice", metrics: { heldOut: "0.2" } });
  const byRenyi = (some: Plan) => planCost({ ...some, accountant: "rdp-integer" }).epsilon;
  expect(planCost(plan).epsilon).toBeLessThanOrEqual(8);
  expect(byRenyi(plan)).toBeGreaterThan(8.3);

  const start = ["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile, "--port", "0"];
  const coordinator = await service([...start, "--start-when", "3", "--until-done"]);
  await joinAll(federation, folder.path, String(coordinator.ready["url"]), { maxEpsilon: 8 });
  const nodes = await Promise.all(parts.map(({ node }) => service(["node", "start", "--home", home(node), "--until-done"])));
  expect(await Promise.all([coordinator, ...nodes].map((one) => one.exit))).toEqual([0, 0, 0, 0]);

  const entries = ledgerEntries(platform);
  const [last] = entries.slice(-1) as { spent: { epsilon: string; rdp: string[]; charged: number[] } }[];
  const verdict = await tributaryJson(["ledger", "verify", `${platform}/ledger.jsonl`]);
  expect(verdict).toMatchObject({ verified: true, complete: true, accountant: "lattice", epsilon: last?.spent.epsilon });
  expect(Number(verdict["epsilon"])).toBeGreaterThan(7.9);
  expect(Number(verdict["epsilon"])).toBeLessThanOrEqual(8);
  expect(last?.spent.rdp.length).toBeGreaterThan(60);
  expect(planCost(plan, last?.spent.charged).rdp.map((value, i) => Number(last?.spent.rdp[i]) / value)).toEqual(
    last?.spent.rdp.map(() => expect.closeTo(1, 9)),
  );
  for (const { node } of parts) {
    expect(ledgerEntries(home(node))).toEqual(entries);
    const budget = await tributaryJson(["node", "budget", "--home", home(node)]);
    expect(budget["spent"]).toBe(Number(verdict["epsilon"]));
  }
  const { stdout } = await tributary(["plan", "explain", planFile]);
  expect(stdout).toContain("accountant lattice");
});
