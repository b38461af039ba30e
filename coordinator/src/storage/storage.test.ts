/** What is on disk is whole, whatever was interrupted; and a home belongs to one process, however the last one died. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { coordinatorIdentity } from "../home/identity.ts";
import { clearTemporaries, homeLayout, makeFolders, temporaryBeside } from "../home/layout.ts";
import { isServed, lockHome } from "../home/lock.ts";
import { openLedgerFile } from "./ledger-file.ts";

let home: string;
const layout = () => homeLayout(home);

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tributary-storage-"));
  makeFolders(layout());
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test("what was half-written by a process that was killed is cleared at the next start", () => {
  for (const folder of [layout().blobs, layout().work]) writeFileSync(temporaryBeside(join(folder, "x")), "half");
  clearTemporaries(layout());
  expect([readdirSync(layout().blobs), readdirSync(layout().work)]).toEqual([[], []]);
});

describe("the ledger file", () => {
  test("follows the store", () => {
    const file = openLedgerFile(layout().ledger, ["a", "b"]);
    file.append("c");
    file.close();
    expect(readFileSync(layout().ledger, "utf8")).toBe("a\nb\nc\n");
    openLedgerFile(layout().ledger, ["a", "b"]).close();
    expect(readFileSync(layout().ledger, "utf8")).toBe("a\nb\n");
  });
});

describe("the identity", () => {
  test("stays, is the owner's only, and is refused when others can read it", () => {
    const { key } = coordinatorIdentity(home);
    expect(coordinatorIdentity(home).key).toBe(key);
    const file = layout().identity;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    chmodSync(file, 0o644);
    expect(() => coordinatorIdentity(home)).toThrow(expect.objectContaining({ code: "TRB_COORDINATOR_KEY_UNREADABLE" }));
    chmodSync(file, 0o600);
    writeFileSync(file, "short");
    expect(() => coordinatorIdentity(home)).toThrow(expect.objectContaining({ code: "TRB_COORDINATOR_KEY_UNREADABLE" }));
  });
});

describe("the lock", () => {
  test("is held by one, within a process and between processes, and dies with its process", async () => {
    const lock = lockHome(layout());
    expect(isServed(layout())).toBe(true);
    expect(() => lockHome(layout())).toThrow(expect.objectContaining({ code: "TRB_COORDINATOR_HOME_IN_USE" }));
    lock.release();
    expect(isServed(layout())).toBe(false);

    const script = `
      const { DatabaseSync } = await import("node:sqlite");
      const file = new DatabaseSync(process.argv[1]);
      file.exec("BEGIN EXCLUSIVE");
      console.log("locked");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, layout().lock], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    await once(child.stdout, "data");
    expect(isServed(layout())).toBe(true);
    expect(() => lockHome(layout())).toThrow(expect.objectContaining({ code: "TRB_COORDINATOR_HOME_IN_USE" }));
    child.kill("SIGKILL");
    await once(child, "exit");
    lockHome(layout()).release();
  });
});
