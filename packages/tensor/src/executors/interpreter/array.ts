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
  const strides = padded.map(stridesOf);
  const result = zeros(shape);
  const counter = shape.map(() => 0);
  for (let place = 0; place < result.data.length; place++) {
    const values = operands.map(({ data }, which) => {
      let offset = 0;
      for (let axis = 0; axis < rank; axis++) offset += at(counter, axis) * at(strides[which] ?? [], axis);
      return at(data, offset);
    });
    result.data[place] = f(...values);
    for (let axis = rank - 1; axis >= 0; axis--) {
      const next = at(counter, axis) + 1;
      counter[axis] = next === shape[axis] ? 0 : next;
      if (counter[axis] !== 0) break;
    }
  }
  return result;
}
