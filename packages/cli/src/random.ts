/** The operating system's randomness. */
import { randomFillSync } from "node:crypto";
import type { RandomSource } from "@tributary/dp";

export function osRandomSource(): RandomSource {
  return { fill: (out) => void randomFillSync(out) };
}
