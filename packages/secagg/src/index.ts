/** Room 6. Integer vectors of many nodes to their sum and nothing else: pure functions. */
export type { Unmasking } from "./unmasking.ts";
