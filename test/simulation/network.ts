/**
 * Virtual time, and what is on its way. Everything that will happen waits in one queue, ordered by its time; messages take a while, and
 * some get lost, come twice, come late, or meet a link that is down. Each copy of each message comes to one end, which is written down.
 */
import type { Chance } from "./randomness.ts";
import type { FaultRates } from "./scenario.ts";

/** How one copy of a message ended. `refused` goes with a code. */
type Fate = "accepted" | "refused" | "dropped" | "unreachable";

export interface Traffic {
  /** Copies that were put on their way. */
  readonly sent: number;
  readonly fates: Readonly<Record<Fate, number>>;
  /** How often each code was given as an answer. */
  readonly refusals: ReadonlyMap<string, number>;
  /** Copies still on their way. */
  readonly underWay: number;
}

/** What a receiver answers: a code if it refuses, "unreachable" if nobody is there. */
export type Answer = { readonly fate: Fate; readonly code?: string };

export interface Network {
  readonly now: () => number;
  /** Something that no network can lose: a timer, a result of work in the same process. */
  readonly after: (milliseconds: number, what: string, happen: () => void | Promise<void>) => void;
  /**
   * Sends one message over a node's link.
   * @param lost called when a copy does not arrive
   */
  readonly post: (link: string, what: string, arrive: () => Answer | Promise<Answer>, lost?: () => void) => void;
  readonly isUp: (link: string) => boolean;
  readonly setLink: (link: string, up: boolean) => void;
  /** Lets the next thing happen. False when nothing waits. */
  readonly next: () => Promise<boolean>;
  readonly traffic: () => Traffic;
}

export interface NetworkOptions {
  readonly chance: Chance;
  readonly faults: () => FaultRates;
  readonly trace: (line: string) => void;
  /** A copy was dropped: who was connected over this link may connect again. */
  readonly dropped: (link: string) => void;
}

interface Waiting {
  readonly at: number;
  readonly place: number;
  readonly what: string;
  readonly happen: () => void | Promise<void>;
}

export function createNetwork({ chance, faults, trace, dropped }: NetworkOptions): Network {
  const queue: Waiting[] = [];
  const down = new Set<string>();
  const fates: Record<Fate, number> = { accepted: 0, refused: 0, dropped: 0, unreachable: 0 };
  const refusals = new Map<string, number>();
  let time = 0;
  let places = 0;
  let sent = 0;
  let underWay = 0;

  const after = (milliseconds: number, what: string, happen: () => void | Promise<void>) => {
    const waiting: Waiting = { at: time + Math.max(0, milliseconds), place: places++, what, happen };
    let place = queue.length;
    while (place > 0 && isEarlier(queue[place - 1], waiting)) place--;
    queue.splice(place, 0, waiting);
  };

  const end = (what: string, { fate, code }: Answer) => {
    underWay -= 1;
    fates[fate] += 1;
    if (fate === "refused") {
      if (code === undefined) throw new Error(`${what} was refused without a code`);
      refusals.set(code, (refusals.get(code) ?? 0) + 1);
    }
    if (fate !== "accepted") trace(`${what}: ${fate}${code === undefined ? "" : ` ${code}`}`);
  };

  const copy = (link: string, what: string, arrive: () => Answer | Promise<Answer>, lost: () => void) => {
    const rates = faults();
    sent += 1;
    underWay += 1;
    const delay = chance.happens(rates.slow) ? chance.between(50, 500) : chance.between(1, 15);
    const lose = chance.happens(rates.drop);
    after(delay, what, async () => {
      if (!lose && !down.has(link)) {
        end(what, await arrive());
        return;
      }
      end(what, { fate: "dropped" });
      lost();
      if (!down.has(link)) dropped(link);
    });
  };

  return {
    now: () => time,
    after,
    post(link, what, arrive, lost = () => undefined) {
      copy(link, what, arrive, lost);
      if (chance.happens(faults().duplicate)) copy(link, what, arrive, () => undefined);
    },
    isUp: (link) => !down.has(link),
    setLink(link, up) {
      if (up) down.delete(link);
      else down.add(link);
    },
    async next() {
      const first = queue.pop();
      if (first === undefined) return false;
      time = first.at;
      await first.happen();
      return true;
    },
    traffic: () => ({ sent, fates: { ...fates }, refusals, underWay }),
  };
}

/** The queue’s last is the next to happen. */
function isEarlier(a: Waiting | undefined, b: Waiting): boolean {
  return a !== undefined && (a.at < b.at || (a.at === b.at && a.place < b.place));
}
