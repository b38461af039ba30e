/**
 * Rows of cells in so many columns of a terminal. Widths are those that a terminal gives a text: two columns for a Chinese character, none for a colour.
 */
import stringWidth from "string-width";

const gap = "  ";
/** Where two blanks between columns are one too many. */
const narrowGap = " ";
/** No column gets narrower than this by choice. */
const narrowest = 6;

/**
 * As wide as it has to be, where that fits. Else the widest columns give way, and what is too long in a cell goes on below itself. Where even the longest words
 * don't fit beside each other, a table with names of columns becomes a list: one block a row, one line a cell.
 * @param rows of three columns and more, the first row has their names
 */
export function laidOut(rows: readonly (readonly string[])[], width: number): string[] {
  const natural = widestIn(rows, stringWidth);
  const least = widestIn(rows, longestWord).map((word, column) => Math.min(natural[column] ?? 0, Math.max(word, narrowest)));
  for (const between of [gap, narrowGap]) {
    const room = width - between.length * (natural.length - 1);
    if (total(natural) <= room) return rows.map((row) => lineOf(row, natural, between));
    if (total(least) <= room) return rows.flatMap((row) => wrapped(row, givenWay(natural, least, room), between));
  }
  return natural.length < 3 ? rows.flatMap((row) => underEachOther(row, natural, width)) : listed(rows, width);
}

const total = (widths: readonly number[]) => widths.reduce((sum, one) => sum + one, 0);

function widestIn(rows: readonly (readonly string[])[], measure: (cell: string) => number): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, measure(cell));
  }
  return widths;
}

const longestWord = (text: string) => Math.max(0, ...piecesOf(text).map((piece) => stringWidth(piece)));

/** The largest bound on columns that makes them fit, none below its longest word. */
function givenWay(natural: readonly number[], least: readonly number[], room: number): number[] {
  const bounded = (bound: number) => natural.map((wide, column) => Math.min(wide, Math.max(least[column] ?? 0, bound)));
  let bound = Math.max(...natural);
  while (bound > 0 && total(bounded(bound)) > room) bound--;
  return bounded(bound);
}

function lineOf(row: readonly string[], widths: readonly number[], between = gap): string {
  return row
    .map((cell, column) => padded(cell, widths[column] ?? 0))
    .join(between)
    .trimEnd();
}

function wrapped(row: readonly string[], widths: readonly number[], between = gap): string[] {
  const cells = row.map((cell, column) => divided(cell, widths[column] ?? 0));
  const height = Math.max(1, ...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    lineOf(
      cells.map((lines) => lines[line] ?? ""),
      widths,
      between,
    ),
  );
}

/** Two columns of which one has a word that is too long, such as a hash: it stays whole, to be copied. */
function underEachOther(row: readonly string[], [first = 0]: readonly number[], width: number): string[] {
  return wrapped(row, [first, Math.max(width - first - gap.length, narrowest)]);
}

/** One block a row: its first cell, and the others below it with their columns' names. */
function listed([names = [], ...rows]: readonly (readonly string[])[], width: number): string[] {
  const inside = width - gap.length;
  const first = Math.min(Math.max(...names.slice(1).map((name) => stringWidth(name))), Math.floor(inside / 3));
  return rows.flatMap(([head = "", ...cells]) => [
    ...divided(names[0] ? `${names[0]} ${head}` : head, width),
    ...cells.flatMap((cell, place) => {
      if (cell === "") return [];
      return underEachOther([names[place + 1] ?? "", cell], [first], inside).map((line) => gap + line);
    }),
  ]);
}

const padded = (text: string, width: number) => text + " ".repeat(Math.max(0, width - stringWidth(text)));

/** Lines of at most `width` columns, of whole words; a longer word is a line of its own. Chinese text is divided between its characters. */
export function divided(text: string, width: number): string[] {
  if (stringWidth(text) <= width) return [text];
  const lines: string[] = [];
  let line = "";
  for (const piece of piecesOf(text)) {
    const longer = line + piece;
    if (line === "" || stringWidth(longer.trimEnd()) <= width) line = longer;
    else {
      lines.push(line.trimEnd());
      line = piece.trimStart();
    }
  }
  return [...lines, line.trimEnd()];
}

/**
 * What a text may be divided into: words with the blanks before them, and each Han, kana or Hangul character by itself, but with the marks that no line begins
 * with (，。」) or ends with (「（), as UAX #14 has it.
 */
function piecesOf(text: string): string[] {
  return text.match(wordOrCharacter) ?? [];
}

const ideograph = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}";
const closing = "，。、；：？！）」』》】”’…";
const opening = "（「『《【“‘";
const wordOrCharacter = new RegExp(
  `\\s*(?:[${opening}]*[${ideograph}][${closing}]*|[^\\s${ideograph}${opening}]+[${closing}]*|[${opening}]+)|\\s+`,
  "gu",
);
