import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NodeId, verifyErasure } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestCoordinator, type TestCoordinator } from "../coordinator.test-support.ts";
import { type Home, openHome } from "../home/open.ts";
import { joinFederation } from "../join.ts";
import { untoldErasure } from "./erasure-note.ts";

let folder: string;
let coordinator: TestCoordinator;
let home: Home;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-erasure-"));
  coordinator = await startTestCoordinator();
  await joinFederation({ invite: coordinator.invite("alpha"), home: folder });
  home = openHome(folder);
});
afterEach(async () => {
  home.database.close();
  await coordinator.close();
  rmSync(folder, { recursive: true, force: true });
});

const self = "alpha" as NodeId;
const erase = (at: string, customers: number) =>
  home.database.recordErasure({ at, customers, suppressed: false, planHash: home.membership.planHash, rounds: [] });

test("what the ledger doesn't have is said, signed, with the day alone, however many were erased and however often on that day", () => {
  const begun = { self, erasures: {}, closed: false };
  expect(untoldErasure(home, home.identity, begun)).toBeUndefined();
  erase("2026-03-01T08:00:00.000Z", 1);
  const one = untoldErasure(home, home.identity, begun);
  erase("2026-03-01T23:59:59.999Z", 40);
  expect(untoldErasure(home, home.identity, begun)).toEqual(one);
  expect(Object.keys(one ?? {}).sort()).toEqual(["node", "on", "signature"]);
  expect(one).toMatchObject({ node: self, on: "2026-03-01" });
  expect(one && verifyErasure(nodeCrypto(), home.membership.federation, one, home.identity.key)).toBe(true);
  expect(one && verifyErasure(nodeCrypto(), "another", one, home.identity.key)).toBe(false);
});

test("nothing is said before the ledger has begun, once it has it, or after it is closed; and a later day is said again", () => {
  erase("2026-03-01T08:00:00.000Z", 1);
  const told = { self, erasures: { [self]: "2026-03-01" }, closed: false };
  expect(untoldErasure(home, home.identity, undefined)).toBeUndefined();
  expect(untoldErasure(home, home.identity, told)).toBeUndefined();
  expect(untoldErasure(home, home.identity, { ...told, erasures: {}, closed: true })).toBeUndefined();
  erase("2026-03-02T08:00:00.000Z", 1);
  expect(untoldErasure(home, home.identity, told)?.on).toBe("2026-03-02");
});
