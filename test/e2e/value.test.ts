/** What joining is worth to one merchant, through real processes: customers held out before the first round, rounds, personalisation, and the value report. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { killAll, service, temporaryFolder, tributary, tributaryJson } from "./processes.ts";
import { joinAll, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("value");

afterAll(() => {
  killAll();
  folder.remove();
});

interface Block {
  readonly hr10: number;
  readonly ndcg10: number;
  readonly customers: number;
  readonly intervals: { readonly ndcg10: readonly [number, number] };
}

test("a merchant holds customers out, trains, personalises, and is told whether joining pays", {
  timeout: 180_000,
}, async () => {
  const federation = await smallFederation(folder.path, {
    ...{ merchants: 3, rounds: 1, customers: 1500, statistics: { trainingShare: 0.3 } },
  });
  const { platform, parts, home, planFile, catalogueFile } = federation;
  const coordinator = await service([
    ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile],
    ...["--port", "0", "--start-when", "3"],
  ]);
  await joinAll(federation, folder.path, String(coordinator.ready["url"]));
  const [first] = parts;
  if (first === undefined) throw new Error("there is no merchant");
  const merchant = home(first.node);

  const early = await tributary(["node", "report", "--home", merchant, "--value", "--json"]);
  expect([early.exitCode, early.stdout]).toEqual([1, expect.stringContaining("TRB_VALUE_NO_MODEL")]);
  expect(await tributaryJson(["node", "holdout", "--home", merchant, "--share", "0.3"])).toEqual({
    ...{ share: 0.3, clean: true, reason: null },
  });

  const nodes = await Promise.all(parts.map(({ node }) => service(["node", "start", "--home", home(node), "--until-done"])));
  expect(await Promise.all(nodes.map(({ exit }) => exit))).toEqual([0, 0, 0]);

  const misnamed = await tributary(["node", "personalise", "--home", merchant, "--layers", "last-blok"]);
  expect([misnamed.exitCode, misnamed.stderr]).toEqual([2, expect.stringContaining("Did you mean last-block?")]);
  const personal = await tributaryJson(["node", "personalise", "--home", merchant, "--epochs", "3"]);
  expect(personal).toMatchObject({ tuned: "attention", without: { customers: expect.any(Number) } });

  const page = folder.file("value.html");
  writeFileSync(page, "", { mode: 0o644 });
  const report = await tributaryJson(["node", "report", "--home", merchant, "--value", page, "--seconds", "5"]);
  const block = (name: string) => report[name] as Block;
  for (const name of ["floor", "popularity", "local", "federated", "joined"]) {
    const { customers, ndcg10, intervals } = block(name);
    expect(customers).toBe((report["heldOut"] as { evaluated: number }).evaluated);
    expect(intervals.ndcg10[0]).toBeLessThanOrEqual(ndcg10);
    expect(intervals.ndcg10[1]).toBeGreaterThanOrEqual(ndcg10);
  }
  expect(block("joined").ndcg10).toBeGreaterThan(block("floor").ndcg10);
  expect(report["heldOut"]).toMatchObject({ clean: true, by: ["node"] });
  expect("personalised" in report).toBe(personal["kept"]);
  const budget = await tributaryJson(["node", "budget", "--home", merchant]);
  expect(report["epsilon"]).toMatchObject({ spent: budget["spent"] });
  expect(report["verdict"]).toMatchObject({ verdict: expect.stringMatching(/^(pays|doesNotPay|cannotTell)$/) });
  expect(statSync(page).mode & 0o777).toBe(0o600);
  const html = readFileSync(page, "utf8");
  expect(html).toContain("Customer 5");
  expect(html).toContain(String((report["verdict"] as { sentence: string }).sentence).slice(0, 40));
  for (const customer of first.train.customers) {
    expect(html).not.toContain(`>${customer}<`);
    expect(JSON.stringify(report)).not.toContain(`"${customer}"`);
  }

  const unclean = await tributaryJson(["node", "holdout", "--home", merchant, "--share", "0.4"]);
  expect(unclean).toEqual({ share: 0.4, clean: false, reason: "rounds" });
  await coordinator.stop("SIGTERM");
});
