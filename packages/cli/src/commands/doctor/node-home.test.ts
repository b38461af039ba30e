/** A doctor looks at a node's home: what is well, what isn't, and what to do about it. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInvite, startCoordinator } from "@tributary/coordinator";
import { catalogueBytes, readCatalogue } from "@tributary/events";
import { afterAll, expect, test } from "vitest";
import { say } from "../../said.test-support.ts";
import { examineNode } from "./node-home.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-doctor-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

test("keys that others may read, an empty store, a budget and clock are found, each with what to do", {
  timeout: 120_000,
}, async () => {
  writeFileSync(at("catalogue.jsonl"), Array.from({ length: 12 }, (_, item) => `{"id":"i${item}"}\n`).join(""));
  const size = ["--customers", "3000", "--merchants", "3"];
  const files = ["--home", at("platform"), "--catalogue", at("catalogue.jsonl"), "--out", at("plan.json")];
  await say("plan", "new", ...files, ...size);
  const coordinator = await startCoordinator({
    ...{ home: at("platform"), host: "127.0.0.1", port: 0, plan: JSON.parse(readFileSync(at("plan.json"), "utf8")) },
    catalogue: catalogueBytes(await readCatalogue(at("catalogue.jsonl"))),
  });
  const home = at("shop");
  const found = async () => new Map((await examineNode(home)).map((finding) => [finding.name, finding]));
  try {
    const { invite } = await createInvite({ home: at("platform") }, { node: "shop-1", url: coordinator.url, hours: 1 });
    await say("node", "join", invite, "--home", home);
    const first = await found();
    expect(first.get("key files")).toMatchObject({ state: "present", advice: null });
    expect(first.get("store")).toMatchObject({ state: "warning", advice: expect.stringContaining("node import") });
    expect(first.get("budget")).toMatchObject({ state: "present", found: expect.stringContaining("ε 0 of 7.99999") });
    expect(first.get("clock")).toMatchObject({ state: "present" });
    expect(first.get("last round")).toMatchObject({ state: "absent" });
    expect(first.get("plan")).toMatchObject({ state: "broken", found: expect.stringContaining("TRB_") }); // nobody is trusted yet

    chmodSync(join(home, "keys", "identity"), 0o644);
    const open = (await found()).get("key files");
    if (process.platform !== "win32")
      expect(open).toMatchObject({ state: "broken", advice: expect.stringMatching(/^chmod go-rwx .*identity;/) });
    chmodSync(join(home, "keys", "identity"), 0o600);
  } finally {
    await coordinator.close();
  }
  expect((await found()).get("clock")).toMatchObject({
    state: "broken",
    found: expect.stringContaining("TRB_NODE_COORDINATOR_UNREACHABLE"),
  });
  writeFileSync(join(home, "policy.json"), "{");
  const broken = await found();
  expect(broken.get("home")).toMatchObject({ state: "broken", found: expect.stringContaining("TRB_NODE_POLICY_INVALID") });
  expect(broken.get("key files")).toMatchObject({ state: "present" });
});

test("a folder that is no home is refused", async () => {
  await expect(say("doctor", "--home", folder)).rejects.toMatchObject({ code: "TRB_CLI_HOME_UNKNOWN", exitCode: 2 });
});
