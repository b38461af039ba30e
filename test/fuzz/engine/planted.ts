/** The target of `planted-parser.ts`, no target of `pnpm fuzz`. */
import { parsePlanted } from "./planted-parser.ts";
import type { Target } from "./target.ts";

export const targets: readonly Target[] = [
  {
    ...{ name: "planted-octets", parses: "four octets that lead to a fault", longest: 64 },
    seeds: () => [new Uint8Array(16)],
    fuzz: (bytes) => void parsePlanted(bytes),
  },
];
