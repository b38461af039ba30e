/**
 * A model: what comes next is read off the last event alone, by one layer around which the event's vector passes (a Markov chain with
 * learnt vectors).
 *
 *   h_t = x_t + relu(x_t·W + b),   x_t the vector of event t
 *
 * Every operator treats each event by itself, so no position sees another and no customer another.
 */
import type { Extension } from "@tributary/model";

export const extension: Extension = {
  name: "step-by-step",
  model: {
    parameters: ({ width }) => [
      { name: "body.weight", shape: [width, width] },
      { name: "body.bias", shape: [width] },
    ],
    deviation: (_, { name }) => (name === "body.weight" ? 0.02 : 0),
    hiddenStates:
      ({ add, linear, relu }) =>
      (g, _, parameter, { vectors }) =>
        add(g, vectors, relu(g, linear(g, vectors, parameter("body.weight"), parameter("body.bias")))),
  },
};
