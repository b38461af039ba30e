/** A short storm over ten nodes and two replicas: `pnpm test:chaos` has longer ones. */
import { expect, test } from "vitest";
import { killAll } from "../e2e/processes.ts";
import { runChaos } from "./run-chaos.ts";

/** Another one each day, and the same one all day. */
const seed = Number(process.env["TRIBUTARY_CHAOS_SEED"] ?? Math.floor(Date.now() / 86_400_000));

test("whatever fails for a minute and a half, what must hold holds afterwards", { timeout: 900_000 }, async () => {
  console.info(`chaos: TRIBUTARY_CHAOS_SEED=${seed}`);
  try {
    const tried = await runChaos({ seed, minutes: 1.5, soak: false, say: (line) => console.info(line) });
    expect(tried.length).toBeGreaterThan(8);
    expect(tried.filter(({ held }) => !held)).toEqual([]);
  } finally {
    killAll();
  }
});
