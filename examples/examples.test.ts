/** The examples run against the sources of this checkout; examples.long.test.ts runs them against the packages as they would be published. */
import { readFileSync } from "node:fs";
import { joinFederation } from "@tributary/client";
import { createInvite } from "@tributary/coordinator";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { killAll, service, temporaryFolder } from "../test/e2e/processes.ts";
import { smallFederation } from "../test/e2e/small-federation.ts";
import { copyExample, type ExampleName, exampleNames, linkWorkspace, startExample } from "./run-example.ts";

const folder = temporaryFolder("examples");
afterAll(() => {
  killAll();
  folder.remove();
});

function linked(name: ExampleName): string {
  const copy = copyExample(name);
  onTestFinished(copy.remove);
  linkWorkspace(copy);
  return copy.folder;
}

test("dp alone: people are trained on privately for exactly the ε that was asked for, and the model is of use", {
  timeout: 60_000,
}, async () => {
  const running = startExample(linked("dp-alone"), "train.ts");
  const said = await running.said;
  expect(await running.exited).toBe(0);
  expect(said["epsilon"]).toBeLessThanOrEqual(2);
  expect(said["epsilon"]).toBeGreaterThan(1.99);
  // 9 of 10 labels follow the line. 40 runs had accuracy 0.8862 with a standard deviation of 0.0022: 0.8 is 39 deviations below, a false alarm in far
  // less than one of 1e9
  expect(said["accuracy"]).toBeGreaterThan(0.8);
  expect(said["withoutPrivacy"]).toBeGreaterThan(0.85);
});

test("tensor alone: clipped sums train a network, and some customers are longer than the clip norm", {
  timeout: 60_000,
}, async () => {
  const running = startExample(linked("tensor-alone"), "train.ts");
  const said = await running.said;
  expect(await running.exited).toBe(0);
  expect(said["lossBefore"]).toBeGreaterThan(1);
  expect(said["lossAfter"]).toBeLessThan(0.3);
  expect(said["clippedShare"]).toBeGreaterThan(0);
  expect(said["clippedShare"]).toBeLessThan(1);
});

test("a shop with a node in it joins, imports its log, tells events and shows what the node recommends; it says nothing of customers", {
  timeout: 120_000,
}, async () => {
  const federation = await smallFederation(folder.path, { merchants: 3, rounds: 1 });
  const { platform, parts, home, planFile, catalogueFile, catalogue } = federation;
  const coordinator = await service([
    ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile],
    ...["--port", "0", "--start-when", "3"],
  ]);
  const [first, ...others] = parts;
  if (first === undefined) throw new Error("there is no merchant");
  const inviteOf = async (node: string): Promise<string> => {
    const invited = { node, url: String(coordinator.ready["url"]), hours: 1 };
    return (await createInvite({ home: platform, databaseUrl: undefined }, invited)).invite;
  };
  const trust: string[] = [];
  for (const { node } of others) {
    const { fingerprint } = await joinFederation({ invite: await inviteOf(node), home: home(node) });
    trust.push(fingerprint);
  }
  const invite = await inviteOf(first.node);
  const shop = startExample(linked("shop-with-a-node"), "shop.js", {
    ...{
      HOME_FOLDER: `${folder.path}/shop`,
      INVITE: invite,
      TRUST: trust.join(","),
      LOG: `${folder.path}/logs/${first.node}.csv`,
      PORT: "0",
    },
  });
  const { url, ...said } = await shop.said;
  expect(said).toEqual({ federation: "small", takesPart: true });

  const customer = String(first.train.customers[0]);
  const item = catalogue.items[4]?.id ?? "";
  const shown = (await (await fetch(`${String(url)}/products/${item}?customer=${customer}`)).json()) as Record<string, unknown>;
  expect(shown).toMatchObject({ item, basis: "history" });
  expect(shown["beside"]).not.toEqual([]);
  const told = await fetch(`${String(url)}/cart`, {
    ...{ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ customer: "new-one", item }) },
  });
  expect(await told.json()).toEqual({ accepted: 1 });
  const asNew = (await (await fetch(`${String(url)}/products/${item}?customer=new-one`)).json()) as Record<string, unknown>;
  expect(asNew["basis"]).toBe("history");
  expect((await fetch(`${String(url)}/products/${item}`)).status).toBe(400);

  expect(await shop.end()).toBe(0);
  expect(shop.stderr()).not.toContain("new-one");
  expect(shop.stderr()).not.toContain(`"${customer}"`);
});

test("an example asks for published versions, and for nothing of the workspace", () => {
  for (const name of exampleNames) {
    const text = readFileSync(new URL(`${name}/package.json`, import.meta.url), "utf8");
    const { dependencies, private: hidden } = JSON.parse(text) as { dependencies: Record<string, string>; private: boolean };
    expect(hidden).toBe(true);
    for (const range of Object.values(dependencies)) expect(range).toMatch(/^\^\d+\.\d+\.\d+$/);
  }
});
