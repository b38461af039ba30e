/**
 * Golden vectors: a model's parameters and inputs, and what another implementation made of them. The file that comes with the
 * project, `test/vectors/models.json`, was made by PyTorch in float64; any file of its shape is read.
 *
 * In a file, item 0 is padding, on the left, with a row of its own in `item.weight`; a mask or start token has the last row.
 */

/** Numbers in rows: [n], or [rows, columns]. */
export type GoldenTensor = readonly number[] | readonly (readonly number[])[];

export type GoldenParameters = Readonly<Record<string, GoldenTensor>>;

export interface GoldenConfig {
  readonly items: number;
  readonly width: number;
  readonly length: number;
  readonly feedForward: number;
  readonly layerNormEpsilon: number;
  /** Recurrent models have none of the following. */
  readonly blocks?: number | undefined;
  readonly heads?: number | undefined;
  readonly activation?: "relu" | "gelu" | undefined;
  readonly positions?: "learned" | "sinusoidal" | undefined;
  /** Of encoder–decoders alone. */
  readonly steps?: number | undefined;
}

export interface GoldenInputs {
  /** [B, length]; 0 is padding. */
  readonly items: readonly (readonly number[])[];
  /** [B, length], or [B, steps] of an encoder–decoder; 0 where there is none. */
  readonly targets: readonly (readonly number[])[];
  /** [B, steps], beginning with the start token. */
  readonly decoderItems?: readonly (readonly number[])[] | undefined;
  /** Of a sampled softmax: [K] and [K]. */
  readonly negatives?: readonly number[] | undefined;
  readonly logCorrection?: readonly number[] | undefined;
}

export interface GoldenCase {
  readonly name: string;
  readonly config: GoldenConfig;
  readonly inputs: GoldenInputs;
  readonly parameters: GoldenParameters;
  /** [B, length or steps, width]; padding positions are not compared. */
  readonly hidden: readonly (readonly (readonly number[])[])[];
  /** `[B]`: the mean over a customer's targets. */
  readonly losses: readonly number[];
  /** `[B]`: L2 norms over all parameters jointly. */
  readonly gradientNorms: readonly number[];
  readonly clipNorm: number;
  /** Σ_b min(1, clipNorm/‖g_b‖)·g_b, by parameter. */
  readonly clippedSum: GoldenParameters;
}
