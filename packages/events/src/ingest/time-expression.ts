/** How DuckDB reads the times that logs write: the same forms as `timestamps.ts`, and those that the caller names. */
import { literal } from "./engine.ts";

const firstMilliseconds = 1e11;

/**
 * Texts that name no zone. A name, such as `Europe/Berlin`, would be the zone of the rows behind it too: DuckDB 1.5.6 doesn't set its calendar
 * back between two rows of a chunk.
 */
const withoutName = (text: string) => `CASE WHEN regexp_full_match(${text}, '[-0-9T:. /\\\\+]*Z?') THEN ${text} END`;

/** Forms of ISO 8601 that DuckDB doesn't know, as those that it does: an offset behind minutes, or behind a blank, and small letters. */
function spelledOut(text: string): string {
  const replaced = (from: string, pattern: string, by: string) => `regexp_replace(${from}, '${pattern}', '${by}')`;
  const zone = replaced(`upper(${text})`, " ?(Z|UTC|GMT)$", "Z");
  const offset = replaced(zone, " ?([+-][0-9]{2}(:?[0-9]{2})?)$", "\\1");
  return replaced(offset, "([T ][0-9]{1,2}:[0-9]{1,2})(Z|[+-][0-9]{2}(:?[0-9]{2})?)$", "\\1:00\\2");
}

/** The number that a text is; NULL where it is none or begins with no digit: `epoch`, `infinity` and negative numbers are no times. */
export const numberExpression = (text: string) =>
  `CASE WHEN ${text} >= '0' AND ${text} < ':' THEN try_cast(${text} AS DOUBLE) END`;

/** A number of seconds, or of milliseconds, as seconds. */
export const secondsExpression = (number: string) =>
  `CASE WHEN ${number} < ${firstMilliseconds} THEN ${number} ELSE ${number} / 1000 END`;

/** What no clock shows is no time. */
export const timeInRange = (seconds: string) =>
  `CASE WHEN ${seconds} >= 0 AND ${seconds} < ${firstMilliseconds} THEN ${seconds} END`;

/**
 * Unix seconds as a double, NULL for a text that is no time. What names no offset was read off in the session's time zone.
 * @param text a column of text without blanks around it
 * @param formats strptime's, tried first, because `20210503` is a number too
 */
export function timeExpression(text: string, formats: readonly string[]): string {
  return timeInRange(momentExpression(text, formats));
}

/** The same, be it in range or not. */
export function momentExpression(text: string, formats: readonly string[]): string {
  const own = inGroups(formats)
    .map((group) => `${strptime(text, group)}, `)
    .join("");
  const iso = (written: string) => `epoch_us(try_cast(${withoutName(written)} AS TIMESTAMPTZ)) / 1e6`;
  const point = `replace(${text}, ',', '.')`;
  const usual = `CASE WHEN ${text} >= '0' AND ${text} < ':' THEN coalesce(
      ${secondsExpression(`try_cast(${text} AS DOUBLE)`)},
      ${iso(point)}, ${iso(spelledOut(point))}) END`;
  return `coalesce(${own}${usual})`;
}

/** Formats that may be tried together: beside one with an offset, DuckDB takes 31 February for 3 March in the others too. */
function inGroups(formats: readonly string[]): string[][] {
  const groups: string[][] = [];
  const zoned = (format: string | undefined) => /%[zZ]/.test(format ?? "");
  for (const format of formats) {
    const last = groups.at(-1);
    if (last !== undefined && zoned(last[0]) === zoned(format)) last.push(format);
    else groups.push([format]);
  }
  return groups;
}

/** It reads `epoch` and `infinity` too, whatever the format. */
function strptime(text: string, formats: readonly string[]): string {
  const written = `CASE WHEN lower(${text}) NOT IN ('epoch', 'infinity', '-infinity') THEN ${text} END`;
  return `epoch_us(try_strptime(${written}, [${formats.map(literal).join()}])::TIMESTAMPTZ) / 1e6`;
}
