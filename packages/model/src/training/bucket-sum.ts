/**
 * One bucket's sum: pieces of float32 gradients come in from one run, or from one run a customer, and integers on the grid
 * go out (`addBucket` of `dp`). Tables of which only a few rows were touched cost those rows.
 */
import { addBucket, type Grid } from "@tributary/dp";
import type { FeedTensor, GradientPiece, Outputs } from "@tributary/tensor";
import { type GraphParameter, sizeOf } from "../parameters.ts";

/** Rows of a table that have something in them. */
interface Touched {
  readonly offset: number;
  readonly width: number;
  readonly marks: Uint8Array;
  readonly rows: Int32Array;
  count: number;
}

export class BucketSum {
  readonly #parameters: ReadonlyMap<string, GraphParameter>;
  readonly #scratch: Float64Array;
  readonly #touched = new Map<string, Touched>();
  /** [start, end) of the flat vector that are converted whole. */
  readonly #dense: (readonly [number, number])[] = [];

  constructor(parameters: readonly GraphParameter[], pieces: readonly GradientPiece[], dimension: number) {
    this.#parameters = new Map(parameters.map((parameter) => [parameter.name, parameter]));
    this.#scratch = new Float64Array(dimension);
    const whole = new Set(pieces.filter(({ kind }) => kind === "dense").map(({ parameter }) => parameter));
    for (const { name, shape, parts } of parameters) {
      const [rows = 0, width = 0] = shape;
      const [first] = parts;
      if (whole.has(name)) {
        for (const part of parts)
          this.#dense.push([part.offset, part.offset + (sizeOf(shape) / (shape.at(-1) ?? 1)) * part.width]);
      } else if (first) {
        const marks = new Uint8Array(rows);
        this.#touched.set(name, { offset: first.offset, width, marks, rows: new Int32Array(rows), count: 0 });
      }
    }
  }

  /** Adds one run's outputs. False when there was a number that is not finite; then `clear` is the only way on. */
  add(pieces: readonly GradientPiece[], outputs: Outputs, feeds: Readonly<Record<string, FeedTensor>>): boolean {
    let probe = 0; // stays 0 as long as everything is finite
    for (const piece of pieces) {
      const values = outputs[piece.output]?.data;
      const parameter = this.#parameters.get(piece.parameter);
      if (values === undefined || parameter === undefined) return false;
      if (piece.kind === "dense") probe += this.#addDense(parameter, values, piece.offset);
      else probe += this.#addRows(parameter, values, (feeds[piece.ids] ?? outputs[piece.ids])?.data ?? new Int32Array());
    }
    return probe === 0;
  }

  #addDense(parameter: GraphParameter, values: Float32Array | Float64Array, start: number): number {
    const scratch = this.#scratch;
    const columns = parameter.shape.at(-1) ?? 1;
    const rows = sizeOf(parameter.shape) / columns;
    let probe = 0;
    let column = 0;
    for (const { offset, width } of parameter.parts) {
      const run = width === columns ? rows * width : width;
      const runs = width === columns ? 1 : rows;
      for (let row = 0; row < runs; row++) {
        const source = start + row * columns + column;
        const target = offset + row * width;
        for (let j = 0; j < run; j++) {
          const value = values[source + j] as number;
          scratch[target + j] = (scratch[target + j] as number) + value;
          probe += value * 0;
        }
      }
      column += width;
    }
    return probe;
  }

  #addRows(
    parameter: GraphParameter,
    values: Float32Array | Float64Array,
    ids: Int32Array | Float32Array | Float64Array,
  ): number {
    const scratch = this.#scratch;
    const width = parameter.shape.at(-1) ?? 1;
    const base = parameter.parts[0]?.offset ?? 0;
    const touched = this.#touched.get(parameter.name);
    let probe = 0;
    for (let place = 0; place < ids.length; place++) {
      const id = ids[place] as number;
      if (id === 0) continue;
      if (touched && touched.marks[id - 1] === 0) {
        touched.marks[id - 1] = 1;
        touched.rows[touched.count++] = id - 1;
      }
      const target = base + (id - 1) * width;
      const source = place * width;
      for (let j = 0; j < width; j++) {
        const value = values[source + j] as number;
        scratch[target + j] = (scratch[target + j] as number) + value;
        probe += value * 0;
      }
    }
    return probe;
  }

  /** Moves the sum to the grid, adds the integers to `total` and is empty again. */
  flush(total: Float64Array, grid: Pick<Grid, "unitsPerOne">): void {
    this.#each((start, end) => {
      addBucket(total, this.#scratch, grid, start, end);
      this.#scratch.fill(0, start, end);
    });
  }

  clear(): void {
    this.#each((start, end) => this.#scratch.fill(0, start, end));
  }

  #each(visit: (start: number, end: number) => void): void {
    for (const [start, end] of this.#dense) visit(start, end);
    for (const touched of this.#touched.values()) {
      for (let place = 0; place < touched.count; place++) {
        const row = touched.rows[place] as number;
        touched.marks[row] = 0;
        visit(touched.offset + row * touched.width, touched.offset + (row + 1) * touched.width);
      }
      touched.count = 0;
    }
  }
}
