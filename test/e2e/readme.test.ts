/**
 * The README's commands for several machines, run as they stand there: one folder a machine, loopback for the network. What they leave behind is where
 * the commands of all other documents are run (`docs/commands/blocks.ts` says which).
 */
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { splitCustomers, writeCatalogue, writeCsv } from "@tributary/events";
import { syntheticMarket } from "@tributary/simulate";
import { afterAll, expect, test } from "vitest";
import { testAuthority, testCertificate } from "../tls/certificate.ts";
import { documentedBlocks, runBlocks, runLines } from "./documented-commands.ts";
import { killAll, root, service, temporaryFolder, tributary, tributaryJson } from "./processes.ts";

const folder = temporaryFolder("readme");
const readme = readFileSync(`${root}/README.md`, "utf8");

afterAll(() => {
  killAll();
  folder.remove();
});

/** The commands of the block that stands after `<!-- … name -->`, without the word `tributary`. */
function commandsOf(name: string): string[][] {
  const block = new RegExp(`<!-- [^\n]* ${name} -->\n\`\`\`sh\n([^\`]*)\`\`\``).exec(readme)?.[1] ?? "";
  const lines = block.trim().split("\n");
  return lines.map((line) => line.replace(/^tributary /, "").split(/\s+/));
}

test("the platform's, the merchants' and the auditor's commands work as the README shows them", {
  timeout: 480_000,
}, async () => {
  const { catalogue, histories } = syntheticMarket({ seed: 3, customers: 3000, items: 40 });
  const shops = splitCustomers(histories, 3, 1).map((part, place) => ({
    part,
    machine: folder.file(`machine-${place + 1}`),
    node: `shop-${place + 1}`,
  }));
  const platform = folder.file("machine-platform");
  for (const path of [platform, ...shops.map((shop) => shop.machine)]) mkdirSync(path, { recursive: true });
  await writeCatalogue(`${platform}/catalogue.jsonl`, catalogue);
  const authority = testAuthority();
  const { cert, key } = testCertificate(authority);
  for (const [name, pem] of Object.entries({ authority: authority.cert, cert, key }))
    writeFileSync(`${platform}/${name}.pem`, pem);
  for (const { part, machine } of shops) {
    await writeCsv(`${machine}/events.csv`, part, catalogue);
    const [, ...rows] = readFileSync(`${machine}/events.csv`, "utf8").trimEnd().split("\n");
    writeFileSync(`${machine}/shop.csv`, ["user,item,action,ts,typed", ...rows.map((row) => `${row},`), ""].join("\n"));
  }
  const [planNew = [], planExplain = [], start = [], invite = [], roster = [], status = []] = commandsOf("platform");
  const [join = [], trust = [], imports = [], check = [], startNode = [], budget = []] = commandsOf("merchant");
  const [show = [], verify = [], statement = []] = commandsOf("auditor");

  // the platform
  const planned = await tributaryJson([...planNew, "--rounds", "2"], { cwd: platform });
  expect(planned["planHash"]).toMatch(/^[0-9a-f]{64}$/);
  expect((await tributary(planExplain, { cwd: platform })).exitCode).toBe(0);
  const here = start.map((word) => (word === "0.0.0.0" ? "127.0.0.1" : word === "7443" ? "0" : word));
  const coordinator = await service([...here, "--until-done"], { cwd: platform });

  // the merchants, each told its invite and, by telephone, the others' fingerprints
  const fingerprints: string[] = [];
  for (const { node, machine } of shops) {
    const own = invite.map((word) =>
      word === "shop-1" ? node : word.startsWith("http") ? String(coordinator.ready["url"]) : word,
    );
    const { stdout } = await tributary(own, { cwd: platform });
    const joined = await tributaryJson(
      join.map((word) => (word === "INVITE" ? stdout.trim() : word)),
      { cwd: machine, env: { TRIBUTARY_CA: `${platform}/authority.pem` } }, // whom the world trusts, for this test
    );
    fingerprints.push(String(joined["fingerprint"]));
  }
  const nodes = await Promise.all(
    shops.map(async ({ machine }, place) => {
      const peers = fingerprints.filter((_, other) => other !== place);
      const words = trust.map((word) => (word === "PEER_FINGERPRINT" ? String(peers.pop()) : word));
      for (const command of [words, imports, check]) {
        const { exitCode, stdout, stderr } = await tributary(command, { cwd: machine });
        expect(exitCode, stdout + stderr).toBe(0);
      }
      return service([...startNode, "--until-done"], { cwd: machine });
    }),
  );
  const { members } = await tributaryJson(roster, { cwd: platform });
  const told = shops.map(({ node }, place) => expect.objectContaining({ node, fingerprint: fingerprints[place] }));
  expect(members).toEqual(told);
  expect(await Promise.all([coordinator, ...nodes].map((one) => one.exit))).toEqual([0, 0, 0, 0]);
  expect(await tributaryJson(status, { cwd: platform })).toMatchObject({ finished: true, charged: 2 });
  expect(await tributaryJson(budget, { cwd: shops[0]?.machine ?? "" })).toMatchObject({ roundsLeft: 0 });

  // the auditor, with a copy of the file, and the key and the head from elsewhere
  const auditor = folder.file("machine-auditor");
  mkdirSync(`${auditor}/platform`, { recursive: true });
  copyFileSync(`${platform}/platform/ledger.jsonl`, `${auditor}/platform/ledger.jsonl`);
  expect((await tributaryJson(show, { cwd: auditor }))["entries"]).toHaveLength(4);
  const { head } = await tributaryJson(["ledger", "verify", `${shops[1]?.machine}/shop/ledger.jsonl`]);
  const pinned = (command: readonly string[]) =>
    command.map((word) =>
      word === "FINGERPRINT" ? String(coordinator.ready["fingerprint"]) : word === "HASH" ? String(head) : word,
    );
  expect(await tributaryJson(pinned(verify), { cwd: auditor })).toMatchObject({ fullyVerified: true });
  const stated = await tributaryJson(pinned(statement), { cwd: auditor });
  expect(stated["ledgers"]).toMatchObject([{ statement: { verification: { fullyVerified: true, completeness: "proven" } } }]);
  expect(readFileSync(`${auditor}/statement.html`, "utf8")).toContain("Not verifiable from this file");

  // what the other documents' commands find
  mkdirSync(scene);
  for (const [from, to] of [
    [`${platform}/platform`, "platform"],
    [`${shops[0]?.machine}/shop`, "shop"],
    [`${shops[1]?.machine}/shop`, "bookshop"],
    [`${platform}/catalogue.jsonl`, "catalogue.jsonl"],
    [`${platform}/plan.json`, "plan.json"],
    [`${platform}/platform/ledger.jsonl`, "ledger.jsonl"],
    [`${shops[0]?.machine}/shop.csv`, "shop.csv"],
    [`${shops[0]?.machine}/shop.csv`, "events.csv"],
  ] as const)
    cpSync(from, `${scene}/${to}`, { recursive: true });
  for (const copy of ["shop-spring", "shop-autumn"]) cpSync(`${scene}/shop`, `${scene}/${copy}`, { recursive: true });
  for (const copy of ["books.jsonl", "shoes.jsonl"]) copyFileSync(`${scene}/ledger.jsonl`, `${scene}/${copy}`);
  cpSync(`${root}/examples`, `${scene}/examples`, { recursive: true });
  writeFileSync(`${scene}/ids.txt`, `${shops[0]?.part.customers.slice(0, 3).join("\n")}\n`);
  const products = (names: readonly string[]) =>
    ["sku,ean,title", ...names.map((name) => `${name},,Item ${name}`), ""].join("\n");
  for (const [file, names] of Object.entries({ products: ["p1", "p2"], a: ["p1", "p2"], b: ["p2", "p3"] }))
    writeFileSync(`${scene}/${file}.csv`, products(names));
  const built = (of: string, home: string) => [
    ["catalogue", "build", "--items", `${of}.csv`, "--columns", "id=sku", "--out", `${of}.jsonl`],
    ["node", "declare", "--home", home, "--catalogue", `${of}.jsonl`, "--name", of, "--out", `${of}.json`],
  ];
  const preparing = [
    ...[...built("a", "shop"), ...built("b", "bookshop")],
    ["model", "export", "--home", "platform", "--out", "exported"],
    ["coordinator", "certify", "--home", "platform", "--round", "2", "--out", "certificate.json"],
  ];
  expect(await runLines(preparing.map((words) => ({ folder: scene, words })))).toEqual(
    preparing.map(() => expect.not.objectContaining({ code: expect.anything() })),
  );
  copyFileSync(`${scene}/exported/model.safetensors`, `${scene}/model.safetensors`);
  const { port } = new URL(String(coordinator.ready["url"]));
  await service([...start.map((word) => (word === "0.0.0.0" ? "127.0.0.1" : word === "7443" ? port : word))], {
    cwd: platform,
  }); // nodes may ask it
  Object.assign(known, {
    FINGERPRINT: String(coordinator.ready["fingerprint"]),
    HASH: String(head),
    c17: shops[0]?.part.customers[0],
  });
});

const scene = folder.file("scene");
/** What stands in documents for what only this federation has. */
const known: Record<string, string> = {};

test("the commands of all documents that say that they run do, in a federation that is finished", {
  timeout: 480_000,
}, async () => {
  const { ran, faults } = await runBlocks(
    { folder: scene, known },
    documentedBlocks.filter((block) => block.class === "runs"),
  );
  expect(faults).toEqual([]);
  expect(ran).toBeGreaterThan(50);
});
