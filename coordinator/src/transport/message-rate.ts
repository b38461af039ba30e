/**
 * How much one node may say: a bucket that holds so many messages and fills at a rate. An honest node says ten in a round; one that goes on above the rate is
 * refused, and hung up on once it has ignored as many refusals as the bucket holds.
 */
import { fail } from "@tributary/errors";

export interface MessageRate {
  /** @throws TRB_COORDINATOR_RATE_LIMITED; `hangUp` is called when that was said in vain */
  take(): void;
}

/** Messages at once, and messages a second. */
export interface MessageRateLimit {
  readonly most: number;
  readonly perSecond: number;
}

const nodeMessages: MessageRateLimit = { most: 200, perSecond: 20 };

/** @param now in milliseconds, of a clock that is never set */
export function messageRate(
  hangUp: () => void,
  { most, perSecond }: MessageRateLimit = nodeMessages,
  now: () => number = () => performance.now(),
): MessageRate {
  let left = most;
  let ignored = 0;
  let last = now();
  return {
    take() {
      const at = now();
      left = Math.min(most, left + ((at - last) / 1000) * perSecond);
      last = at;
      if (left >= 1) {
        left -= 1;
        ignored = 0;
        return;
      }
      ignored += 1;
      if (ignored > most) hangUp();
      throw fail("TRB_COORDINATOR_RATE_LIMITED", { seconds: Math.max(1, Math.ceil((1 - left) / perSecond)) });
    },
  };
}
