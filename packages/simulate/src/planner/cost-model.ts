/**
 * What a round takes, in seconds and bytes, from the plan's numbers alone: never from a log, since deadlines are public.
 * Constants measured on one core of a 2-core server, rounded towards slower machines.
 */
import type { ModelSpec } from "@tributary/model";
import { leastUploadOffset, type Plan, type Release } from "@tributary/protocol";

/** Floating-point operations a second that a graph run reaches. */
const flops = 2e10;
/** Forward and backward pass, and the per-customer norms, against the forward pass's multiply-adds. */
const passes = 6;
/** Events of a history are taken to fill half of what the model reads. */
const fill = 1 / 2;
/** Exact noise, rounding, masks for and hash of one coordinate, seconds. */
const secondsPerCoordinate = 8e-7;
/** What one coordinate takes longer when OpenDP draws the noise: 0.3 million samples a second at a plan's long fractions. */
const openDpSeconds = 4e-6;
/** A customer's items or pairs, looked up and added, seconds. */
const countedSeconds = 1e-4;
/** A merchant's machine may be slower than ours, or busy with other things (in a demo: with the other merchants). */
const safety = 5;
/** Fetching the model, starting the worker, the first steps of the round. */
const fixedMilliseconds = 900;
/** A message step: everybody's answer, over the internet and through a restart. */
const stepMilliseconds = 15_000;

export interface RoundCost {
  /** Of one core, for one node's vector. */
  readonly nodeSeconds: number;
  /** One upload. */
  readonly bytesPerRoundPerNode: number;
  readonly deadlines: {
    readonly keys: number;
    readonly shares: number;
    readonly uploadOffset: number;
    readonly masked: number;
    readonly consistency: number;
    readonly unmask: number;
    readonly grace: number;
  };
}

/**
 * Of the dearest round: deadlines are the same for all.
 * @param customers of one node, sampled or not
 */
export function roundCost(
  model: ModelSpec,
  releases: readonly Pick<Release, "kind" | "dimension" | "samplingRate">[],
  customers: number,
  sampler: Plan["sampler"],
): RoundCost {
  const perCoordinate = secondsPerCoordinate + (sampler === "opendp" ? openDpSeconds : 0);
  const nodeSeconds = Math.max(
    ...releases.map(({ kind, dimension, samplingRate }) => {
      const each = kind === "training" ? customerSeconds(model) : countedSeconds;
      return Number(samplingRate) * customers * each + dimension * perCoordinate;
    }),
  );
  const dimension = Math.max(...releases.map((release) => release.dimension));
  const milliseconds = Math.max(fixedMilliseconds + 1000 * safety * nodeSeconds, leastUploadOffset({ releases }));
  const uploadOffset = Math.ceil(milliseconds / 100) * 100;
  return {
    nodeSeconds,
    bytesPerRoundPerNode: 4 * dimension,
    deadlines: {
      keys: stepMilliseconds,
      shares: stepMilliseconds,
      uploadOffset,
      masked: uploadOffset + stepMilliseconds,
      consistency: stepMilliseconds,
      unmask: stepMilliseconds,
      grace: 4 * stepMilliseconds,
    },
  };
}

/** Seconds of one core for one customer's clipped gradient. */
export function customerSeconds({ items, width, blocks, feedForward, length, nextItem }: ModelSpec): number {
  const classes = nextItem.negatives === 0 ? items : nextItem.negatives;
  const perEvent = width * classes + blocks * width * width * (4 + 2 * feedForward) + blocks * width * length;
  return (fill * length * passes * perEvent) / flops;
}
