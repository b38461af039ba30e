/**
 * `lstm` and `gru`: one recurrent layer over the history, from a state of zero (as GRU4Rec reads sessions; Hidasi et al. 2016). Item
 * vectors go in unscaled; there are no positions, since order is what such a layer reads.
 */
import { gru, lstm } from "@tributary/tensor";
import type { Family } from "./family.ts";
import { nextEventFamily } from "./next-event.ts";

export const recurrent: Family = nextEventFamily((g, spec, parameter, dropout, { vectors }) => {
  const layer = spec.family === "lstm" ? lstm : gru;
  const states = layer(g, dropout(vectors, "input"), {
    inputWeight: parameter("recurrent.input.weight"),
    hiddenWeight: parameter("recurrent.hidden.weight"),
    inputBias: parameter("recurrent.input.bias"),
    hiddenBias: parameter("recurrent.hidden.bias"),
  });
  return dropout(states, "recurrent");
});
