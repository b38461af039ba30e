/** What nobody can wait for ends the process, with its code: a ledger that can't be read any more. What can be waited for doesn't. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type ErrorCode, fail } from "@tributary/errors";
import { afterEach, expect, test } from "vitest";
import { homeLayout } from "../home/layout.ts";
import { faultOf, isLasting } from "../storage/faults.ts";
import { startTrial, type Trial } from "./trial.test-support.ts";

let trial: Trial | undefined;
afterEach(() => trial?.end());

test("an engine that stops, and finds a damaged ledger as it leads anew, ends the server", { timeout: 90_000 }, async () => {
  const running = await startTrial();
  trial = running;
  const [north] = running.nodes;
  north.beforeUpload = async ({ round }) => {
    if (round !== 2) return;
    const database = new DatabaseSync(homeLayout(running.home).database);
    const [, first] = database.prepare("SELECT line FROM ledger ORDER BY place").all();
    database.exec(`UPDATE ledger SET line = substr(line, 1, 40) WHERE place = 1`);
    database.close();
    const { nextModelHash } = JSON.parse(String(first?.["line"]));
    rmSync(join(running.home, "blobs", nextModelHash)); // which stops it, and would be waited for
  };
  const finished = running.server().finished;
  finished.catch(() => {});
  await running.connectAll();
  await expect(finished).rejects.toMatchObject({ code: "TRB_LEDGER_LINE_INVALID" });
  expect(running.log.filter(({ msg }) => msg === "no rounds; tried again").map(({ code }) => code)).toEqual([
    "TRB_COORDINATOR_BLOB_UNKNOWN",
  ]);
});

test("what is away, full or only a blob's is waited for; what is written wrongly isn't", () => {
  const engine = (code: string) => faultOf(Object.assign(new Error("private"), { code }), "here").error;
  const lasting: readonly unknown[] = [
    engine("XX001"),
    faultOf(Object.assign(new Error("private"), { errcode: 11 }), "here").error,
    ...(["TRB_COORDINATOR_LEDGER_FORKED", "TRB_FEDERATION_STATE_UNREADABLE", "TRB_LEDGER_NOT_CANONICAL"] as const).map(
      (code: ErrorCode) => fail(code, { place: 1, entries: 2, reason: "r" }),
    ),
  ];
  const passing: readonly unknown[] = [
    ...["08006", "57P01", "40001", "53100", "25006"].map(engine),
    fail("TRB_COORDINATOR_STORE_DAMAGED", { reason: "blob 0 has other content" }),
    fail("TRB_COORDINATOR_BLOB_UNKNOWN", { sha256: "0" }),
    fail("TRB_COORDINATOR_BLOBS_FULL", { reason: "ENOSPC" }),
    new Error("no code at all"),
  ];
  expect([lasting.map(isLasting), passing.map(isLasting)]).toEqual([lasting.map(() => true), passing.map(() => false)]);
});
