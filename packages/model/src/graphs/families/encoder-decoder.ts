/**
 * `seq2seq`: an encoder reads the history in both directions, a decoder predicts the next `steps` events one after another, each step
 * from the items before it and from the encoder's memory (Vaswani et al. 2017, with the norm before each layer). In training the
 * items before a step are the true ones (teacher forcing). Both read items with the same vectors.
 *
 * Two grids of tokens: the history's [B, L] with `positions`, counted back from `spec.length` at the end as in `sasrec`, and the ids of
 * `declareEvents`; and the decoder's [B, M] with `decoderPositions` (counted from 1, 0 is padding), `previousItems` (none at the
 * first step, which reads a start vector instead) and in training `starts` (1 at the first step), `nextItems`, `nextActions`.
 */
import {
  add,
  causalMask,
  embedding,
  type GraphBuilder,
  paddingMask,
  pickMarked,
  type Tensor,
  type Tokens,
} from "@tributary/tensor";
import { hasActionHead } from "../../parameters.ts";
import type { ModelSpec } from "../../spec.ts";
import { type Dropout, dropoutByMasks, noDropout } from "../dropout.ts";
import { declareEvents, eventVectors } from "../event-vectors.ts";
import { itemFactor } from "../item-vectors.ts";
import { noProbe, type Probe } from "../probe.ts";
import { transformer, withPositions } from "../transformer.ts";
import type { ParameterOf } from "../weights.ts";
import type { Family } from "./family.ts";

/** What the decoder reads of the history: states [T, width], and the mask that keeps padding out of sight. */
export interface Memory {
  readonly states: Tensor;
  readonly mask: Tensor;
}

export interface Build {
  readonly g: GraphBuilder;
  readonly spec: ModelSpec;
  readonly parameter: ParameterOf;
  readonly dropout: Dropout;
  readonly probe: Probe;
}

/** Declares the history's ids and reads them. */
export function encode({ g, spec, parameter, dropout, probe }: Build): Memory {
  const positions = g.input("positions", ["B", "L"], "int32");
  g.declareTokens(positions);
  const vectors = probe.events(eventVectors(g, spec, parameter, declareEvents(g, spec)));
  const input = dropout(withPositions(g, parameter, vectors, { positions }), "input");
  const mask = paddingMask(g, positions, spec.heads);
  const blocks = { prefix: "encoder", mask, final: "encoderFinal", probe };
  return { states: transformer(g, spec, parameter, dropout, input, blocks), mask };
}

export interface Steps {
  readonly tokens: Tokens;
  readonly positions: Tensor;
  readonly previous: Tensor;
  /** 1 where the start vector is read. */
  readonly starts: Tensor;
}

export function declareSteps(g: GraphBuilder): Steps {
  const positions = g.input("decoderPositions", ["B", "M"], "int32");
  const tokens = g.declareTokens(positions);
  const previous = g.input("previousItems", ["B", "M"], "int32");
  return { tokens, positions, previous, starts: g.input("starts", ["B", "M"], "int32") };
}

/** Hidden states [B·M, width], one a step. */
export function decode({ g, spec, parameter, dropout, probe }: Build, memory: Memory, steps: Steps): Tensor {
  const read = { items: steps.previous, actions: undefined, gaps: undefined };
  const start = embedding(g, parameter("start.weight"), steps.starts, { factor: itemFactor(spec), distinct: true });
  const vectors = add(g, eventVectors(g, spec, parameter, read), start);
  const places = { positions: steps.positions, table: "decoderPosition.weight" };
  const input = dropout(withPositions(g, parameter, vectors, places), "decoderInput");
  const blocks = { prefix: "decoder", mask: causalMask(g, steps.tokens), memory, final: "final", probe };
  return transformer(g, spec, parameter, dropout, input, blocks);
}

export const encoderDecoder: Family = {
  predictions(g, spec, parameter) {
    const build = { g, spec, parameter, dropout: dropoutByMasks(g, spec), probe: noProbe };
    const hidden = decode(build, encode(build), declareSteps(g));
    const items = g.input("nextItems", ["B", "M"], "int32");
    return { hidden, items, actions: hasActionHead(spec) ? g.input("nextActions", ["B", "M"], "int32") : undefined };
  },
  /** The first step: nothing has been predicted yet. */
  state(g, spec, parameter, probe = noProbe) {
    const build = { g, spec, parameter, dropout: noDropout, probe };
    const memory = encode(build);
    const steps = declareSteps(g);
    return pickMarked(g, decode(build, memory, steps), steps.positions, 1);
  },
};
