/**
 * The name that somebody probably meant: the one that the fewest single letters inserted, left out, exchanged or swapped with their neighbour lead to
 * (optimal string alignment), if that is at most a third of them. Undefined where none is near.
 */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  let nearest: { readonly name: string; readonly distance: number } | undefined;
  for (const name of names) {
    const distance = alignment(given.toLowerCase(), name.toLowerCase());
    if (distance * 3 <= Math.max(given.length, name.length) && distance < (nearest?.distance ?? Number.POSITIVE_INFINITY)) {
      nearest = { name, distance };
    }
  }
  return nearest?.name;
}

function alignment(a: string, b: string): number {
  // rows[i][j]: from the first i letters of a to the first j of b
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Infinity;
      rows[i]?.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same, swapped));
    }
  }
  return at(a.length, b.length);
}
