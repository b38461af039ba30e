/** What a tuning run writes down, so that a killed one goes on: a line that says what it is about, then a line a trial. */
import { fail } from "@tributary/errors";
import type { Trial } from "./tune.ts";

/** What trials depend on; all values compared as they are. */
export type TuningIdentity = Readonly<Record<string, string | number>>;

export const identityLine = (identity: TuningIdentity): string => `${JSON.stringify(identity)}\n`;

export const trialLine = ({ recipe, fold, ndcg10 }: Trial): string => `${JSON.stringify({ recipe, fold, ndcg10 })}\n`;

/** Trials of a file, and how many of its bytes are whole lines: what is after them was being written when the run was killed. */
export interface Journal {
  readonly trials: readonly Trial[];
  readonly length: number;
}

/**
 * @param file for messages
 * @throws TRB_TUNE_OTHER_RUN, TRB_TUNE_STATE_DAMAGED
 */
export function readJournal(bytes: Uint8Array, identity: TuningIdentity, file: string): Journal {
  const length = bytes.lastIndexOf(0x0a) + 1;
  const lines = new TextDecoder().decode(bytes.subarray(0, length)).split("\n").slice(0, -1);
  const trials: Trial[] = [];
  for (const [place, line] of lines.entries()) {
    const value = parsed(line, place, file);
    if (place === 0) {
      const field = Object.keys({ ...identity, ...value }).find((name) => value[name] !== identity[name]);
      if (field !== undefined) throw fail("TRB_TUNE_OTHER_RUN", { file, field });
    } else trials.push(trialOf(value, place, file));
  }
  return { trials, length };
}

function parsed(line: string, place: number, file: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw fail("TRB_TUNE_STATE_DAMAGED", { line: place + 1, file });
}

function trialOf({ recipe, fold, ndcg10 }: Readonly<Record<string, unknown>>, place: number, file: string): Trial {
  const whole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (whole(recipe) && whole(fold) && typeof ndcg10 === "number" && ndcg10 >= 0 && ndcg10 <= 1) return { recipe, fold, ndcg10 };
  throw fail("TRB_TUNE_STATE_DAMAGED", { line: place + 1, file });
}
