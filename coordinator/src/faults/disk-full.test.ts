/** A disk without room beneath a running federation: no more is written than fits, whoever can't go on says so, and once there is room it goes on by itself. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { until } from "../scripted-node.test-support.ts";
import { deployments, roundsOf, startTrial, type Trial } from "./trial.test-support.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-full-"));

/** A file system of four mebibytes; false where this process may not mount one. */
function mounted(): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const disk = mounted();
let trial: Trial | undefined;
afterEach(async () => {
  await trial?.end();
  trial = undefined;
});
afterAll(() => {
  if (disk) execFileSync("umount", [folder]);
  rmSync(folder, { recursive: true, force: true });
});

const ballast = join(folder, "ballast");

/** Until not another octet fits. */
function fill(): void {
  const file = openSync(ballast, "w");
  for (const size of [1 << 16, 1 << 12, 1]) {
    try {
      for (;;) if (writeSync(file, new Uint8Array(size)) < size) break;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    }
  }
  closeSync(file);
}

describe.each(deployments())("on $name", (beneath) => {
  beforeAll(() => beneath.start(), 90_000);
  afterAll(() => beneath.stop());

  test.skipIf(!disk)(
    "in the middle of a round, with everything on it (mounting one takes root)",
    { timeout: 120_000 },
    async () => {
      trial = await startTrial({ home: join(folder, beneath.name), coordinator: beneath.options() });
      const [north] = trial.nodes;
      let filled = false;
      north.beforeUpload = async () => {
        if (filled) return;
        filled = true;
        fill();
      };
      await trial.connectAll();
      const complaint = () => trial?.stops()[0] ?? "";
      await until("it says that there is no room", () => complaint() !== "", 30_000);
      expect(["TRB_COORDINATOR_DATABASE_FULL", "TRB_COORDINATOR_BLOBS_FULL"]).toContain(complaint());
      expect((await fetch(`${trial.server().url}/v1/plan`)).status).not.toBe(500);
      rmSync(ballast);
      await trial.finished();
      const rounds = roundsOf(trial.entries());
      expect(rounds).toEqual(rounds.map((_, index) => index + 1));
      expect(trial.entries().map(({ kind }) => kind)).toContain("round");
    },
  );
});
