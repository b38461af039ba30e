/** A merchant's folder restored from a backup that is older than its rounds, by the commands that a merchant has. */
import { cpSync, rmSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { killAll, service, temporaryFolder, tributary, tributaryJson, until } from "./processes.ts";
import { joinAll, ledgerEntries, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("stale-store");

afterAll(() => {
  killAll();
  folder.remove();
});

test("is refused, recovered with every round counted, and then taken for what it is", { timeout: 150_000 }, async () => {
  // steps end when everybody has answered: on a machine that is busy nobody must be left behind
  const long = 30_000;
  const deadlines = { keys: long, shares: long, masked: long, consistency: long, unmask: long };
  const federation = await smallFederation(folder.path, { merchants: 4, rounds: 2, deadlines });
  const { platform, parts, home } = federation;
  const coordinator = await service([
    ...["coordinator", "start", "--home", platform, "--plan", federation.planFile, "--catalogue", federation.catalogueFile],
    ...["--port", "0", "--start-when", String(parts.length)],
  ]);
  await joinAll(federation, folder.path, String(coordinator.ready["url"]));
  const names = parts.map(({ node }) => node);
  const [victim = ""] = names;
  const backup = folder.file("backup");
  cpSync(home(victim), backup, { recursive: true });

  const nodes = await Promise.all(names.map((node) => service(["node", "start", "--home", home(node)])));
  await until(
    async () => ledgerEntries(platform).at(-1)?.["kind"],
    (kind) => kind === "closing",
    100,
  );
  const budget = async () => {
    const { spent, roundsLeft } = await tributaryJson(["node", "budget", "--home", home(victim)]);
    return { spent, roundsLeft };
  };
  const paid = await budget();
  expect(Number(paid.spent)).toBeGreaterThan(0);
  await nodes[0]?.kill();
  rmSync(home(victim), { recursive: true });
  cpSync(backup, home(victim), { recursive: true });
  expect(await budget()).toMatchObject({ spent: 0 });

  const refused = await tributary(["node", "start", "--home", home(victim), "--until-done"]);
  expect(refused.exitCode).toBe(3);
  expect(refused.stderr).toContain("TRB_NODE_STALE_STORE");

  const recovered = await tributaryJson(["node", "recover", "--home", home(victim)]);
  expect(recovered).toMatchObject({ rounds: [1, 2], heads: 3, entries: 4 });
  expect(await budget()).toEqual(paid);
  const again = await tributary(["node", "start", "--home", home(victim), "--until-done"]);
  expect(again).toMatchObject({ exitCode: 0 });
  expect(ledgerEntries(home(victim))).toEqual(ledgerEntries(platform));
  expect(await budget()).toEqual(paid);
});
