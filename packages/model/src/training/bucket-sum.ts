/**
 * One bucket's sum: pieces of float32 gradients come in from one run, or from several, and integers on the grid go out (`dp`). Each
 * coordinate is truncated once a bucket. Tables of which only a few rows were touched cost those rows, and a bucket of one run goes
 * to the grid from where the executor left it.
 */
import { addBucketPart, allFinite, type Grid, moveBucketPart, type Support, widenSupport } from "@tributary/dp";
import type { FeedTensor, GradientPiece, Outputs } from "@tributary/tensor";
import { type GraphParameter, sizeOf } from "../parameters.ts";

type Values = Float32Array | Float64Array;
type Units = Pick<Grid, "unitsPerOne">;

/** A parameter of the graph, and which of its rows a run named. */
interface Entry {
  readonly parameter: GraphParameter;
  /** Numbers of a row, all parts together. */
  readonly width: number;
  readonly rows: number;
  /** Whether runs give all of its numbers. */
  readonly whole: boolean;
  /** 1 where a row is in `named`. */
  readonly marks: Uint8Array;
  /** The first link of the chain of what one run says of a row, 0: none. */
  readonly first: Int32Array;
  /** One row, for sums. */
  readonly row: Float64Array;
  /** The first `count` are rows that were named. */
  readonly named: Int32Array;
  count: number;
}

/** A piece of the graph's outputs with what it belongs to. */
interface Located {
  readonly piece: GradientPiece;
  readonly entry: Entry;
  readonly values: Values;
  /** Where in `values` it begins. */
  readonly start: number;
  readonly ids: FeedTensor["data"];
}

/** For each row that was named, a chain of the places where values for it stand. Links count from 1. */
interface Chains {
  /** The link after a link, 0: none. */
  readonly next: Int32Array;
  /** Which of the lists it is of, and where in its values it begins. */
  readonly source: Uint8Array;
  readonly from: Int32Array;
}

export class BucketSum {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #scratch: Float64Array;

