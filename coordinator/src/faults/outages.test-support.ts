/** The database's server, killed in the middle of a round and started again after a while: the replica goes on by itself, with no round lost and none counted twice. */
import { expect } from "vitest";
import type { PostgresServer } from "../../../test/postgres/server.ts";
import { roundsOf, startTrial } from "./trial.test-support.ts";

/** Killed as an upload comes, and again as a sum is unmasked. @param away milliseconds, each time */
export async function surviveOutages(postgres: PostgresServer, away: number): Promise<void> {
  let outages = Promise.resolve();
  const outage = () => {
    outages = outages.then(async () => {
      await postgres.crash();
      await new Promise((resolve) => setTimeout(resolve, away));
      await postgres.restart();
    });
  };
  let unmasked = false;
  const running = await startTrial({
    coordinator: { databaseUrl: postgres.url(), replica: "a" },
    heard({ phase, round }) {
      if (phase !== "unmask" || round === 1 || unmasked) return;
      unmasked = true;
      outage();
    },
  });
  try {
    const [north] = running.nodes;
    let uploads = 0;
    north.beforeUpload = async () => {
      if (uploads++ === 0) outage();
    };
    await running.connectAll();
    await running.server().finished;
    await outages;
    expect([uploads > 0, unmasked]).toEqual([true, true]);
    const entries = running.entries();
    const rounds = roundsOf(entries);
    expect(rounds).toEqual(rounds.map((_, index) => index + 1));
    expect(entries.filter(({ kind }) => kind === "round").length).toBeGreaterThan(0);
    expect(await (await fetch(`${running.server().url}/v1/status`)).json()).toMatchObject({ finished: true });
  } finally {
    await running.end();
  }
}
