/**
 * Where a log ends: the latest event of its latest day (UTC) that has at least a tenth of the events of its median day, among days that have any. A clock that is wrong,
 * or one event that was told long after the log, would else move everybody's present to where nobody else is, and leave churn without a single case.
 */
import { secondsOfDay } from "@tributary/events/histories";

/** Of the median day's events. */
const leastShare = 0.1;

export interface LogDays {
  add(time: number): void;
  /** Unix seconds; 0 where there is no event. */
  end(): number;
}

/** @param times Unix seconds, in any order */
export function logDays(times: Iterable<number> = []): LogDays {
  const days = new Map<number, { events: number; latest: number }>();
  let known: number | undefined;
  const add = (time: number) => {
    const day = Math.floor(time / secondsOfDay);
    const there = days.get(day);
    if (there === undefined) days.set(day, { events: 1, latest: time });
    else {
      there.events += 1;
      if (time > there.latest) there.latest = time;
    }
    known = undefined;
  };
  for (const time of times) add(time);
  return {
    add,
    end() {
      if (known !== undefined) return known;
      const counts = Float64Array.from(days.values(), ({ events }) => events).sort();
      const least = leastShare * (counts[counts.length >> 1] ?? 0);
      let [last, end] = [Number.NEGATIVE_INFINITY, 0];
      for (const [day, { events, latest }] of days) if (events >= least && day > last) [last, end] = [day, latest];
      known = end;
      return end;
    },
  };
}
