/** A leader that is stopped for more than a minute, and woken: it is fenced out, whether it stood still between transactions or in the middle of one. */
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import { killAll, temporaryFolder } from "./processes.ts";
import { finishReplicated, pauseLeader, type ReplicatedRun, runReplicated } from "./replicated-run.ts";

const minute = 60_000;
const folder = temporaryFolder("replicas-paused");
let postgres: PostgresServer;
let run: ReplicatedRun | undefined;

beforeAll(async () => {
  postgres = await startPostgres(["max_connections=120"]);
}, 90_000);
afterEach(async () => {
  killAll();
  await run?.replicas.close();
  folder.remove();
});
afterAll(() => postgres.stop());

test("paused for a minute as it leads, and for another one in a transaction, which the database ends by and by", {
  timeout: 1_200_000,
}, async () => {
  // the others go on meanwhile: slowly, so that there is something left to do for whoever is woken
  run = await runReplicated(folder.path, postgres, "replicas-paused", { merchants: 4, rounds: 120, uploadOffset: 1_500 });
  const { replicas } = run;
  await pauseLeader(replicas, async (stop) => stop(), minute);
  await pauseLeader(replicas, (stop) => replicas.heldIn("masked", async () => stop()), minute);
  await finishReplicated(run);
});
