import { readFileSync, writeFileSync } from "node:fs";
import { changePolicy } from "@tributary/client";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { killAll, service, temporaryFolder, tributary, tributaryJson } from "./processes.ts";
import { joinAll, type SmallFederation, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("tampering");
let federation: SmallFederation;

beforeAll(async () => {
  federation = await smallFederation(folder.path, { merchants: 3, rounds: 2 });
  const { platform, planFile, catalogueFile, parts } = federation;
  const coordinator = await service([
    ...["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile],
    ...["--port", "0", "--start-when", "3", "--until-done"],
  ]);
  await joinAll(federation, folder.path, String(coordinator.ready["url"]));
  const nodes = await Promise.all(
    parts.map(({ node }) => service(["node", "start", "--home", federation.home(node), "--until-done"])),
  );
  await Promise.all([coordinator, ...nodes].map((one) => one.exit));
}, 90_000);

afterAll(() => {
  killAll();
  folder.remove();
});

describe("a real ledger", () => {
  test("is self-consistent, but not fully verified, to somebody who knows no key", async () => {
    const verdict = await tributaryJson(["ledger", "verify", `${federation.platform}/ledger.jsonl`]);
    expect(verdict).toMatchObject({ verified: true, fullyVerified: false, trust: "unpinned", complete: true, entries: 4 });
  });

  test("is fully verified with the key and the head obtained elsewhere", async () => {
    const file = `${federation.platform}/ledger.jsonl`;
    const { head, key } = await tributaryJson(["ledger", "verify", file]);
    const verdict = await tributaryJson(["ledger", "verify", file, "--key", String(key), "--head", String(head)]);
    expect(verdict).toMatchObject({ verified: true, fullyVerified: true, trust: "pinned" });
  });

  test("does not verify, exit 4 and the entry named, after any one byte is changed", async () => {
    const bytes = readFileSync(`${federation.platform}/ledger.jsonl`);
    const lines = bytes.toString("latin1").split("\n");
    const starts = lines.slice(0, -1).map((_, place) => lines.slice(0, place).reduce((sum, line) => sum + line.length + 1, 0));
    const file = folder.file("changed.jsonl");
    for (const [entry, start] of starts.entries()) {
      const at = start + Math.floor((lines[entry]?.length ?? 0) / 2);
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(file, changed);
      const { exitCode, stderr } = await tributary(["ledger", "verify", file]);
      expect(exitCode).toBe(4);
      expect(stderr).toContain(`entry ${entry} `);
    }
  });

  test("names a public key by its own fingerprint", async () => {
    const { key } = await tributaryJson(["ledger", "verify", `${federation.platform}/ledger.jsonl`]);
    const own = nodeCrypto().sha256(Buffer.from(federation.plan.coordinatorKey, "hex"));
    expect(key).toBe(Buffer.from(own).toString("hex"));
  });
});

describe("a node's own limit", () => {
  test("below the plan's cost: the node refuses, exit 3, and says which code", async () => {
    const home = federation.home("merchant-1");
    await changePolicy({ home, maxEpsilon: 0.5 });
    const { exitCode, stdout } = await tributary(["node", "check", "--home", home, "--json"]);
    expect(exitCode).toBe(3);
    expect(stdout).toContain("TRB_POLICY_PLAN_ABOVE_LIMIT");
  });
});
