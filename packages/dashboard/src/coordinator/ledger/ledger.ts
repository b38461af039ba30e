/** The page's side of the ledger worker: rows as they come, the verdict as it stands, and the plan. One worker for the whole page, started when a view needs it. */

import { computed, signal } from "@preact/signals";
import type { LedgerVerdict } from "@tributary/ledger";
import type { FromWorker, LedgerRow, PlanWords, ProjectedCost, ToWorker } from "./words.ts";

interface Verification {
  /** Of so many entries everything is known, or was when it was stopped. */
  readonly entries: number;
  /** Of so many; 0 while the ledger is still being read. */
  readonly of: number;
  /** Since the first one was begun with. */
  readonly seconds: number;
  /** Which don't hold, as far as known. */
  readonly failed: ReadonlySet<number>;
  readonly stopped?: true;
  readonly verdict?: LedgerVerdict;
}

const begun: Verification = { entries: 0, of: 0, seconds: 0, failed: new Set() };
let begunAt = 0;

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
  verification.value = begun;
  begunAt = performance.now();
  if (ledgerLoaded.value) tell(request);
  else {
    wanted = request;
    loadLedger();
  }
}

/** Ends it without a verdict; what is known so far stays. */
export function stopVerifying(): void {
  wanted = undefined;
  const known = verification.value;
  if (known === undefined || known.verdict !== undefined) return;
  tell({ type: "stop" });
  verification.value = { ...known, stopped: true };
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
      if (wanted !== undefined) {
        begunAt = performance.now();
        tell(wanted);
      }
      wanted = undefined;
      break;
    case "anew":
      // what was verified was another ledger
      if (verification.value !== undefined) {
        wanted = { type: "verify" };
        verification.value = begun;
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
      if (verification.value === undefined || verification.value.stopped) break;
      verification.value = {
        ...{ entries: data.entries, of: data.of, seconds: (performance.now() - begunAt) / 1000 },
        failed: data.failed.length === 0 ? verification.value.failed : new Set([...verification.value.failed, ...data.failed]),
      };
      break;
    case "verdict":
      if (verification.value?.stopped) break;
      verification.value = {
        ...{ entries: data.verdict.entries, of: data.verdict.entries, seconds: data.seconds, verdict: data.verdict },
        failed: new Set(data.verdict.failures.map(({ entry }) => entry)),
      };
      break;
    case "entry":
      entryText.value = data;
      break;
    case "projection":
      projection.value = data.points;
      break;
  }
}
