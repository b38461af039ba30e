/**
 * What the terminal can show: how wide it is, and whether it takes colours. Both are asked for each stream, since one may be piped and the other not.
 */
import picocolors from "picocolors";

type Stream = Pick<NodeJS.WriteStream, "isTTY" | "columns">;
type Environment = Readonly<Record<string, string | undefined>>;

/** Columns of a terminal that doesn't say how wide it is, as those of the VT100 and of most since. */
export const usualWidth = 80;

/**
 * Columns that a table may take: those of the terminal; `usualWidth` of one that doesn't say; without an end where the output is piped, so that a row stays a
 * line for `grep` and `awk`. `COLUMNS` goes before all of it, where somebody exports it.
 */
export function widthOf(stream: Stream = process.stdout, environment: Environment = process.env): number {
  const said = Number(environment["COLUMNS"]);
  if (Number.isInteger(said) && said > 0) return said;
  if (stream.isTTY !== true) return Number.POSITIVE_INFINITY;
  return stream.columns > 0 ? stream.columns : usualWidth;
}

/** Columns for sentences: they are for readers wherever they go, so they are divided in a file as well. */
export function readingWidth(stream: Stream = process.stdout, environment: Environment = process.env): number {
  const width = widthOf(stream, environment);
  return Number.isFinite(width) ? Math.min(width, widestText) : usualWidth;
}

/** Longer lines of prose are hard to read, however wide the window is. */
const widestText = 120;

/**
 * Whether a stream takes colours: not where `NO_COLOR` is set (no-color.org; `--no-color` sets it); always where `FORCE_COLOR` is, but for `0` and `false`;
 * else on a terminal that isn't called dumb.
 */
export function takesColours(stream: Pick<Stream, "isTTY">, environment: Environment = process.env): boolean {
  const forced = environment["FORCE_COLOR"];
  if ((environment["NO_COLOR"] ?? "") !== "") return false;
  if (forced !== undefined && forced !== "") return forced !== "0" && forced !== "false";
  return stream.isTTY === true && environment["TERM"] !== "dumb";
}

/** The colours of a stream, or none. */
export const coloursOf = (stream: Pick<Stream, "isTTY">) => picocolors.createColors(takesColours(stream));
