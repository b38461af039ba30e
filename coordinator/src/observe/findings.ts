/** What a doctor says: one line a check, with what was found and what to do about it. */
import { isTributaryError } from "@tributary/errors";
import { reasonOf } from "../storage/faults.ts";

export interface Finding {
  readonly name: string;
  /** `warning`: it works, and won't for ever, or is as somebody wants it; `broken`: something doesn't work. */
  readonly state: "ok" | "warning" | "broken";
  readonly found: string;
  /** What to do; null where nothing is to be done. */
  readonly advice: string | null;
}

export const well = (name: string, found: string): Finding => ({ name, state: "ok", found, advice: null });
export const warning = (name: string, found: string, advice: string): Finding => ({ name, state: "warning", found, advice });
export const broken = (name: string, found: string, advice: string): Finding => ({ name, state: "broken", found, advice });

/** A check that can't be made is a finding as well: of the error's code, and what the table says to do. */
export async function finding(name: string, check: () => Finding | Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    if (isTributaryError(error)) return broken(name, `${error.code}: ${error.message}`, error.advice);
    return broken(name, reasonOf(error), "Look whether this user may read what is there, and at the server's log.");
  }
}

/** Milliseconds, for people. */
export function duration(milliseconds: number): string {
  const seconds = Math.round(Math.abs(milliseconds) / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

/** Of clocks that are compared: beyond the first something is not right, beyond the second invites and notes are refused. In milliseconds. */
const clockLimits = { warning: 2_000, broken: 30_000 };

export function clockFinding(difference: number, other: string): Finding {
  const apart = Math.abs(difference);
  if (apart <= clockLimits.warning) return well("clock", `within ${duration(clockLimits.warning)} of ${other}`);
  const found = `${duration(apart)} ${difference > 0 ? "ahead of" : "behind"} ${other}`;
  const advice = "Set both clocks by the same time server (NTP): expiries and the times in the ledger come from them.";
  return apart > clockLimits.broken ? broken("clock", found, advice) : warning("clock", found, advice);
}

/** Before it expires, in days. */
const certificateWarning = 21;

export function certificateFinding(expires: Date, now: Date): Finding {
  const left = expires.getTime() - now.getTime();
  const advice = "Have it renewed, put the new files in the old ones' place, and send the server SIGHUP.";
  if (left <= 0) return broken("certificate", `expired ${duration(left)} ago`, advice);
  const found = `expires in ${duration(left)}`;
  return left < certificateWarning * 86_400_000 ? warning("certificate", found, advice) : well("certificate", found);
}

/** Shares of a disk that are too little. */
const room = { warning: 0.15, broken: 0.03 };

/** @param free and size in octets */
export function roomFinding(free: number, size: number): Finding {
  const found = `${(free / 2 ** 30).toFixed(1)} GiB free, ${Math.floor((100 * free) / size)} %`;
  const advice = "Make room: rounds stop when neither vectors nor entries can be written.";
  if (free < room.broken * size) return broken("disk", found, advice);
  return free < room.warning * size ? warning("disk", found, advice) : well("disk", found);
}
