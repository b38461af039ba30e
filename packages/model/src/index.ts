/** Room 4. Sequences in, scores out. */
export type { ModelSpec } from "./spec.ts";
