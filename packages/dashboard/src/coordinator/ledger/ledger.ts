/** The page's side of the ledger worker: rows as they come, the verdict as it stands, and the plan. One worker for the whole page, started when a view needs it. */

import { computed, signal } from "@preact/signals";
import type { LedgerVerdict } from "@tributary/ledger";
import type { FromWorker, LedgerRow, PlanWords, ProjectedCost, ToWorker } from "./words.ts";

interface Verification {
  /** Share that is done; 1 with the verdict. */
  readonly done: number;
  readonly verdict?: LedgerVerdict;
  readonly seconds?: number;
}

/** In the ledger's order. Appended to in place: `rows.value.length` is read with `ledgerVersion`. */
export const rows = signal<readonly LedgerRow[]>([]);
export const ledgerNodes = signal<readonly string[]>([]);
export const ledgerBytes = signal(0);
export const ledgerLoaded = signal(false);
export const ledgerUnreachable = signal(false);
export const planWords = signal<PlanWords | undefined>(undefined);
export const verification = signal<Verification | undefined>(undefined);
export const entryText = signal<{ readonly index: number; readonly text: string; readonly hash: string } | undefined>(
  undefined,
);
export const projection = signal<readonly ProjectedCost[] | undefined>(undefined);

/** Rounds, in their order: what charts and the cohort map are made of. */
export const roundRows = computed(() => rows.value.filter(({ round }) => round !== undefined));

let worker: Worker | undefined;
let again: ReturnType<typeof setTimeout> | undefined;
/** Before a ledger that couldn't be fetched is asked for again, in milliseconds. */
const pauseAfterFailure = 5000;
/** A verification that waits for the ledger to be here. */
let wanted: Extract<ToWorker, { type: "verify" }> | undefined;

function tell(message: ToWorker): void {
  if (worker === undefined) {
    worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => heard(data));
  }
  worker.postMessage(message);
}

/** Reads what is new. @param entries that the server is known to have; nothing is asked when they are here */
export function loadLedger(entries?: number): void {
  if (entries !== undefined && ledgerLoaded.value && entries === rows.value.length) return;
  tell({ type: "load" });
}

/** @param key fingerprint, and @param head hash, both from elsewhere */
export function verifyLedgerHere({ key, head }: { readonly key?: string; readonly head?: string } = {}): void {
  const request = { type: "verify", ...(key ? { key } : {}), ...(head ? { head } : {}) } as const;
  verification.value = { done: 0 };
  if (ledgerLoaded.value) tell(request);
  else {
    wanted = request;
    loadLedger();
  }
}

export const askEntry = (index: number): void => tell({ type: "entry", index });
export const askProjection = (charged: readonly number[]): void => tell({ type: "project", charged });

function heard(data: FromWorker): void {
  switch (data.type) {
    case "rows":
      rows.value = [...rows.value, ...data.rows];
      ledgerNodes.value = data.nodes;
      ledgerBytes.value = data.bytes;
      ledgerUnreachable.value = false;
      break;
    case "loaded":
      ledgerLoaded.value = true;
      ledgerUnreachable.value = false;
      if (wanted !== undefined) tell(wanted);
      wanted = undefined;
      break;
    case "anew":
      // what was verified was another ledger
      if (verification.value !== undefined) {
        wanted = { type: "verify" };
        verification.value = { done: 0 };
      }
      [rows.value, ledgerLoaded.value, planWords.value] = [[], false, undefined];
      break;
    case "unreachable":
      ledgerUnreachable.value = true;
      clearTimeout(again);
      again = setTimeout(loadLedger, pauseAfterFailure);
      break;
    case "plan":
      planWords.value = data.plan;
      break;
    case "verifying":
      verification.value = { done: data.of === 0 ? 1 : Math.min(0.999, data.bytes / data.of) };
      break;
    case "verdict":
      verification.value = { done: 1, verdict: data.verdict, seconds: data.seconds };
      break;
    case "entry":
      entryText.value = data;
      break;
    case "projection":
      projection.value = data.points;
      break;
  }
}
