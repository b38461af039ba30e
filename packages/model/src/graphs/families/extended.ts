/** `extension`: event vectors and heads are ours, what stands between them is an extension's (`extensions/extension.ts`). */
import * as operators from "@tributary/tensor";
import { extensionModel } from "../../extensions/extension.ts";
import type { Family } from "./family.ts";
import { nextEventFamily } from "./next-event.ts";

export const extended: Family = nextEventFamily((g, spec, parameter, dropout, { vectors, positions }) => {
  const { hiddenStates } = extensionModel(spec.extension ?? "");
  return hiddenStates(operators)(g, spec, parameter, { vectors: dropout(vectors, "input"), positions });
});
