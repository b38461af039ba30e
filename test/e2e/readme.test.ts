/** The README's commands for several machines, run as they stand there: one folder a machine, loopback for the network. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { splitCustomers, writeCatalogue, writeCsv } from "@tributary/events";
import { syntheticMarket } from "@tributary/simulate";
import { afterAll, expect, test } from "vitest";
import { testAuthority, testCertificate } from "../tls/certificate.ts";
import { killAll, root, service, temporaryFolder, tributary, tributaryJson } from "./processes.ts";

const folder = temporaryFolder("readme");
const readme = readFileSync(`${root}/README.md`, "utf8");

afterAll(() => {
  killAll();
  folder.remove();
});

/** The commands of the block that stands after `<!-- name -->`, without the word `tributary`. */
function commandsOf(name: string): string[][] {
  const block = new RegExp(`<!-- ${name} -->\n\`\`\`sh\n([^\`]*)\`\`\``).exec(readme)?.[1] ?? "";
  const lines = block.trim().split("\n");
  return lines.map((line) => line.replace(/^tributary /, "").split(/\s+/));
}

test("the platform's, the merchants' and the auditor's commands work as the README shows them", {
  timeout: 120_000,
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
    const csv = readFileSync(`${machine}/events.csv`, "utf8").replace(/^.*\n/, "user,item,action,ts\n");
    await import("node:fs/promises").then((fs) => fs.writeFile(`${machine}/shop.csv`, csv));
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
});
