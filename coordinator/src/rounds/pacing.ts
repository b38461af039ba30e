/**
 * When the federation begins, and when the next round does.
 *
 * It begins when `startWhen` nodes have joined and are connected: the genesis entry fixes the roster. From then on a round
 * follows the other as soon as everybody of the roster is connected, or the minimum cohort is and nobody's connection was lost
 * for a while (a node that restarts is worth a short wait). After a round that was given up the pause grows, so that a cohort
 * that refuses does not make the coordinator spin. An operator's calendar (`calendar.ts`) may have rounds wait as well; the closing entry waits for nothing.
 */

/** How long a node that lost its connection is waited for. */
const patience = 3_000;
const firstPause = 500;
const longestPause = 30_000;
/** A calendar may be days away; timers of weeks come at once. */
const longestSleep = 3_600_000;

export interface PacingView {
  /** Members that are connected. */
  readonly online: number;
  readonly joined: number;
  /** How many a round needs; 0 when all rounds are used up and only the ledger is to be closed. */
  readonly least: number;
  /** By the clock, no round before; milliseconds since 1970. */
  readonly notBefore?: number;
  /** When more may be there than are now, without anybody connecting. */
  readonly again?: number | undefined;
  /** Whether the genesis entry is written. */
  readonly begun: boolean;
  /** Whether a round is under way, or the ledger closed. */
  readonly busy: boolean;
}

export interface Pacing {
  /** Looks again: somebody came, a round ended, the process started. */
  consider(): void;
  lostConnection(): void;
  roundEnded(released: boolean): void;
  close(): void;
}

export function pacing(startWhen: number, view: () => PacingView, act: { begin(): void; startRound(): void }): Pacing {
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;
  // by a clock that nobody sets: were the other one set back in a pause, the pause would last until it is there again
  let notBefore = 0;
  let settled = performance.now() + patience;

  function consider(): void {
    clearTimeout(timer);
    const { online, joined, least, begun, busy, notBefore: opening = 0, again } = view();
    if (busy) return;
    if (!begun) {
      if (online >= startWhen) act.begin();
      return;
    }
    if (online < least) {
      if (again !== undefined) timer = setTimeout(consider, Math.min(longestSleep, Math.max(0, again - Date.now())));
      return;
    }
    const pause = Math.max(notBefore, online < joined ? settled : 0) - performance.now();
    const wait = least === 0 ? 0 : Math.max(pause, opening - Date.now());
    if (wait > 0) timer = setTimeout(consider, Math.min(longestSleep, wait));
    else act.startRound();
  }

  return {
    consider,
    lostConnection() {
      settled = performance.now() + patience;
    },
    roundEnded(released) {
      failures = released ? 0 : failures + 1;
      notBefore = failures === 0 ? 0 : performance.now() + Math.min(longestPause, firstPause * 2 ** (failures - 1));
    },
    close: () => clearTimeout(timer),
  };
}
