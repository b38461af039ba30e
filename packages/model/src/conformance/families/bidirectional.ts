/** Attention in both directions with a mask token, the last row of the item table: hidden events are predicted. */
import { modelSpec } from "../../spec.ts";
import { type GoldenFamily, transformerSizes } from "../family.ts";
import { eventPlaces, eventTensor, eventWeights, historiesOf } from "../histories.ts";
import { checkInputs } from "../shapes.ts";

export const bidirectional: GoldenFamily = {
  recognises: ({ config, inputs, parameters }) =>
    "block0.norm1.gain" in parameters &&
    inputs.decoderItems === undefined &&
    parameters["item.weight"]?.length === config.items + 2,
  model(golden) {
    const { config, inputs } = golden;
    const { items, length } = config;
    checkInputs(golden, { steps: length, largestItem: items + 1 });
    const histories = historiesOf(golden, inputs.targets);
    return {
      spec: modelSpec({ ...transformerSizes(config), family: "bert4rec" }),
      feeds: {
        items: eventTensor(histories, length, ({ item }) => (item > items ? 0 : item)),
        masked: eventTensor(histories, length, ({ item }) => (item > items ? 1 : 0)),
        positions: eventTensor(histories, length, ({ t }) => t + 1),
        // every position is asked, so that all hidden states can be compared
        hiddenPositions: eventTensor(histories, length, ({ t }) => t + 1),
        hiddenItems: eventTensor(histories, length, ({ target }) => target),
        itemWeights: eventWeights(histories, length),
      },
      places: eventPlaces(histories, length),
      tokenTable: "mask.weight",
    };
  },
};
