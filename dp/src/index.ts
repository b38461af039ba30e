/** Room 3. Customers' vectors to noisy sums. */
export type { RandomSource } from "./sampling/random-source.ts";
