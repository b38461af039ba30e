/**
 * Recurrent layers as single differentiable steps: one loop over positions forward, one in reverse for back-propagation through
 * time, everything that does not depend on the step before in one product over all tokens. Conventions of PyTorch's `LSTM` and `GRU`:
 * weights [gates·width, in], the initial state is zero. Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html and
 * torch.nn.GRU.html.
 *
 * A step multiplies [B, width] matrices. With one customer that is a product with a single row, which BLAS sums in another order:
 * who must give a customer the same bits whatever its batch, pads batches of one to two.
 */
import type { GraphBuilder, Tokens } from "../graph/builder.ts";
import {
  affine,
  concatenate,
  flattened,
  grouped,
  hyperbolicTangent,
  minus,
  plus,
  product,
  sigmoid,
  splitLast,
  times,
  transposed,
  zeroStates,
} from "../graph/operations.ts";
import { scan } from "../graph/scan.ts";
import { dimension, knownDimension, mismatch, sameShape } from "../graph/shapes.ts";
import type { Tensor } from "../graph/types.ts";

/** All four are used per customer: by product (weights) and by sum (biases). */
export interface RecurrentWeights {
  /** [gates·width, in] */
  readonly inputWeight: Tensor;
  /** [gates·width, width] */
  readonly hiddenWeight: Tensor;
  /** [gates·width] */
  readonly inputBias: Tensor;
  /** [gates·width] */
  readonly hiddenBias: Tensor;
}

/** What both layers need: the grid, and changes between tokens and steps. */
interface Layout {
  readonly tokens: Tokens;
  readonly width: number;
  /** [T, n] → [L, B, n] */
  readonly steps: (tokens: Tensor) => Tensor;
  /** [L, B, n] → [T, n] */
  readonly back: (steps: Tensor) => Tensor;
}

/** @throws TRB_TENSOR_SHAPE_MISMATCH when the weights fit neither each other nor x */
function layoutOf(g: GraphBuilder, x: Tensor, weights: RecurrentWeights, gates: number, layer: string): Layout {
  const { inputWeight, hiddenWeight, inputBias, hiddenBias } = weights;
  const tokens = g.tokensOf(x);
  if (tokens === undefined || x.shape.length !== 2 || x.shape[0] !== tokens.flat) throw mismatch(layer, x, ["T", "in"]);
  const width = knownDimension(hiddenWeight, -1);
  const rows = gates * width;
  if (!sameShape(hiddenWeight.shape, [rows, width])) throw mismatch(layer, hiddenWeight, [rows, width]);
  const wanted = [rows, dimension(x, 1)];
  if (!sameShape(inputWeight.shape, wanted)) throw mismatch(layer, inputWeight, wanted);
  for (const bias of [inputBias, hiddenBias]) if (!sameShape(bias.shape, [rows])) throw mismatch(layer, bias, [rows]);
  return {
    tokens,
    width,
    steps: (flat) => transposed(g, grouped(g, flat), [1, 0, 2]),
    back: (steps) => flattened(g, transposed(g, steps, [1, 0, 2])),
  };
}

/** Records what reached the pre-activations, and gives the gradients of x and the four weights that are no parameters. */
function weightGradients(
  g: GraphBuilder,
  x: Tensor,
  weights: RecurrentWeights,
  /** [T, gates·width] at the input's side, at the hidden side; [T, width] the states before each step. */
  { input, hidden, before }: { readonly input: Tensor; readonly hidden: Tensor; readonly before: Tensor },
): readonly (Tensor | undefined)[] {
  const matrix = (weight: Tensor, rows: Tensor, values: Tensor) => {
    const parameter = g.parameterOf(weight);
    parameter?.uses.push({ kind: "product", rows, values });
    return parameter || !g.isTracked(weight) ? undefined : product(g, rows, values, { transposeA: true });
  };
  const vector = (bias: Tensor, values: Tensor) => {
    const parameter = g.parameterOf(bias);
    parameter?.uses.push({ kind: "sum", values });
    return parameter || !g.isTracked(bias) ? undefined : values;
  };
  return [
    g.isTracked(x) ? product(g, input, weights.inputWeight) : undefined,
    matrix(weights.inputWeight, input, x),
    matrix(weights.hiddenWeight, hidden, before),
    vector(weights.inputBias, input),
    vector(weights.hiddenBias, hidden),
  ];
}

/** s·(1 − s), the slope of a sigmoid where it is s. */
function sigmoidSlope(g: GraphBuilder, s: Tensor): Tensor {
  return times(g, s, minus(g, g.constant(1), s));
}

/** 1 − t², the slope of a hyperbolic tangent where it is t. */
function tangentSlope(g: GraphBuilder, t: Tensor): Tensor {
  return minus(g, g.constant(1), times(g, t, t));
}

/**
 * A long short-term memory over x [T, in], tokens of a grid [B, L] padded on the right: hidden states [T, width].
 * i, f, o = σ(·), c̃ = tanh(·) of W x_t + b + U h_{t−1} + b′; c_t = f c_{t−1} + i c̃; h_t = o tanh(c_t). Gate order i, f, c̃, o.
 * @throws TRB_TENSOR_SHAPE_MISMATCH
 */
