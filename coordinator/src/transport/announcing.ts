/**
 * News for everybody who is connected, a few at a time: whoever hears that the ledger has grown asks for what is new at once, and a thousand such requests
 * in one turn of the event loop would keep everything else waiting.
 */

export interface Announcing {
  /** Tells the first now, and the others soon. News that are under way are overtaken by newer ones. */
  announce(entries: number): void;
  /** Whether somebody has not been told yet. */
  underWay(): boolean;
  close(): void;
}

/** So many are told at a time, and so long after the others before, in milliseconds: a thousand within a second. */
const portion = { most: 32, every: 25 };

/** @param tell whoever is not connected any more is passed over by it */
export function announcing<Listener>(
  listeners: () => Iterable<Listener>,
  tell: (listener: Listener, entries: number) => void,
  { most, every } = portion,
): Announcing {
  let waiting: Listener[] = [];
  let latest = 0;
  let timer: NodeJS.Timeout | undefined;
  const tellSome = () => {
    timer = undefined;
    for (const listener of waiting.splice(0, most)) tell(listener, latest);
    if (waiting.length > 0) timer = setTimeout(tellSome, every);
  };
  return {
    announce(entries) {
      latest = entries;
      waiting = [...new Set([...waiting, ...listeners()])]; // who waits already comes first, however fast news follow each other
      if (timer === undefined) tellSome();
    },
    underWay: () => waiting.length > 0,
    close() {
      clearTimeout(timer);
      waiting = [];
    },
  };
}
