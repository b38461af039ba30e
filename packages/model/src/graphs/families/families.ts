/** The families behind their one interface. */
import type { ModelSpec } from "../../spec.ts";
import { causal } from "./causal.ts";
import type { Family } from "./family.ts";

const families: Partial<Record<ModelSpec["family"], Family>> = { sasrec: causal };

export function familyOf(spec: ModelSpec): Family {
  return families[spec.family] ?? causal;
}