export function lstm(g: GraphBuilder, x: Tensor, weights: RecurrentWeights): Tensor {
  const { inputWeight, hiddenWeight, inputBias, hiddenBias } = weights;
  const { tokens, width, steps, back } = layoutOf(g, x, weights, 4, "lstm");
  const fromInput = steps(affine(g, x, inputWeight, plus(g, inputBias, hiddenBias), true));
  const zero = zeroStates(g, tokens, width);
  const forward = scan(
    g,
    { name: "lstm", states: [zero, zero], slices: [fromInput] },
    (body, [h = zero, c = zero], [now = zero]) => {
      const parts = splitLast(body, plus(body, now, product(body, h, hiddenWeight, { transposeB: true })), 4);
      const [input = now, forget = now, candidate = now, output = now] = parts.map((part, gate) =>
        gate === 2 ? hyperbolicTangent(body, part) : sigmoid(body, part),
      );
      const cell = plus(body, times(body, forget, c), times(body, input, candidate));
      const tangent = hyperbolicTangent(body, cell);
      const hidden = times(body, output, tangent);
      return { states: [hidden, cell], outputs: [hidden, h, c, input, forget, candidate, output, tangent] };
    },
  );
  const [hidden = x, before = x, cellBefore = x, input = x, forget = x, candidate = x, output = x, tangent = x] =
    forward.outputs;
  const y = back(hidden);
  g.record([y], [x, inputWeight, hiddenWeight, inputBias, hiddenBias], ([d]) => {
    if (d === undefined) return [];
    // Of what reaches c_t and h_t, the share that goes on to each pre-activation: known before the loop begins.
    const toCell = times(g, output, tangentSlope(g, tangent));
    const shares = concatenate(
      g,
      [
        times(g, candidate, sigmoidSlope(g, input)),
        times(g, cellBefore, sigmoidSlope(g, forget)),
        times(g, input, tangentSlope(g, candidate)),
        times(g, tangent, sigmoidSlope(g, output)),
      ],
      -1,
    );
    const slices = [steps(d), toCell, shares, forget];
    const reverse = scan(
      g,
      { name: "lstmBack", states: [zero, zero], slices, reverse: true },
      (body, [dh = zero, dc = zero], [dy = zero, cellShare = zero, gateShares = zero, kept = zero]) => {
        const dHidden = plus(body, dy, dh);
        const dCell = plus(body, times(body, dHidden, cellShare), dc);
        const dGates = times(body, concatenate(body, [dCell, dCell, dCell, dHidden], -1), gateShares);
        return { states: [product(body, dGates, hiddenWeight), times(body, dCell, kept)], outputs: [dGates] };
      },
    );
    const dGates = back(reverse.outputs[0] ?? d);
    return weightGradients(g, x, weights, { input: dGates, hidden: dGates, before: back(before) });
  });
  return y;
}

/**
 * A gated recurrent unit over x [T, in], tokens of a grid [B, L] padded on the right: hidden states [T, width].
 * r, z = σ(W x_t + b + U h_{t−1} + b′); n = tanh(W x_t + b + r (U h_{t−1} + b′)); h_t = (1 − z) n + z h_{t−1}. Gate order r, z, n.
 * @throws TRB_TENSOR_SHAPE_MISMATCH
 */
export function gru(g: GraphBuilder, x: Tensor, weights: RecurrentWeights): Tensor {
  const { inputWeight, hiddenWeight, inputBias, hiddenBias } = weights;
  const { tokens, width, steps, back } = layoutOf(g, x, weights, 3, "gru");
  const fromInput = steps(affine(g, x, inputWeight, inputBias, true));
  const zero = zeroStates(g, tokens, width);
  const forward = scan(g, { name: "gru", states: [zero], slices: [fromInput] }, (body, [h = zero], [now = zero]) => {
    const [resetInput = now, updateInput = now, newInput = now] = splitLast(body, now, 3);
    const recurrent = splitLast(body, affine(body, h, hiddenWeight, hiddenBias, true), 3);
    const [resetHidden = now, updateHidden = now, newHidden = now] = recurrent;
    const reset = sigmoid(body, plus(body, resetInput, resetHidden));
    const update = sigmoid(body, plus(body, updateInput, updateHidden));
    const candidate = hyperbolicTangent(body, plus(body, newInput, times(body, reset, newHidden)));
    const hidden = plus(body, candidate, times(body, update, minus(body, h, candidate)));
    return { states: [hidden], outputs: [hidden, h, reset, update, candidate, newHidden] };
  });
  const [hidden = x, before = x, reset = x, update = x, candidate = x, newHidden = x] = forward.outputs;
  const y = back(hidden);
  g.record([y], [x, inputWeight, hiddenWeight, inputBias, hiddenBias], ([d]) => {
    if (d === undefined) return [];
    // Everything is linear in what reaches h_t: its shares in the pre-activations are known before the loop begins.
    const toNew = times(g, minus(g, g.constant(1), update), tangentSlope(g, candidate));
    const toReset = times(g, times(g, toNew, newHidden), sigmoidSlope(g, reset));
    const toUpdate = times(g, minus(g, before, candidate), sigmoidSlope(g, update));
    const shares = concatenate(g, [toReset, toUpdate, times(g, toNew, reset)], -1);
    const reverse = scan(
      g,
      { name: "gruBack", states: [zero], slices: [steps(d), shares, update], reverse: true },
      (body, [dh = zero], [dy = zero, gateShares = zero, kept = zero]) => {
        const dHidden = plus(body, dy, dh);
        const dGates = times(body, concatenate(body, [dHidden, dHidden, dHidden], -1), gateShares);
        return {
          states: [plus(body, product(body, dGates, hiddenWeight), times(body, dHidden, kept))],
          outputs: [dHidden, dGates],
        };
      },
    );
    const [dHidden = d, dRecurrent = d] = reverse.outputs;
    const inputShares = concatenate(g, [toReset, toUpdate, toNew], -1);
    const dInput = times(g, concatenate(g, [dHidden, dHidden, dHidden], -1), inputShares);
    return weightGradients(g, x, weights, { input: back(dInput), hidden: back(dRecurrent), before: back(before) });
  });
  return y;
}
