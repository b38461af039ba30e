/**
 * Who is connected here, written where everybody can read it. Changes that come together are written together, and a write that fails is tried
 * again: presence is told anew by whoever is connected, so a late one harms nobody.
 */
import type { Logger } from "pino";

export interface PresenceKeeper {
  /** Somebody came or went. */
  changed(): void;
  /** Settles when nothing is being written any more. */
  close(): Promise<void>;
}

/** From a change to its being written, and before a write that failed is tried again, in milliseconds. */
const pause = 50;
const pauseAfterFailure = 1_000;

/**
 * @param write everybody who is connected now
 * @param every milliseconds after which it is said again, so that others know that this replica lives; default: only what changes is said
 */
export function keepPresence(write: () => Promise<void>, log: Logger, every?: number): PresenceKeeper {
  let closed = false;
  let writing: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  function schedule(milliseconds: number): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      writing = writing.then(writeNow); // never two at once: the older could come to its end last
    }, milliseconds);
  }

  async function writeNow(): Promise<void> {
    try {
      await write();
    } catch (error) {
      log.warn({ err: error }, "who is connected could not be written down");
      if (!closed) schedule(pauseAfterFailure);
    }
  }

  /** Not at once: when a thousand connect, each write holds all of them. */
  const changed = () => {
    if (!closed) schedule(pause);
  };
  const again = every === undefined ? undefined : setInterval(changed, every);

  return {
    changed,
    async close() {
      closed = true;
      clearInterval(again);
      clearTimeout(timer);
      await writing;
    },
  };
}
