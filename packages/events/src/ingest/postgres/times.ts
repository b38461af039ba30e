/**
 * How PostgreSQL reads the times that logs write: the same forms as DuckDB's in `time-expression.ts`. Each form is a pattern whose groups
 * are the parts of a time, and an expression that makes seconds of them where they are a day and a time of day.
 */
import { fail } from "@tributary/errors";
import { literal } from "../engine.ts";

/** One form of times. */
export interface TimeForm {
  /** A row's parts: an array of texts, NULL where the text isn't of this form. */
  readonly parts: string;
  /** Unix seconds as a double, NULL where there are none. @param parts the column that holds the parts */
  readonly seconds: (parts: string) => string;
}

/** Expressions of whole numbers, each of at most six digits. */
interface Moment {
  readonly year: string;
  readonly month: string;
  readonly day: string;
  readonly hour: string;
  readonly minute: string;
  readonly second: string;
  readonly microsecond: string;
  /** Seconds east of Greenwich, NULL where the time doesn't say; absent where none of the form does. */
  readonly offset?: string;
}

/** 24:00:00 is the end of a day where `endOfDay`. Unix seconds: microseconds as a whole number, divided once, as DuckDB does. */
function secondsOf(moment: Moment, timeZone: string, endOfDay: boolean): string {
  const { year, month, day, hour, minute, second, microsecond, offset } = moment;
  const leap = `(${year} % 4 = 0 AND (${year} % 100 <> 0 OR ${year} % 400 = 0))`;
  const days = `CASE WHEN ${month} = 2 THEN 28 + CAST(${leap} AS integer) WHEN ${month} IN (4, 6, 9, 11) THEN 30 ELSE 31 END`;
  const hours = endOfDay
    ? `(${hour} <= 23 OR (${hour} = 24 AND ${minute} = 0 AND ${second} = 0 AND ${microsecond} = 0))`
    : `${hour} <= 23`;
  const valid = `${year} >= 1 AND ${month} BETWEEN 1 AND 12 AND ${day} BETWEEN 1 AND ${days} AND ${hours} AND ${minute} <= 59 AND ${second} <= 59`;
  const ofDay = `(${hour} * 3600 + ${minute} * 60 + ${second})`;
  const date = `make_date(${year}, ${month}, ${day})`;
  const there = `CAST(${date} - DATE '1970-01-01' AS bigint) * 86400 + ${ofDay}`;
  const here =
    timeZone === "UTC"
      ? there
      : `CAST(extract(epoch FROM (${date} + ${ofDay} * INTERVAL '1 second') AT TIME ZONE ${literal(timeZone)}) AS bigint)`;
  const whole = offset === undefined ? here : `CASE WHEN ${offset} IS NULL THEN ${here} ELSE ${there} - ${offset} END`;
  return `CASE WHEN ${valid} THEN CAST((${whole}) * 1000000 + ${microsecond} AS double precision) / 1e6 END`;
}

const group = (parts: string, at: number) => `${parts}[${at}]`;
const whole = (text: string) => `CAST(${text} AS integer)`;
const orZero = (text: string) => `CAST(coalesce(${text}, '0') AS integer)`;
/** `5` of a second's fraction is 500,000 microseconds; digits beyond the sixth are cut off. */
const micro = (text: string) => `CAST(rpad(left(coalesce(${text}, ''), 6), 6, '0') AS integer)`;

/** `+02`, `+0200`, `+02:00:30`; NULL for NULL, 0 for a name of Greenwich. */
function offsetOf(text: string): string {
  const bare = `rpad(replace(ltrim(${text}, ' +-'), ':', ''), 6, '0')`;
  const size = [3600, 60, 1].map((unit, at) => `CAST(substr(${bare}, ${2 * at + 1}, 2) AS integer) * ${unit}`).join(" + ");
  return `CASE WHEN ${text} ~ '[+]' THEN ${size} WHEN ${text} ~ '-' THEN -(${size}) WHEN ${text} IS NOT NULL THEN 0 END`;
}

const offsetPattern = "[+-][0-9]{2}(?::?[0-9]{2}(?::[0-9]{2})?)?";
const iso =
  "^([0-9]{4})([-/ \\\\])([0-9]{1,2})\\2([0-9]{1,2})" +
  `(?:[Tt\\s]\\s*([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:[.,]([0-9]*))?)?( ?(?:[Zz]|[Uu][Tt][Cc]|[Gg][Mm][Tt]|${offsetPattern}))?)?$`;

/** ISO 8601, with or without a time of day and an offset. @param double a column that is NULL where the text is no number */
export function isoTime(text: string, double: string, timeZone: string): TimeForm {
  return {
    parts: `CASE WHEN ${double} IS NULL THEN regexp_match(${text}, ${literal(iso)}) END`,
    seconds: (parts) =>
      secondsOf(
        {
          year: whole(group(parts, 1)),
          month: whole(group(parts, 3)),
          day: whole(group(parts, 4)),
          hour: orZero(group(parts, 5)),
          minute: orZero(group(parts, 6)),
          second: orZero(group(parts, 7)),
          microsecond: micro(group(parts, 8)),
          offset: offsetOf(group(parts, 9)),
        },
        timeZone,
        true,
      ),
  };
}

