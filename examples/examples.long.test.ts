/** The examples as a stranger has them: in a folder outside of the repository, with the packed tarballs, installed by npm without any script. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { importEvents, joinFederation, trustPeers } from "@tributary/client";
import { createInvite } from "@tributary/coordinator";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { packPackages, type Tarball } from "../release/pack.ts";
import { killAll, service, temporaryFolder, until } from "../test/e2e/processes.ts";
import { smallFederation } from "../test/e2e/small-federation.ts";
import { copyExample, type ExampleName, startExample } from "./run-example.ts";

const folder = temporaryFolder("examples-packed");
let tarballs: readonly Tarball[] = [];
beforeAll(async () => {
  tarballs = await packPackages(`${folder.path}/tarballs`);
}, 600_000);
afterAll(() => {
  killAll();
  folder.remove();
});

/** The range in package.json is met by the tarballs, since all of them are named in one installation. */
function installed(name: ExampleName): string {
  const copy = copyExample(name);
  onTestFinished(copy.remove);
  const words = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--no-save"];
  const { status, stderr } = spawnSync("npm", [...words, ...tarballs.map(({ path }) => path)], {
    cwd: copy.folder,
    encoding: "utf8",
  });
  expect({ status, stderr }).toMatchObject({ status: 0 });
  for (const dependency of Object.keys(copy.dependencies))
    expect(existsSync(`${copy.folder}/node_modules/${dependency}`)).toBe(true);
  return copy.folder;
}

test("dp alone and tensor alone run on the packed packages", { timeout: 600_000 }, async () => {
  const private_ = startExample(installed("dp-alone"), "train.ts");
  expect((await private_.said)["epsilon"]).toBeLessThanOrEqual(2);
  expect(await private_.exited).toBe(0);
  const clipped = startExample(installed("tensor-alone"), "train.ts");
  expect((await clipped.said)["lossAfter"]).toBeLessThan(0.3);
  expect(await clipped.exited).toBe(0);
});

test("a shop with the packed node takes part in a round with two others, and goes on selling", {
  timeout: 600_000,
}, async () => {
  const federation = await smallFederation(folder.path, { merchants: 3, rounds: 1 });
  const { platform, parts, home, planFile, catalogueFile, catalogue } = federation;
  const coordinator = await service([
    ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile],
    ...["--port", "0", "--start-when", "3"],
  ]);
  const inviteOf = async (node: string): Promise<string> => {
    const invited = { node, url: String(coordinator.ready["url"]), hours: 1 };
    return (await createInvite({ home: platform, databaseUrl: undefined }, invited)).invite;
  };
  const [first, ...others] = parts;
  if (first === undefined) throw new Error("there is no merchant");
  const invite = await inviteOf(first.node);
  // joined by hand, so that the others can name its key as a merchant would
  const shopHome = `${folder.path}/shop`;
  const own = await joinFederation({ invite, home: shopHome });
  const trust: string[] = [];
  for (const { node } of others)
    trust.push((await joinFederation({ invite: await inviteOf(node), home: home(node) })).fingerprint);
  for (const { node } of others) {
    await trustPeers({ home: home(node), fingerprints: [own.fingerprint, ...trust] });
    const columns = { customer: "customer", item: "item", action: "action", time: "time" };
    await importEvents({ home: home(node), files: [`${folder.path}/logs/${node}.csv`], columns });
  }
  const nodes = await Promise.all(others.map(({ node }) => service(["node", "start", "--home", home(node), "--until-done"])));
  const shop = startExample(installed("shop-with-a-node"), "shop.js", {
    ...{ HOME_FOLDER: shopHome, INVITE: invite, TRUST: trust.join(","), PORT: "0" },
    ...{ LOG: `${folder.path}/logs/${first.node}.csv`, TRIBUTARY_TRAINING_THREADS: "1" },
  });
  const { url, ...said } = await shop.said;
  expect(said).toEqual({ federation: "small", takesPart: true });
  expect(await Promise.all(nodes.map(({ exit }) => exit))).toEqual([0, 0]);

  const rounds = async () =>
    readFileSync(`${shopHome}/ledger.jsonl`, "utf8")
      .split("\n")
      .filter((line) => line.includes('"kind":"round"'));
  await until(rounds, (found) => found.length === 1);
  expect((await rounds())[0]).toContain(first.node);
  const item = catalogue.items[4]?.id ?? "";
  const shown = (await (
    await fetch(`${String(url)}/products/${item}?customer=${String(first.train.customers[0])}`)
  ).json()) as object;
  expect(shown).toMatchObject({ item, basis: "history" });
  expect(await shop.end()).toBe(0);
});
