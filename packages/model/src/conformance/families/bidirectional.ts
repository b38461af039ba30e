/** Attention in both directions with a mask token, the last row of the item table: hidden events are predicted. */
import { modelSpec } from "../../spec.ts";
import { fedTargets, type GoldenFamily, transformerSizes } from "../family.ts";
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
    // of a hidden event our graph is fed the true item, which is what it predicts
    const itself = histories.flat().every(({ item, target }) => item > items || target === 0 || target === item);
    return {
      spec: modelSpec({ ...transformerSizes(config), family: "bert4rec" }),
      feeds: {
        items: eventTensor(histories, length, ({ item, target }) => (item > items ? target : item)),
        masked: eventTensor(histories, length, ({ item }) => (item > items ? 1 : 0)),
        positions: eventTensor(histories, length, ({ t }) => t + 1),
        itemWeights: eventWeights(histories, length),
        ...(itself ? {} : { targets: eventTensor(histories, length, ({ target }) => target) }),
      },
      places: eventPlaces(histories, length),
      tokenTable: "mask.weight",
      ...(itself ? {} : { predict: fedTargets }),
    };
  },
};
