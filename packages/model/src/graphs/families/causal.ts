/**
 * `sasrec`: causal self-attention over the history, what GPT is for language (Kang & McAuley 2018, with the norm before each
 * layer). With padding on the right the causal mask alone keeps it out of sight.
 */
import { causalMask } from "@tributary/tensor";
import { transformer, withPositions } from "../transformer.ts";
import type { Family } from "./family.ts";
import { nextEventFamily } from "./next-event.ts";

export const causal: Family = nextEventFamily((g, spec, parameter, dropout, { vectors, positions, probe }) => {
  const input = dropout(withPositions(g, parameter, vectors, { positions }), "input");
  const blocks = { prefix: "block", mask: causalMask(g), final: "final", ...(probe ? { probe } : {}) };
  return transformer(g, spec, parameter, dropout, input, blocks);
});