  constructor(parameters: readonly GraphParameter[], pieces: readonly GradientPiece[], dimension: number) {
    this.#scratch = new Float64Array(dimension);
    const whole = new Set(pieces.filter(({ kind }) => kind === "dense").map(({ parameter }) => parameter));
    const named = new Set(pieces.filter(({ kind }) => kind !== "dense").map(({ parameter }) => parameter));
    this.#entries = new Map(
      parameters.map((parameter) => {
        const width = parameter.shape.at(-1) ?? 1;
        const rows = sizeOf(parameter.shape) / width;
        const marked = named.has(parameter.name) ? rows : 0;
        const lists = { marks: new Uint8Array(marked), named: new Int32Array(marked), count: 0 };
        const chains = { first: new Int32Array(marked), row: new Float64Array(width) };
        return [parameter.name, { parameter, width, rows, whole: whole.has(parameter.name), ...lists, ...chains }];
      }),
    );
  }

  /** Adds one run's outputs. False when there was a number that is not finite: then nothing was added. */
  add(pieces: readonly GradientPiece[], outputs: Outputs, feeds: Readonly<Record<string, FeedTensor>>): boolean {
    const located = this.#locate(pieces, outputs, feeds);
    if (located === undefined) return false;
    for (const { piece, entry, values, ids } of located) {
      if (piece.kind === "dense") this.#addDense(entry, values, piece.offset);
      else this.#addRows(entry, values, ids);
    }
    return true;
  }

  /**
   * A bucket that is one run, and to which nothing was added: to the same integers as `add` and `flush`, from where the executor
   * left them. The support is widened by where `total` was added to. False when there was a number that is not finite: then nothing was added.
   */
  addWhole(
    total: Float64Array,
    grid: Units,
    pieces: readonly GradientPiece[],
    outputs: Outputs,
    feeds: Readonly<Record<string, FeedTensor>>,
    support?: Support,
  ): boolean {
    const located = this.#locate(pieces, outputs, feeds);
    if (located === undefined) return false;
    const dense = located.filter(({ piece }) => piece.kind === "dense");
    if (new Set(dense.map(({ entry }) => entry)).size < dense.length) {
      const added = this.add(pieces, outputs, feeds); // pieces of one parameter meet before they are truncated
      if (added) this.flush(total, grid, support);
      return added;
    }
    for (const entry of new Set(located.map((one) => one.entry))) {
      const own = located.filter((one) => one.entry === entry);
      const whole = own.find(({ piece }) => piece.kind === "dense");
      const named = own.filter((one) => one !== whole);
      if (whole && named.length === 0) moveDense(total, grid, entry, whole);
      else this.#moveTable(total, grid, entry, named, whole, support);
      if (whole && support) widenDense(support, entry);
    }
    return true;
  }

  /** Moves the sum to the grid, adds the integers to `total` and is empty again; the support is widened by where that was. */
  flush(total: Float64Array, grid: Units, support?: Support): void {
    this.#each((start, end) => {
      this.#move(total, grid, start, end);
      if (support) widenSupport(support, start, end);
    });
  }

  clear(): void {
    this.#each((start, end) => this.#scratch.fill(0, start, end));
  }

  #move(total: Float64Array, grid: Units, start: number, end: number): void {
    moveBucketPart(total, this.#scratch, grid, start, end); // sums of finite float32 numbers are finite in float64
  }

  /** Where the pieces are, or undefined where one is missing or not finite. */
  #locate(
    pieces: readonly GradientPiece[],
    outputs: Outputs,
    feeds: Readonly<Record<string, FeedTensor>>,
  ): readonly Located[] | undefined {
    const located: Located[] = [];
    const checked = new Set<Values>();
    for (const piece of pieces) {
      const values = outputs[piece.output]?.data;
      const entry = this.#entries.get(piece.parameter);
      if (values === undefined || entry === undefined) return undefined;
      if (!checked.has(values) && !allFinite(values)) return undefined;
      checked.add(values);
      const ids = piece.kind === "dense" ? undefined : (feeds[piece.ids] ?? outputs[piece.ids])?.data;
      located.push({ piece, entry, values, start: piece.kind === "dense" ? piece.offset : 0, ids: ids ?? new Int32Array() });
    }
    return located;
  }

  #addDense({ parameter, width: columns, rows }: Entry, values: Values, start: number): void {
    const scratch = this.#scratch;
    eachStretch(parameter, columns, rows, (source, target, count) => {
      const shift = target - source - start;
      for (let i = start + source; i < start + source + count; i++) {
        scratch[i + shift] = (scratch[i + shift] as number) + (values[i] as number);
      }
    });
  }

  /** A table, row by row: what runs named of a row, and what they gave of all rows, meet before the row is truncated. */
  #moveTable(
    total: Float64Array,
    grid: Units,
    entry: Entry,
    named: readonly Located[],
    whole: Located | undefined,
    support: Support | undefined,
  ): void {
    const { parameter, width, rows, first } = entry;
    const base = parameter.parts[0]?.offset ?? 0;
    const chains = chainsOf(entry, named);
    const move = (row: number): void => {
      const target = base + row * width;
      let link = first[row] as number;
      first[row] = 0;
      if (whole === undefined && chains.next[link] === 0) {
        const { values } = named[chains.source[link] as number] as Located;
        const from = chains.from[link] as number;
        addBucketPart(total, target, values, grid, from, from + width);
        return;
      }
      const sum = entry.row.fill(0);
      if (whole) addTo(sum, whole.values, whole.start + row * width);
      for (; link > 0; link = chains.next[link] as number) {
        const { values } = named[chains.source[link] as number] as Located;
        addTo(sum, values, chains.from[link] as number);
      }
      addBucketPart(total, target, sum, grid);
    };
    if (whole === undefined) {
      for (let place = 0; place < entry.count; place++) {
        const row = entry.named[place] as number;
        move(row);
        if (support) widenSupport(support, base + row * width, base + (row + 1) * width);
      }
    } else {
      for (let row = 0; row < rows; ) {
        if (first[row] !== 0) {
          move(row++);
          continue;
        }
        let next = row + 1;
        while (next < rows && first[next] === 0) next += 1;
        addBucketPart(total, base + row * width, whole.values, grid, whole.start + row * width, whole.start + next * width);
        row = next;
      }
    }
    entry.count = 0;
  }

  #addRows(entry: Entry, values: Values, ids: FeedTensor["data"]): void {
    const scratch = this.#scratch;
    const { parameter, width, marks, named } = entry;
    const base = parameter.parts[0]?.offset ?? 0;
    for (let place = 0; place < ids.length; place++) {
      const id = ids[place] as number;
      if (id === 0) continue;
      if (marks[id - 1] === 0) {
        marks[id - 1] = 1;
        named[entry.count++] = id - 1;
      }
      const target = base + (id - 1) * width;
      const source = place * width;
      for (let j = 0; j < width; j++) scratch[target + j] = (scratch[target + j] as number) + (values[source + j] as number);
    }
  }

  /** Visits [start, end) of the flat vector of all that may be other than 0, each once, and forgets which rows were named. */
  #each(visit: (start: number, end: number) => void): void {
    for (const entry of this.#entries.values()) {
      const { parameter, rows, whole } = entry;
      if (whole) for (const part of parameter.parts) visit(part.offset, part.offset + rows * part.width);
      this.#eachNamed(entry, whole ? () => {} : visit);
    }
  }

  #eachNamed(entry: Entry, visit: (start: number, end: number) => void): void {
    const { parameter, width, marks, named } = entry;
    const base = parameter.parts[0]?.offset ?? 0;
    for (let place = 0; place < entry.count; place++) {
      const row = named[place] as number;
      marks[row] = 0;
      visit(base + row * width, base + (row + 1) * width);
    }
    entry.count = 0;
  }
}

