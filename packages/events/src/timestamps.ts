/**
 * The time of an event, as logs write it: Unix seconds, Unix milliseconds or ISO 8601.
 *
 * A number counts as milliseconds from 10¹¹ on: as seconds that is the year 5138, as milliseconds March 1973. Negative numbers and
 * anything from 10¹⁴ on are unreadable rather than guessed at. ISO 8601 without an offset is taken as UTC, so that an import gives
 * the same bytes on every machine.
 */

const firstMilliseconds = 1e11;
const firstUnreadable = 1e14;

const number = /^\d+(\.\d*)?(e\+?\d+)?$/i;
const iso8601 =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)? ?(Z|UTC|[+-]\d{2}(?::?\d{2})?)?$/i;

/** Unix seconds, with a fraction when the log has one; NaN when the text is no time. Blanks around the text don't matter. */
export function parseTime(value: string | number): number {
  if (typeof value === "number") return fromNumber(value);
  const digits = shortDigits(value);
  if (digits >= 0) return fromNumber(digits);
  const text = value.trim();
  if (number.test(text)) return fromNumber(Number(text));
  return fromIso8601(text);
}

function fromNumber(value: number): number {
  if (!(value >= 0 && value < firstUnreadable)) return Number.NaN;
  return value >= firstMilliseconds ? value / 1000 : value;
}

/** The value of up to 15 digits, or −1: nearly every row of a log takes this way. */
function shortDigits(text: string): number {
  const { length } = text;
  if (length === 0 || length > 15) return -1;
  let value = 0;
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function fromIso8601(text: string): number {
  const match = iso8601.exec(text);
  if (match === null) return Number.NaN;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as SixNumbers;
  const fraction = match[7] === undefined ? 0 : Number(`0.${match[7]}`);
  if (hour > 23 || minute > 59 || second > 60) return Number.NaN;
  const midnight = Date.UTC(year, month - 1, day);
  const read = new Date(midnight); // Date.UTC carries 31 June over to 1 July; a log that says 31 June is wrong
  if (read.getUTCMonth() !== month - 1 || read.getUTCDate() !== day) return Number.NaN;
  const seconds = midnight / 1000 + hour * 3600 + minute * 60 + second + fraction - offsetSeconds(match[8]);
  return seconds >= 0 && seconds < firstMilliseconds ? seconds : Number.NaN;
}

type SixNumbers = [number, number, number, number, number, number];

/** `+02:00`, `+0200` and `+02` are 7200 seconds. */
function offsetSeconds(offset: string | undefined): number {
  if (offset === undefined || /^(z|utc)$/i.test(offset)) return 0;
  const digits = offset.slice(1).replace(":", "").padEnd(4, "0");
  const size = Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2)) * 60;
  return offset.startsWith("-") ? -size : size;
}
