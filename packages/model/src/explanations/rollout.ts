/**
 * Attention rollout: how much of each event arrives at the state that predicts, if every block passes on half of what it got and half of
 * what attention mixed.
 *
 *   rollout = Ã_n ⋯ Ã_1, Ã = ½ A + ½ I, A the mean over heads
 *
 * Source: Abnar & Zuidema 2020, "Quantifying Attention Flow in Transformers", §3.
 */

/** One attention's weights for one customer: rows are queries, columns keys, each row sums to 1. */
export interface AttentionWeights {
  readonly queries: number;
  readonly keys: number;
  /** [queries, keys], the mean over heads */
  readonly mean: Float64Array;
}

/** @param values [heads, queries, keys], flat; [queries, keys] is one head */
export function meanOverHeads(values: ArrayLike<number>, queries: number, keys: number): AttentionWeights {
  const size = queries * keys;
  const heads = values.length / size;
  const mean = new Float64Array(size);
  for (let i = 0; i < values.length; i++) mean[i % size] = (mean[i % size] ?? 0) + (values[i] ?? 0) / heads;
  return { queries, keys, mean };
}

/**
 * Self-attention over events, block after block.
 * @returns `[keys]`: how much of each event arrives at the event `query`; sums to 1
 */
export function selfRollout(blocks: readonly AttentionWeights[], query: number): Float64Array {
  const length = blocks[0]?.keys ?? query + 1;
  const start = new Float64Array(length);
  start[query] = 1;
  // one row of the product is enough: the row vector passes the blocks from the last to the first
  return blocks.toReversed().reduce<Float64Array>((row, { mean }) => {
    const next = row.map((share) => share / 2);
    for (const [from, share] of row.entries()) {
      for (let key = 0; key < length; key++) next[key] = (next[key] ?? 0) + (share / 2) * (mean[from * length + key] ?? 0);
    }
    return next;
  }, start);
}

/**
 * An encoder whose memory a decoder's first step reads. The step itself begins without events, and halves what it has at each of its
 * attentions to events; what stays its own is left out.
 * @returns [keys], sums to 1
 */
export function crossRollout(encoder: readonly AttentionWeights[], decoder: readonly AttentionWeights[]): Float64Array {
  const length = decoder[0]?.keys ?? 0;
  const read = new Float64Array(length);
  for (const { mean } of decoder) {
    for (let key = 0; key < length; key++) read[key] = (read[key] ?? 0) / 2 + (mean[key] ?? 0) / 2;
  }
  const arrived = new Float64Array(length);
  for (const [place, share] of read.entries()) {
    for (const [event, part] of selfRollout(encoder, place).entries()) arrived[event] = (arrived[event] ?? 0) + share * part;
  }
  return shares(arrived);
}

/** Numbers of at least 0, scaled to sum to 1; zeros stay zeros. */
export function shares(values: Float64Array): Float64Array {
  const total = values.reduce((sum, value) => sum + value, 0);
  return total > 0 ? values.map((value) => value / total) : values;
}
