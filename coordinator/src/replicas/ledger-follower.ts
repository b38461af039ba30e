/** `ledger.jsonl` of a replica that doesn't lead: it follows the database's ledger. */
import { parseLine } from "@tributary/ledger";
import type { Logger } from "pino";
import { type LedgerFile, openLedgerFile } from "../storage/ledger-file.ts";
import type { Store } from "../storage/store.ts";

export interface LedgerFollower {
  /** Takes over what is new; settles when the file has it, or when that failed: it is tried again by and by. */
  catchUp(): Promise<void>;
  close(): Promise<void>;
}

export interface FollowerParts {
  readonly path: string;
  readonly store: Pick<Store, "ledgerLines">;
  /** The file holds the closing entry. */
  readonly finished: () => void;
  readonly log: Logger;
}

/** Should nobody say that there is more, in milliseconds. */
const lookEvery = 10_000;

/** Makes the file equal to the database's ledger as soon as that answers, and keeps it so. */
export function followLedger({ path, store, finished, log }: FollowerParts): LedgerFollower {
  let file: LedgerFile | undefined;
  let entries = 0;
  let closed = false;

  async function takeOver(): Promise<void> {
    const fresh = await store.ledgerLines(entries);
    if (file === undefined) file = openLedgerFile(path, fresh);
    else for (const line of fresh) file.append(line);
    entries += fresh.length;
    const last = fresh.at(-1);
    if (last !== undefined && parseLine(last).kind === "closing") finished();
  }

  let last: Promise<void> = Promise.resolve();
  const catchUp = () => {
    last = last.then(async () => {
      try {
        if (!closed) await takeOver();
      } catch (error) {
        log.warn({ err: error }, "the ledger file stays behind for now");
      }
    });
    return last;
  };
  const looking = setInterval(catchUp, lookEvery);

  return {
    catchUp,
    async close() {
      clearInterval(looking);
      await last;
      closed = true;
      file?.close();
    },
  };
}
