/**
 * Causal self-attention, with a full or a sampled softmax. Events move from the right end to the left, where padding is on the
 * right; each keeps the position that it had.
 */
import type { FeedTensor } from "@tributary/tensor";
import { modelSpec } from "../../spec.ts";
import { columnTensor, type GoldenFamily, intTensor, meanWeights, transformerSizes } from "../family.ts";
import type { GoldenCase } from "../golden-case.ts";
import { checkInputs, unfit } from "../shapes.ts";

/** A customer's events, without padding: their places in the file, items and targets. */
function eventsOf(
  golden: GoldenCase,
  b: number,
): readonly { readonly t: number; readonly item: number; readonly target: number }[] {
  const targets = golden.inputs.targets[b] ?? [];
  const events = (golden.inputs.items[b] ?? []).map((item, t) => ({ t, item, target: targets[t] ?? 0 }));
  const lost = events.find(({ item, target }) => item === 0 && target > 0);
  if (lost) throw unfit(golden, `inputs.targets[${b}][${lost.t}]`, "0, where the item is padding", String(lost.target));
  return events.filter(({ item }) => item > 0);
}

export const causal: GoldenFamily = {
  recognises: ({ config, inputs, parameters }) =>
    inputs.decoderItems === undefined &&
    "block0.norm1.gain" in parameters &&
    parameters["item.weight"]?.length !== config.items + 2,
  model(golden) {
    const { config, inputs } = golden;
    const { length } = config;
    checkInputs(golden, length);
    const { negatives, logCorrection } = inputs;
    const nextItem = { loss: "softmax", negatives: negatives?.length ?? 0, calibration: 0 } as const;
    const spec = modelSpec({ ...transformerSizes(config), family: "sasrec", nextItem });
    const customers = inputs.items.map((_, b) => eventsOf(golden, b));
    const padded = (values: readonly number[], size: number) => Array.from({ length: size }, (_, t) => values[t] ?? 0);
    // what a position predicts is usually the next event; then inputs and targets are windows of one list, as in training
    const chained = customers.every((events) =>
      events.every(({ target }, t) => t === events.length - 1 || target === events[t + 1]?.item),
    );
    const feeds: Record<string, FeedTensor> = {
      items: intTensor(
        customers.map((events) => {
          const last = chained ? (events.at(-1)?.target ?? 0) : 0;
          return padded([...events.map(({ item }) => item), last], length + 1);
        }),
      ),
      positions: intTensor(
        customers.map((events) =>
          padded(
            events.map(({ t }) => t + 1),
            length,
          ),
        ),
      ),
      itemWeights: columnTensor(customers.map((events) => padded(meanWeights(events.map(({ target }) => target)), length))),
    };
    if (!chained) {
      feeds["targets"] = intTensor(
        customers.map((events) =>
          padded(
            events.map(({ target }) => target),
            length,
          ),
        ),
      );
    }
    if (negatives && logCorrection) {
      const slotOf = Int32Array.from({ length: config.items + 1 }, (_, id) =>
        id > 0 && negatives.includes(id) ? negatives.indexOf(id) : negatives.length,
      );
      feeds["negatives"] = { shape: [negatives.length], data: Int32Array.from(negatives) };
      feeds["correction"] = { shape: [negatives.length], data: Float64Array.from(logCorrection) };
      feeds["slotOf"] = { shape: [slotOf.length], data: slotOf };
    }
    return {
      spec,
      feeds,
      places: customers.flatMap((events, b) => events.map(({ t }, place) => ({ b, t, row: b * length + place }))),
      ...(chained ? {} : { predict: (g, predictions) => ({ ...predictions, items: g.input("targets", ["B", "L"], "int32") }) }),
    };
  },
};