const months = [
  "january",
  "february",
  "march",
  "april",
  "may",
  "june",
  "july",
  "august",
  "september",
  "october",
  "november",
  "december",
];
const weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const short = (names: readonly string[]) => names.map((name) => name.slice(0, 3));
/** In any case: `[Mm][Aa][Yy]|…` */
const anyOf = (names: readonly string[]) =>
  names.map((name) => name.replace(/./g, (letter) => `[${letter.toUpperCase()}${letter}]`)).join("|");

/** How many digits a letter of strptime's reads at most. */
const widths: Readonly<Record<string, number>> = {
  d: 2,
  m: 2,
  y: 2,
  Y: 4,
  H: 2,
  I: 2,
  M: 2,
  S: 2,
  f: 6,
  g: 3,
  n: 9,
  w: 1,
  u: 1,
};
const words: Readonly<Record<string, readonly string[]>> = {
  B: months,
  b: short(months),
  h: short(months),
  A: weekdays,
  a: short(weekdays),
  p: ["am", "pm"],
};

/**
 * A format of strptime's: day, month, year, time of day, fractions, names of months and weekdays, and offsets.
 * @throws TRB_EVENTS_TIME_FORMAT_UNSUPPORTED
 */
export function customTime(text: string, format: string, timeZone: string): TimeForm {
  const tokens = [...format.matchAll(/%-?([A-Za-z%])|\s+|[^%\s]|%/g)].map(([token, letter]) => ({ token, letter }));
  const places = new Map<string, number>();
  let pattern = "";
  for (const [at, { token, letter }] of tokens.entries()) {
    if (letter === undefined || letter === "%") {
      if (token === "%") throw unsupported(format);
      pattern += /^\s/.test(token) ? "\\s+" : escaped(letter ?? token);
      continue;
    }
    const width = widths[letter];
    const names = words[letter];
    const next = tokens[at + 1]?.letter;
    // digits are taken greedily: only in front of further digits does it matter how many they are
    const exact = next !== undefined && widths[next] !== undefined;
    if (width !== undefined) pattern += `([0-9]{${exact ? width : `1,${width}`}})`;
    else if (names !== undefined) pattern += `(${anyOf(names)})`;
    else if (letter === "z") pattern += "([+-][0-9]{2}(?::?[0-9]{2})?)";
    else throw unsupported(format);
    places.set(letter, places.size + 1);
  }
  if (places.size !== tokens.filter(({ letter }) => letter !== undefined && letter !== "%").length) throw unsupported(format);
  return {
    parts: `regexp_match(${text}, ${literal(`^${pattern}$`)})`,
    seconds: (parts) => secondsOf(momentOf(places, parts), timeZone, false),
  };
}

const unsupported = (format: string) => fail("TRB_EVENTS_TIME_FORMAT_UNSUPPORTED", { format: format.slice(0, 80) });

const escaped = (character: string) => (/[\w\s]/.test(character) || character > "\u007f" ? character : `\\${character}`);

function momentOf(places: ReadonlyMap<string, number>, parts: string): Moment {
  const text = (letter: string) => {
    const at = places.get(letter);
    return at === undefined ? undefined : group(parts, at);
  };
  const number = (letter: string) => {
    const found = text(letter);
    return found === undefined ? undefined : whole(found);
  };
  const [twoDigits, twelve] = [number("y"), number("I")];
  const half = text("p");
  const monthName = text("B") ?? text("b") ?? text("h");
  const fraction = text("f") ?? text("g") ?? text("n");
  const zone = text("z");
  const afternoon = half === undefined ? "" : ` + CASE WHEN ${half} ~ '^[Pp]' THEN 12 ELSE 0 END`;
  // without a year it is 1900, whose times are none
  const year =
    number("Y") ?? (twoDigits === undefined ? "1900" : `(${twoDigits} + CASE WHEN ${twoDigits} <= 68 THEN 2000 ELSE 1900 END)`);
  const named = `array_position(ARRAY[${short(months).map(literal).join()}], lower(left(${monthName}, 3)))`;
  return {
    year,
    month: number("m") ?? (monthName === undefined ? "1" : named),
    day: number("d") ?? "1",
    hour:
      number("H") ??
      (twelve === undefined ? "0" : `(CASE WHEN ${twelve} BETWEEN 1 AND 12 THEN ${twelve} % 12${afternoon} ELSE 99 END)`),
    minute: number("M") ?? "0",
    second: number("S") ?? "0",
    microsecond: fraction === undefined ? "0" : micro(fraction),
    ...(zone === undefined ? {} : { offset: offsetOf(zone) }),
  };
}
