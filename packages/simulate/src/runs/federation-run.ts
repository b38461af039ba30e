/**
 * A federation in one process, kept as a run: its noise is the operating system's, so no run is another one's repetition, and each has an id of
 * its own. It can't be gone on with, because noise and keys are written nowhere; what came out can be listed and compared.
 */
import { randomBytes } from "node:crypto";
import type { Plan } from "@tributary/protocol";
import type { FederationReport } from "../report.ts";
import { openRun, type RunFolder, type RunState } from "./run-folder.ts";
import { lockRun } from "./run-lock.ts";

interface FederationOutcome {
  readonly plan: Plan;
  readonly modelHash: string;
  /** ledger.jsonl */
  readonly ledger: string;
  readonly report: FederationReport;
}

export interface FederationRun {
  readonly folder: RunFolder;
  /** Writes what came out. @throws TRB_SIMULATE_DISK_FULL, TRB_SIMULATE_RUN_UNWRITABLE */
  finish(outcome: FederationOutcome): void;
}

/**
 * @param settings what was asked for, as `compareRuns` shows it
 * @throws TRB_SIMULATE_DISK_FULL, TRB_SIMULATE_RUN_UNWRITABLE
 */
export function beginFederationRun(home: string, settings: Readonly<Record<string, unknown>>): FederationRun {
  const folder = openRun(home, { ...settings, once: randomBytes(16).toString("hex") });
  const begun = new Date();
  const save = (status: RunState["status"], attempts: number) => {
    const seconds = (Date.now() - begun.getTime()) / 1e3;
    const state: RunState = { id: folder.id, status, settings, begun: begun.toISOString(), seconds, attempts };
    folder.write("run.json", `${JSON.stringify(state, undefined, 2)}\n`);
  };
  const lock = lockRun(folder.path);
  save("running", 0);
  return {
    folder,
    finish({ plan, modelHash, ledger, report }) {
      folder.write("plan.json", `${JSON.stringify(plan, undefined, 2)}\n`);
      folder.write("ledger.jsonl", ledger);
      folder.write("result.json", `${JSON.stringify({ run: folder.id, modelHash, ...report }, undefined, 2)}\n`);
      save("finished", report.rounds);
      lock.release();
    },
  };
}
