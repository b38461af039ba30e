/** Which rows of a long table are in view, and which one a key goes to. */

/** Rows drawn above and below what is seen, so that scrolling never shows a gap. */
const spare = 6;

/** @returns rows from `first` to before `last` */
export function rowsInView({
  count,
  rowHeight,
  top,
  space,
}: {
  readonly count: number;
  /** Pixels, as `top` (what is scrolled away) and `space` (what is seen). */
  readonly rowHeight: number;
  readonly top: number;
  readonly space: number;
}): { readonly first: number; readonly last: number } {
  const first = Math.max(0, Math.min(count, Math.floor(top / rowHeight) - spare));
  const last = Math.min(count, Math.ceil((top + space) / rowHeight) + spare);
  return { first, last: Math.max(first, last) };
}

/** @returns undefined for keys that don't move, and in an empty table */
export function rowAfter(
  key: string,
  { chosen, count, page }: { readonly chosen: number | undefined; readonly count: number; readonly page: number },
): number | undefined {
  if (count === 0) return undefined;
  const from = chosen ?? -1;
  const goal = new Map([
    ["ArrowDown", from + 1],
    ["ArrowUp", chosen === undefined ? count - 1 : from - 1],
    ["PageDown", Math.max(from, 0) + page],
    ["PageUp", Math.max(from, 0) - page],
    ["Home", 0],
    ["End", count - 1],
  ]).get(key);
  return goal === undefined ? undefined : Math.max(0, Math.min(count - 1, goal));
}
