/**
 * A server optimiser: Lion (Chen et al., "Symbolic Discovery of Optimization Algorithms", NeurIPS 2023, Program 1).
 *
 *   d = sign(β₁·m + (1 − β₁)·g),   m ← β₂·m + (1 − β₂)·g
 *
 * A sign bounds what one noisy round can do to a weight. Learning rate and decay are applied by the server, as for every optimiser. Only
 * + − × and comparisons, in the order of the coordinates, so everybody who repeats a step gets the same bits.
 */
import type { Extension } from "@tributary/model";

export const extension: Extension = {
  name: "lion",
  optimiser: {
    defaults: { learningRate: 0.01, numbers: { beta1: 0.9, beta2: 0.99 } },
    direction({ numbers: { beta1 = 0.9, beta2 = 0.99 }, before, gradient }) {
      const direction = new Float64Array(gradient.length);
      const first = new Float64Array(gradient.length);
      for (let i = 0; i < gradient.length; i++) {
        const [m, g] = [before.first[i] ?? 0, gradient[i] ?? 0];
        direction[i] = Math.sign(beta1 * m + (1 - beta1) * g);
        first[i] = beta2 * m + (1 - beta2) * g;
      }
      return { direction, first, second: before.second };
    },
  },
};
