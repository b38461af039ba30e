/**
 * Who may upload now. Only so many vectors come in at a time, each holding one piece in memory; one upload each, the newest request
 * of it. When all places are taken, whoever has had one for longer than its turn gives way: its part is kept, and it comes again. So
 * neither many nodes nor slow ones keep the others out.
 */
import { fail } from "@tributary/errors";

export interface UploadTurns {
  /**
   * A place; `giveWay` is called when another takes it over.
   * @throws TRB_COORDINATOR_BUSY
   */
  take(upload: string, giveWay: () => void): Promise<Turn>;
}

interface Turn {
  /** The place is free, and nothing is written any more. */
  end(): void;
}

interface Holder {
  readonly since: number;
  readonly giveWay: () => void;
  readonly ended: Promise<void>;
}

/** @param turn milliseconds after which a holder gives way */
export function uploadTurns({ most, turn }: { readonly most: number; readonly turn: number }): UploadTurns {
  const holders = new Map<string, Holder>();

  const dismiss = async (upload: string): Promise<void> => {
    const holder = holders.get(upload);
    if (holder === undefined) return;
    holder.giveWay();
    await holder.ended;
  };

  return {
    async take(upload, giveWay) {
      // a node that was cut off comes back before its old connection is known to be dead
      while (holders.has(upload)) await dismiss(upload);
      if (holders.size >= most) {
        const [longest] = [...holders].sort(([, a], [, b]) => a.since - b.since);
        if (longest === undefined || performance.now() - longest[1].since < turn) {
          throw fail("TRB_COORDINATOR_BUSY", { most, what: "uploads" });
        }
        await dismiss(longest[0]);
        if (holders.size >= most || holders.has(upload)) throw fail("TRB_COORDINATOR_BUSY", { most, what: "uploads" });
      }
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      const holder: Holder = { since: performance.now(), giveWay, ended };
      holders.set(upload, holder);
      return {
        end: () => {
          if (holders.get(upload) === holder) holders.delete(upload);
          resolve();
        },
      };
    },
  };
}
