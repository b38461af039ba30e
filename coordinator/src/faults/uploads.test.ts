/** A masked vector that is gone or altered between its arrival and the sum: its round is given up by code, is charged, and the next one follows by itself. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { deployments, roundsOf, startTrial, type Trial } from "./trial.test-support.ts";

let trial: Trial | undefined;
afterEach(() => trial?.end());

const harms = [
  ["gone", (path: string) => rmSync(path)],
  [
    "altered",
    (path: string) => {
      const octets = readFileSync(path);
      octets[0] = (octets[0] ?? 0) ^ 1;
      writeFileSync(path, octets);
    },
  ],
] as const;

describe.each(deployments())("on $name", (beneath) => {
  beforeAll(() => beneath.start(), 90_000);
  afterAll(() => beneath.stop());

  test.each(harms.filter(([name]) => beneath.name === "SQLite" || name === "altered"))(
    "%s",
    { timeout: 90_000 },
    async (_, harm) => {
      let harmed = "";
      const running = await startTrial({
        coordinator: beneath.options(),
        heard({ phase, round }) {
          if (phase !== "unmask" || round !== 1 || harmed !== "") return;
          const folder = join(running.home, "uploads");
          harmed = readdirSync(folder).find((name) => name.startsWith("1.")) ?? "";
          harm(join(folder, harmed));
        },
      });
      trial = running;
      await running.connectAll();
      await running.finished();
      expect(harmed).not.toBe("");
      const entries = running.entries();
      expect(roundsOf(entries)).toEqual(roundsOf(entries).map((__, index) => index + 1));
      const [first, second] = entries.filter((entry) => "round" in entry);
      expect(first).toMatchObject({ kind: "aborted", code: "TRB_COORDINATOR_UPLOAD_LOST", step: "summing", charged: true });
      expect(second).toMatchObject({ kind: "round", round: 2 });
      expect(running.stops()).toEqual([]);
    },
  );
});
