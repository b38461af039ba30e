/**
 * What a `seq2seq` model expects a customer to do next: sequences of items, greedily or by beam search. Probabilities are those of the
 * softmax over all items, whatever loss the model was trained with.
 */
import { fail } from "@tributary/errors";
import type { Histories } from "@tributary/events/histories";
import type { Executor, FeedTensor, Session } from "@tributary/tensor";
import { feedsOf, type Stretch } from "../evaluation/scorer.ts";
import { int32Feed } from "../event-feeds.ts";
import { decoderGraph, encoderGraph } from "../graphs/decoding.ts";
import { weightFeeds } from "../graphs/weights.ts";
import type { ItemContent } from "../item-content/item-content.ts";
import { checkBuildable, type ModelSpec } from "../spec.ts";
import { beginning, continuations, type Sequence } from "./beam-search.ts";

export interface DecodeOptions {
  /** Sequences that are kept at each step; default 1, which is greedy. */
  readonly beam?: number;
  /** Default, and at most, `spec.steps`. */
  readonly steps?: number;
}

export interface Decoder {
  /**
   * @param stretches each with at least one event
   * @returns for each stretch up to `beam` sequences, the most probable first
   * @throws TRB_MODEL_DECODING_INVALID
   */
  decode(
    histories: Histories,
    stretches: readonly Stretch[],
    options?: DecodeOptions,
  ): Promise<readonly (readonly Sequence[])[]>;
  close(): Promise<void>;
}

/** More sequences than anyone looks at; a run holds them all. */
const widestBeam = 1000;

/** Sequences of a run, where more than one customer's fit. */
const runSequences = 256;

/** @throws TRB_MODEL_DECODING_INVALID for a model of another family */
export async function openDecoder(
  spec: ModelSpec,
  parameters: Float32Array,
  executor: Executor,
  content?: ItemContent,
): Promise<Decoder> {
  checkBuildable(spec);
  if (spec.family !== "seq2seq") throw invalid(`a ${spec.family} model predicts one event`);
  const weights = weightFeeds(spec, parameters, content);
  const encoder = await executor.load(encoderGraph(spec));
  const decoder = await executor.load(decoderGraph(spec));
  return {
    async decode(histories, stretches, { beam = 1, steps = spec.steps } = {}) {
      if (!Number.isInteger(beam) || beam < 1 || beam > widestBeam) throw invalid(`a beam of ${beam}`);
      if (!Number.isInteger(steps) || steps < 1 || steps > spec.steps) throw invalid(`${steps} steps`);
      const found: (readonly Sequence[])[] = [];
      const together = Math.max(1, Math.floor(runSequences / beam));
      for (let first = 0; first < stretches.length; first += together) {
        const read = { ...weights, ...feedsOf(spec, histories, stretches.slice(first, first + together)) };
        const { memory } = await encoder.run(read);
        const history = {
          memory: memory?.data ?? new Float32Array(0),
          positions: read["positions"]?.data ?? new Int32Array(0),
        };
        found.push(
          ...(await search(spec, decoder, weights, history, { customers: read["positions"]?.shape[0] ?? 0, beam, steps })),
        );
      }
      return found;
    },
    async close() {
      await Promise.all([encoder.close(), decoder.close()]);
    },
  };
}

/** Opens a decoder, decodes once and closes it. */
export async function decode(
  spec: ModelSpec,
  parameters: Float32Array,
  executor: Executor,
  histories: Histories,
  stretches: readonly Stretch[],
  options: DecodeOptions & { readonly content?: ItemContent } = {},
): Promise<readonly (readonly Sequence[])[]> {
  const decoder = await openDecoder(spec, parameters, executor, options.content);
  try {
    return await decoder.decode(histories, stretches, options);
  } finally {
    await decoder.close();
  }
}

/** What the encoder left of some customers. */
interface EncodedHistories {
  /** [customers·L, width] */
  readonly memory: FeedTensor["data"];
  /** [customers, L] */
  readonly positions: FeedTensor["data"];
}

async function search(
  spec: ModelSpec,
  decoder: Session,
  weights: Readonly<Record<string, FeedTensor>>,
  history: EncodedHistories,
  { customers, beam, steps }: { readonly customers: number; readonly beam: number; readonly steps: number },
): Promise<readonly (readonly Sequence[])[]> {
  let kept: readonly (readonly Sequence[])[] = Array.from({ length: customers }, () => [beginning]);
  for (let step = 1; step <= steps; step++) {
    const rows = kept.flatMap((sequences, customer) => sequences.map((sequence) => ({ sequence, customer })));
    const outputs = await decoder.run({
      ...weights,
      ...historyFeeds(spec, history, customers, rows),
      previousItems: int32Feed(rows.length, step, (row, column) => rows[row]?.sequence.rows[column - 1] ?? 0),
      starts: int32Feed(rows.length, step, (_, column) => (column === 0 ? 1 : 0)),
      decoderPositions: int32Feed(rows.length, step, (_, column) => column + 1),
      asked: int32Feed(rows.length, step, (_, column) => (column === step - 1 ? 1 : 0)),
    });
    const scores = outputs["scores"]?.data ?? new Float32Array(0);
    let first = 0;
    kept = kept.map((sequences) => {
      const own = sequences.map((_, i) => scores.subarray((first + i) * spec.items, (first + i + 1) * spec.items));
      first += sequences.length;
      return continuations(sequences, own, beam);
    });
  }
  return kept;
}

/** Each sequence beside its customer's history. */
function historyFeeds(
  { width }: ModelSpec,
  { memory, positions }: EncodedHistories,
  customers: number,
  rows: readonly { readonly customer: number }[],
): Record<string, FeedTensor> {
  const length = positions.length / customers;
  const states = new Float64Array(rows.length * length * width);
  const places = new Int32Array(rows.length * length);
  rows.forEach(({ customer }, row) => {
    states.set(memory.subarray(customer * length * width, (customer + 1) * length * width), row * length * width);
    places.set(positions.subarray(customer * length, (customer + 1) * length), row * length);
  });
  return {
    memory: { shape: [rows.length * length, width], data: states },
    positions: { shape: [rows.length, length], data: places },
  };
}

function invalid(reason: string) {
  return fail("TRB_MODEL_DECODING_INVALID", { reason });
}
