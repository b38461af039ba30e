/**
 * What a computation is: a plain readonly value that the ONNX writer, the interpreter and every executor read alike.
 */

/** `float` is float32 in an executor and float64 in the interpreter: the one thing in which they differ. */
export type DataType = "float" | "int32" | "int64" | "bool";

/**
 * A size that is known, or a letter for one that each run chooses. Equal letters are equal sizes;
 * `"B*L"` is the product of two, `"L+1"` one more.
 */
export type Dimension = number | string;
export type Shape = readonly Dimension[];

export interface Tensor {
  readonly name: string;
  readonly type: DataType;
  readonly shape: Shape;
}

/** An integer, a real number, a list of integers, or the body of a loop: all that our operators need. */
export type Attribute = number | { readonly float: number } | readonly number[] | { readonly body: Body };

export interface GraphNode {
  /** The operator's ONNX name. */
  readonly operator: string;
  /** "" is ONNX itself (opset 20); the other is ONNX Runtime's own set. */
  readonly domain: "" | "com.microsoft";
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A graph that a `Scan` runs once a step. Its names are not used outside, so that it can be written where it stands. */
export interface Body extends Graph {
  /** Tensors of the graph around it that its nodes read. They do not change from step to step. */
  readonly captures: readonly string[];
}

export interface Constant extends Tensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export interface Graph {
  readonly name: string;
  /** In an order in which they can run. */
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly constants: readonly Constant[];
}
