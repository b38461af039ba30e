/** A tensor of the interpreter: every type is held in float64 (integers and 0/1 are exact in it), in row-major order. */
export interface DenseArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function countOf(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}

export function zeros(shape: readonly number[]): { readonly shape: readonly number[]; readonly data: Float64Array } {
  return { shape, data: new Float64Array(countOf(shape)) };
}

export function filled(shape: readonly number[], value: (index: number) => number): DenseArray {
  return { shape, data: Float64Array.from({ length: countOf(shape) }, (_, index) => value(index)) };
}

/** Row-major strides; 0 along axes of size 1, so that they stretch. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let step = 1;
  for (const size of shape.toReversed()) {
    strides.unshift(size === 1 ? 0 : step);
    step *= size;
  }
  return strides;
}

/** Element of flat place `index`; every index that the interpreter forms lies within. */
export function at(array: ArrayLike<number>, index: number): number {
  return array[index] ?? Number.NaN;
}

/** Places of an axis seen as [outer, size, inner]. */
export function axisOf(shape: readonly number[], axis: number): { outer: number; size: number; inner: number; axis: number } {
  const place = (axis + shape.length) % shape.length;
  return {
    outer: countOf(shape.slice(0, place)),
    size: shape[place] ?? 1,
    inner: countOf(shape.slice(place + 1)),
    axis: place,
  };
}

/** f elementwise over stretched operands. */
export function elementwise(operands: readonly DenseArray[], f: (...values: number[]) => number): DenseArray {
  const rank = Math.max(...operands.map(({ shape }) => shape.length));
  const padded = operands.map(({ shape }) => [...Array.from({ length: rank - shape.length }, () => 1), ...shape]);
  const shape = Array.from({ length: rank }, (_, axis) => {
    const sizes = padded.map((sizesOf) => sizesOf[axis] ?? 1);
    const found = sizes.find((size) => size !== 1) ?? 1;
    if (sizes.some((size) => size !== 1 && size !== found)) throw new RangeError("the operands don't fit");
    return found;
  });
  const result = zeros(shape);
  const [a, b, ...others] = operands.map((operand, which) => stretched(operand.data, padded[which] ?? [], shape));
  if (a === undefined) return result;
  // one and two operands, which nearly all are, without a list for each element
  for (let place = 0; place < result.data.length; place++) {
    if (b === undefined) result.data[place] = f(at(a, place));
    else if (others.length === 0) result.data[place] = f(at(a, place), at(b, place));
    else result.data[place] = f(at(a, place), at(b, place), ...others.map((other) => at(other, place)));
  }
  return result;
}

/** The elements of an array of shape `own`, stretched along its axes of size 1 to `shape`. */
function stretched(data: Float64Array, own: readonly number[], shape: readonly number[]): Float64Array {
  const total = countOf(shape);
  if (data.length === total) return data;
  const wide = new Float64Array(total);
  if (data.length === 1) return wide.fill(at(data, 0));
  const strides = stridesOf(own);
  const counter = shape.map(() => 0);
  let offset = 0;
  for (let place = 0; place < total; place++) {
    wide[place] = at(data, offset);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [next, stride] = [at(counter, axis) + 1, at(strides, axis)];
      if (next < at(shape, axis)) {
        counter[axis] = next;
        offset += stride;
        break;
      }
      counter[axis] = 0;
      offset -= (next - 1) * stride;
    }
  }
  return wide;
}
