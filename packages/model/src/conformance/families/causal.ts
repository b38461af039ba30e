/** Causal self-attention, with a full or a sampled softmax. */
import type { FeedTensor } from "@tributary/tensor";
import { modelSpec } from "../../spec.ts";
import { fedTargets, type GoldenFamily, transformerSizes } from "../family.ts";
import type { GoldenInputs } from "../golden-case.ts";
import { eventPlaces, eventTensor, eventWeights, historiesOf, isChained, itemsAndNext } from "../histories.ts";
import { checkInputs } from "../shapes.ts";

export const causal: GoldenFamily = {
  recognises: ({ config, inputs, parameters }) =>
    "block0.norm1.gain" in parameters &&
    inputs.decoderItems === undefined &&
    parameters["item.weight"]?.length !== config.items + 2,
  model(golden) {
    const { config, inputs } = golden;
    const { items, length } = config;
    checkInputs(golden, { steps: length, largestItem: items });
    const nextItem = { loss: "softmax", negatives: inputs.negatives?.length ?? 0, calibration: 0 } as const;
    const histories = historiesOf(golden, inputs.targets);
    // what a position predicts is usually the next event; then inputs and targets are windows of one list, as in training
    const chained = isChained(histories);
    return {
      spec: modelSpec({ ...transformerSizes(config), family: "sasrec", nextItem }),
      feeds: {
        items: itemsAndNext(histories, length),
        positions: eventTensor(histories, length, ({ t }) => t + 1),
        itemWeights: eventWeights(histories, length),
        ...sampled(inputs, items),
        ...(chained ? {} : { targets: eventTensor(histories, length, ({ target }) => target) }),
      },
      places: eventPlaces(histories, length),
      ...(chained ? {} : { predict: fedTargets }),
    };
  },
};

/** What a sampled softmax is fed with: the negatives, what is taken off their scores, and where each item is among them. */
export function sampled({ negatives, logCorrection }: GoldenInputs, items: number): Record<string, FeedTensor> {
  if (negatives === undefined || logCorrection === undefined) return {};
  const slots = Int32Array.from({ length: items + 1 }, (_, id) => {
    const slot = id > 0 ? negatives.indexOf(id) : -1;
    return slot < 0 ? negatives.length : slot;
  });
  return {
    negatives: { shape: [negatives.length], data: Int32Array.from(negatives) },
    correction: { shape: [negatives.length], data: Float64Array.from(logCorrection) },
    slotOf: { shape: [slots.length], data: slots },
  };
}
