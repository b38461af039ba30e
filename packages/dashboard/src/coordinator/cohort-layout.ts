/**
 * Where the cells of the cohort map are: rounds across, nodes down, each a square of one size, so that what is in view follows from the scroll
 * position alone. The whole map may be a million cells; only those in view are drawn.
 */

export interface MapSize {
  readonly rounds: number;
  readonly nodes: number;
  /** CSS pixels from one cell to the next, the gap included. */
  readonly cell: number;
}

export interface MapView {
  /** What is scrolled away, and what is seen, in CSS pixels. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface CellRange {
  readonly firstRound: number;
  /** Not included. */
  readonly endRound: number;
  readonly firstNode: number;
  readonly endNode: number;
}

/** Small enough to see many, large enough to hit: 5 to 18 pixels, as they fit. */
export function cellSize(
  { rounds, nodes }: Pick<MapSize, "rounds" | "nodes">,
  space: Pick<MapView, "width" | "height">,
): number {
  const fits = Math.min(space.width / Math.max(1, rounds), space.height / Math.max(1, nodes));
  return Math.max(5, Math.min(18, Math.floor(fits)));
}

export function cellsInView({ rounds, nodes, cell }: MapSize, { left, top, width, height }: MapView): CellRange {
  const first = (at: number, most: number) => Math.max(0, Math.min(most, Math.floor(at / cell)));
  const end = (at: number, most: number) => Math.max(0, Math.min(most, Math.ceil(at / cell)));
  return {
    ...{ firstRound: first(left, rounds), endRound: end(left + width, rounds) },
    ...{ firstNode: first(top, nodes), endNode: end(top + height, nodes) },
  };
}

/** The cell at a point of the whole map; undefined beside it. */
export function cellAt(
  { rounds, nodes, cell }: MapSize,
  x: number,
  y: number,
): { readonly round: number; readonly node: number } | undefined {
  const [round, node] = [Math.floor(x / cell), Math.floor(y / cell)];
  return round >= 0 && node >= 0 && round < rounds && node < nodes ? { round, node } : undefined;
}

/** Where a key leads from a cell. */
export function cellAfter(
  key: string,
  { round, node }: { readonly round: number; readonly node: number },
  { rounds, nodes }: Pick<MapSize, "rounds" | "nodes">,
): { readonly round: number; readonly node: number } | undefined {
  if (rounds === 0 || nodes === 0) return undefined;
  const goal = new Map([
    ["ArrowRight", [round + 1, node]],
    ["ArrowLeft", [round - 1, node]],
    ["ArrowDown", [round, node + 1]],
    ["ArrowUp", [round, node - 1]],
    ["Home", [0, node]],
    ["End", [rounds - 1, node]],
    ["PageDown", [round, node + 20]],
    ["PageUp", [round, node - 20]],
  ]).get(key);
  if (goal === undefined) return undefined;
  const [toRound = 0, toNode = 0] = goal;
  return { round: Math.max(0, Math.min(rounds - 1, toRound)), node: Math.max(0, Math.min(nodes - 1, toNode)) };
}

/** How often each node was in a sum, and how often it was lost, over all rounds. */
export function turnout(
  rounds: readonly (Uint8Array | undefined)[],
  nodes: number,
): { readonly summed: Uint32Array; readonly lost: Uint32Array } {
  const [summed, lost] = [new Uint32Array(nodes), new Uint32Array(nodes)];
  for (const parts of rounds) {
    if (parts === undefined) continue;
    for (let node = 0; node < parts.length; node++) {
      const part = parts[node];
      if (part === 1) summed[node] = (summed[node] ?? 0) + 1;
      else if (part !== 0 && part !== undefined) lost[node] = (lost[node] ?? 0) + 1;
    }
  }
  return { summed, lost };
}
