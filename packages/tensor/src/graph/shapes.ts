/** Shapes with letters in them: what fits what, and the error that names both tensors when it doesn't. */
import { fail, type TributaryError } from "@tributary/errors";
import type { Dimension, Shape, Tensor } from "./types.ts";

/** `[B*L, 64]` */
export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

/** The error of an operator whose two operands don't fit. */
export function mismatch(operator: string, left: Tensor, right: Tensor | Shape): TributaryError {
  const other = "name" in right ? right : { name: "the wanted shape", shape: right };
  return fail("TRB_TENSOR_SHAPE_MISMATCH", {
    operator,
    left: left.name,
    leftShape: showShape(left.shape),
    right: other.name,
    rightShape: showShape(other.shape),
  });
}

/** Dimension of `axis`, counted from the end when negative. */
export function dimension(tensor: Tensor, axis: number): Dimension {
  const found = tensor.shape.at(axis);
  if (found === undefined)
    throw mismatch(
      "dimension",
      tensor,
      Array.from({ length: Math.abs(axis) }, () => "?"),
    );
  return found;
}

/** A dimension that must be a number, such as a width. */
export function knownDimension(tensor: Tensor, axis: number): number {
  const found = dimension(tensor, axis);
  if (typeof found !== "number") throw mismatch("a known size", tensor, ["number"]);
  return found;
}

/** The shape of an elementwise result: axes from the right, 1 stretches. @throws TRB_TENSOR_SHAPE_MISMATCH */
export function broadcast(operator: string, a: Tensor, b: Tensor): Shape {
  const rank = Math.max(a.shape.length, b.shape.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a.shape[axis - rank + a.shape.length] ?? 1;
    const right = b.shape[axis - rank + b.shape.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) throw mismatch(operator, a, b);
    return left === 1 ? right : left;
  });
}

/** The shape of a matrix product over the last two axes; a matrix on the right serves every leading axis. */
export function productShape(operator: string, a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Shape {
  const [rows, inner] = transposeA ? [-1, -2] : [-2, -1];
  const [innerB, columns] = transposeB ? [-1, -2] : [-2, -1];
  const leading = a.shape.slice(0, -2);
  const fits =
    a.shape.length >= 2 &&
    (b.shape.length === 2 || sameShape(b.shape.slice(0, -2), leading)) &&
    a.shape.at(inner) === b.shape.at(innerB);
  if (!fits) throw mismatch(operator, a, b);
  return [...leading, dimension(a, rows), dimension(b, columns)];
}

/** The letter for a product of two dimensions. */
export function timesDimension(a: Dimension, b: Dimension): Dimension {
  return typeof a === "number" && typeof b === "number" ? a * b : `${a}*${b}`;
}

export function oneMore(a: Dimension): Dimension {
  return typeof a === "number" ? a + 1 : `${a}+1`;
}
