/** How DuckDB reads the times that logs write: the same forms as `timestamps.ts`, and those that the caller names. */
import { literal } from "./engine.ts";

const firstMilliseconds = 1e11;

/** Forms of ISO 8601 that DuckDB doesn't know, as those that it does: an offset behind minutes, or behind a blank, and small letters. */
function spelledOut(text: string): string {
  const replaced = (from: string, pattern: string, by: string) => `regexp_replace(${from}, '${pattern}', '${by}')`;
  const zone = replaced(`upper(replace(${text}, ',', '.'))`, " ?(Z|UTC|GMT)$", "Z");
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
  const own =
    formats.length === 0 ? "" : `epoch_us(try_strptime(${text}, [${formats.map(literal).join()}])::TIMESTAMPTZ) / 1e6, `;
  const usual = `CASE WHEN ${text} >= '0' AND ${text} < ':' THEN coalesce(
      ${secondsExpression(`try_cast(${text} AS DOUBLE)`)},
      epoch_us(try_cast(replace(${text}, ',', '.') AS TIMESTAMPTZ)) / 1e6,
      epoch_us(try_cast(${spelledOut(text)} AS TIMESTAMPTZ)) / 1e6) END`;
  return `coalesce(${own}${usual})`;
}
