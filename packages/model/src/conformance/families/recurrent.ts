/**
 * One LSTM or GRU layer. A file's padding is a step of its own, on which the state moves: with us an event without an item but with
 * an action, whose vector is row 0 of the golden item table.
 */
import { modelSpec } from "../../spec.ts";
import { columnTensor, fedTargets, type GoldenFamily, intTensor, meanWeights } from "../family.ts";
import { checkInputs, unfit } from "../shapes.ts";
import { sampled } from "./causal.ts";

const hidden = "recurrent.hidden.weight";

export const recurrent: GoldenFamily = {
  recognises: ({ parameters }) => hidden in parameters,
  model(golden) {
    const { config, inputs, parameters } = golden;
    const { items, length, width, feedForward } = config;
    checkInputs(golden, { steps: length, largestItem: items });
    const rows = parameters[hidden]?.length ?? 0;
    const family = rows === 4 * width ? "lstm" : rows === 3 * width ? "gru" : undefined;
    if (family === undefined) throw unfit(golden, `parameters.${hidden}`, `${3 * width} or ${4 * width} rows`, `${rows}`);
    const { targets } = inputs;
    const chained = targets.every((row, b) =>
      row.every((target, t) => target === 0 || t === length - 1 || target === inputs.items[b]?.[t + 1]),
    );
    const nextItem = { loss: "softmax", negatives: inputs.negatives?.length ?? 0, calibration: 0 } as const;
    return {
      spec: modelSpec({ items, length, width, feedForward, family, nextItem, actions: 1 }),
      feeds: {
        items: intTensor(inputs.items.map((row, b) => [...row, targets[b]?.at(-1) ?? 0])),
        actions: intTensor(inputs.items.map((row) => [...row.map((item) => (item === 0 ? 1 : 0)), 0])),
        positions: intTensor(inputs.items.map((row) => row.map((_, t) => t + 1))),
        itemWeights: columnTensor(targets.map(meanWeights)),
        ...sampled(inputs, items),
        ...(chained ? {} : { targets: intTensor(targets) }),
      },
      places: inputs.items.flatMap((row, b) => row.map((_, t) => ({ b, t, row: b * length + t }))),
      paddingTable: "action.weight",
      ...(chained ? {} : { predict: fedTargets }),
    };
  },
};
