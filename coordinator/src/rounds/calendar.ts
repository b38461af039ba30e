/**
 * When rounds may begin by the clock: between two times of the day, or at most one every so many hours, both in UTC and both the operator's, not the plan's. A round that has
 * begun goes on whatever the clock says, and the closing entry waits for nothing.
 *
 *   between 01:00-05:00   from 01:00 on, before 05:00; over midnight where the second time is not after the first
 *   every 6h              one released round in each stretch of so long, counted from 1970-01-01T00:00Z: with 6h from 00:00, 06:00, 12:00 and 18:00. One that was given up
 *                         doesn't count, and is tried again in the same stretch
 */
import { fail } from "@tributary/errors";

export interface Calendar {
  /** Minutes after midnight, UTC. */
  readonly between?: { readonly from: number; readonly to: number };
  /** Milliseconds. */
  readonly every?: number;
}

const minute = 60_000;
const day = 24 * 60 * minute;
const units = { m: minute, h: 60 * minute, d: day } as const;

/** `01:00-05:00` @throws TRB_CLI_BAD_OPTION */
export function parseBetween(text: string): NonNullable<Calendar["between"]> {
  const found = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  const [from, to] = [minutes(found?.[1], found?.[2]), minutes(found?.[3], found?.[4])];
  if (found !== null && from !== to) return { from, to };
  throw fail("TRB_CLI_BAD_OPTION", {
    option: "--between",
    value: text.slice(0, 80),
    expected: "two times in UTC such as 01:00-05:00",
  });
}

const minutes = (hours = "0", rest = "0") => 60 * Number(hours) + Number(rest);

/** `30m`, `6h`, `1d`: at most a year. @throws TRB_CLI_BAD_OPTION */
export function parseEvery(text: string): number {
  const [, count = "0", unit = "m"] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const milliseconds = Number(count) * units[unit as keyof typeof units];
  if (milliseconds > 0 && milliseconds <= 366 * day) return milliseconds;
  throw fail("TRB_CLI_BAD_OPTION", {
    option: "--every",
    value: text.slice(0, 80),
    expected: "a time such as 30m, 6h or 1d, at most a year",
  });
}

/**
 * The first moment from now on at which a round may begin.
 * @param now milliseconds since 1970
 * @param lastBegan when the last round that was released began; null before the first
 */
export function nextOpening({ between, every }: Calendar, now: number, lastBegan: number | null): number {
  // one that began in times to come did so by a clock that has been set right since
  const waits = every !== undefined && lastBegan !== null && lastBegan <= now + every;
  const free = waits ? Math.max(now, every * (Math.floor(lastBegan / every) + 1)) : now;
  if (between === undefined) return free;
  const { from, to } = between;
  const today = Math.floor(free / day) * day;
  const time = free - today;
  const isOpen = from < to ? from * minute <= time && time < to * minute : time >= from * minute || time < to * minute;
  if (isOpen) return free;
  return today + from * minute + (time < from * minute ? 0 : day);
}
