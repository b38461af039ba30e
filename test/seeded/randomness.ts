/**
 * Test-only randomness: each party's stream is HKDF(seed, role, id, round, purpose), so that processes and the simulation draw the
 * same. The seed (hex) comes from the environment; nothing in `packages/cli` can reach these entries.
 */
import type { RandomSource } from "@tributary/dp";
import { fromHex, randomSourceFromSeed } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";

export type Role = "coordinator" | "node";

export function seededRandom(role: Role, id: string, round: number, purpose: string): RandomSource {
  const seed = process.env["TRIBUTARY_TEST_SEED"];
  if (seed === undefined) throw new Error("TRIBUTARY_TEST_SEED is not set");
  return randomSourceFromSeed(nodeCrypto(), fromHex(seed), role, id, round, purpose);
}