/** Chains in the order of the lists; `entry.first` and `entry.named` say where they begin. */
function chainsOf(entry: Entry, lists: readonly Located[]): Chains {
  const links = lists.reduce((count, { ids }) => count + ids.length, 1);
  const chains = { next: new Int32Array(links), source: new Uint8Array(links), from: new Int32Array(links) };
  let link = links;
  for (let list = lists.length - 1; list >= 0; list--) {
    const ids = lists[list]?.ids ?? [];
    for (let place = ids.length - 1; place >= 0; place--) {
      const row = (ids[place] as number) - 1;
      link -= 1;
      if (row < 0) continue;
      const after = entry.first[row] as number;
      if (after === 0) entry.named[entry.count++] = row;
      chains.next[link] = after;
      chains.source[link] = list;
      chains.from[link] = place * entry.width;
      entry.first[row] = link;
    }
  }
  return chains;
}

function addTo(sum: Float64Array, values: Values, from: number): void {
  for (let j = 0; j < sum.length; j++) sum[j] = (sum[j] as number) + (values[from + j] as number);
}

/** All of a parameter's numbers. */
function widenDense(support: Support, { parameter, rows }: Entry): void {
  for (const { offset, width } of parameter.parts) widenSupport(support, offset, offset + rows * width);
}

function moveDense(total: Float64Array, grid: Units, { parameter, width, rows }: Entry, { values, start }: Located): void {
  eachStretch(parameter, width, rows, (source, target, length) => {
    addBucketPart(total, target, values, grid, start + source, start + source + length);
  });
}

/** A graph tensor's numbers, from 0 on, as stretches that lie together in the flat vector as well. */
function eachStretch(
  { parts }: GraphParameter,
  columns: number,
  rows: number,
  visit: (source: number, target: number, count: number) => void,
): void {
  const [only] = parts;
  if (parts.length === 1 && only) {
    visit(0, only.offset, rows * columns);
    return;
  }
  let column = 0;
  for (const { offset, width } of parts) {
    for (let row = 0; row < rows; row++) visit(row * columns + column, offset + row * width, width);
    column += width;
  }
}
