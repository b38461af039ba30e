/** An encoder over the history and a decoder over the next items, which begins with a start token: the last row of the item table. */
import { modelSpec } from "../../spec.ts";
import { columnTensor, type GoldenFamily, intTensor, meanWeights, transformerSizes } from "../family.ts";
import type { GoldenCase } from "../golden-case.ts";
import { eventTensor, historiesOf } from "../histories.ts";
import { checkInputs, unfit } from "../shapes.ts";

/** @throws TRB_MODEL_VECTORS_UNFIT when something is read or predicted after padding, or the start is anywhere but at the start */
function checkDecoder(golden: GoldenCase, decoderItems: readonly (readonly number[])[]): void {
  const start = golden.config.items + 1;
  for (const [b, items] of decoderItems.entries()) {
    const end = items.includes(0) ? items.indexOf(0) : items.length;
    for (const [t, item] of items.entries()) {
      const key = `inputs.decoderItems[${b}][${t}]`;
      if (t > end && item > 0) throw unfit(golden, key, "0, after padding", String(item));
      if (t > 0 && item === start) throw unfit(golden, key, `an item from 0 to ${start - 1}`, String(item));
      const target = golden.inputs.targets[b]?.[t] ?? 0;
      if (item === 0 && target > 0)
        throw unfit(golden, `inputs.targets[${b}][${t}]`, "0, where the decoder reads padding", String(target));
    }
  }
}

export const encoderDecoder: GoldenFamily = {
  recognises: ({ parameters }) => "decoder0.norm1.gain" in parameters,
  model(golden) {
    const { config, inputs } = golden;
    const { items, length, steps = 0 } = config;
    const { decoderItems, targets } = inputs;
    if (decoderItems === undefined) throw unfit(golden, "inputs.decoderItems", `[${inputs.items.length}, ${steps}]`, "nothing");
    checkInputs(golden, { steps, largestItem: items });
    checkDecoder(golden, decoderItems);
    const histories = historiesOf(golden, []);
    const each = (value: (item: number, t: number) => number) => intTensor(decoderItems.map((row) => row.map(value)));
    return {
      spec: modelSpec({ ...transformerSizes(config), family: "seq2seq", steps }),
      feeds: {
        items: eventTensor(histories, length, ({ item }) => item),
        positions: eventTensor(histories, length, ({ t }) => t + 1),
        decoderPositions: each((item, t) => (item > 0 ? t + 1 : 0)),
        previousItems: each((item) => (item > items ? 0 : item)),
        starts: each((item) => (item > items ? 1 : 0)),
        nextItems: intTensor(targets),
        itemWeights: columnTensor(targets.map(meanWeights)),
      },
      places: decoderItems.flatMap((row, b) => row.flatMap((item, t) => (item > 0 ? [{ b, t, row: b * steps + t }] : []))),
      tokenTable: "start.weight",
    };
  },
};
