/** What people do between rounds and the ledger says, by the commands that they type: customers erased at a merchant, and an operator's pause, promotion and revocation. */
import { existsSync, writeFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { commandsInOneProcess, killAll, service, temporaryFolder, until } from "./processes.ts";
import { joinAll, ledgerEntries, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("notes");
const { tributary, tributaryJson, close } = commandsInOneProcess();

afterAll(() => {
  close();
  killAll();
  folder.remove();
});

test("erasures, pauses, promotions and revocations come from their commands into a ledger that verifies", {
  timeout: 300_000,
}, async () => {
  const federation = await smallFederation(folder.path, { merchants: 3, rounds: 9 });
  const { platform, parts, planFile, catalogueFile } = federation;
  const file = `${platform}/ledger.jsonl`;
  const coordinator = await service([
    ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile],
    ...["--port", "0", "--start-when", "3"],
  ]);
  await joinAll(federation, folder.path, String(coordinator.ready["url"]));
  const operate = (...words: readonly string[]) => tributary(["coordinator", ...words, "--home", platform, "--json"]);
  const early = await operate("pause");
  expect([early.exitCode, early.stdout]).toEqual([1, expect.stringContaining("TRB_COORDINATOR_NOT_STARTED")]);

  const [first, , last] = parts.map(({ node }) => node);
  const [leaving = ""] = parts[0]?.train.customers ?? [];
  const home = federation.home(first ?? "");
  expect(await tributaryJson(["node", "forget", "--home", home, "--customer", leaving])).toMatchObject({ found: 1 });
  await Promise.all(parts.map(({ node }) => service(["node", "start", "--home", federation.home(node)])));

  const entries = () => (existsSync(file) ? ledgerEntries(platform) : []);
  const entryOf = (kind: string, action?: string) =>
    until(
      async () => entries().find((entry) => entry["kind"] === kind && (action === undefined || entry["action"] === action)),
      (entry) => entry !== undefined,
    );
  await entryOf("genesis");
  // whatever is under way goes to its end first
  const pause = await operate("pause", "--operator", "night-shift", "--reason", "a backup");
  expect([pause.exitCode, JSON.parse(pause.stdout)]).toEqual([0, { requested: expect.objectContaining({ action: "pause" }) }]);
  expect(await entryOf("operator", "pause")).toMatchObject({ operator: "night-shift", reason: "a backup" });
  expect(await entryOf("erasure")).toMatchObject({ node: first, on: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) });
  expect(JSON.stringify(entries())).not.toContain(leaving);

  const latest = entries().findLast(({ kind }) => kind === "round")?.["nextModelHash"] ?? federation.plan.initialModelHash;
  const [promotion, revocation, ...pointless] = await Promise.all([
    operate("promote"),
    operate("revoke", "--node", last ?? "", "--reason", "it left"),
    operate("promote", "--model", "ab".repeat(32)),
    operate("revoke", "--node", "nobody-here"),
  ]);
  expect([promotion.exitCode, revocation.exitCode]).toEqual([0, 0]);
  for (const { exitCode, stdout } of pointless) {
    expect([exitCode, stdout]).toEqual([1, expect.stringContaining("TRB_COORDINATOR_NOTE_POINTLESS")]);
  }
  expect(await entryOf("promotion")).toMatchObject({ modelHash: latest, rule: "operator", operator: "operator" });
  expect(await entryOf("roster")).toMatchObject({ revoked: [last], reason: "it left" });
  expect((await operate("resume")).exitCode).toBe(0);
  expect(await entryOf("operator", "resume")).toMatchObject({ operator: "operator", reason: "" });

  const verdict = await tributaryJson(["ledger", "verify", file]);
  expect(verdict).toMatchObject({ verified: true, trust: "unpinned" });
  const erased = entries().findIndex(({ kind }) => kind === "erasure");
  const proof = await tributary(["ledger", "prove", file, "--entry", String(erased)]);
  writeFileSync(folder.file("proof.json"), proof.stdout);
  const check = ["ledger", "check-proof", folder.file("proof.json"), "--key", String(verdict["key"])];
  expect(await tributaryJson(check)).toMatchObject({ included: true, root: "signed", trust: "pinned", index: erased });
});
