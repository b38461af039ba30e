/** Three replicas on PostgreSQL behind a balancer, killed and paused: no round is lost, none counts twice, and all of them have the same ledger. */
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import { killAll, temporaryFolder } from "./processes.ts";
import { finishReplicated, killIn, pauseLeader, type ReplicatedRun, runReplicated } from "./replicated-run.ts";

const long = process.env["TRIBUTARY_LONG"] === "1";
const folder = temporaryFolder("replicas");
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

const phases = ["keys", "shares", "masked", "consistency", "unmask", "summing", "applying"];
/** Every phase of both takes minutes: `pnpm test:long`. */
const killings = long
  ? phases.flatMap((phase) => [`${phase} leader`, `${phase} follower`] as const)
  : (["keys leader", "masked leader", "shares follower", "summing leader"] as const);

test("replicas killed with -9 as they lead and as they don't, and one paused beyond its lease: the run finishes on one ledger", {
  timeout: long ? 900_000 : 240_000,
}, async () => {
  run = await runReplicated(folder.path, postgres, "replicas", { merchants: 4, rounds: killings.length + 2 });
  for (const killing of killings) {
    const [phase = "", whom = ""] = killing.split(" ");
    await killIn(run.replicas, phase, whom === "leader");
  }
  await pauseLeader(run.replicas, async (stop) => stop());
  await finishReplicated(run);
});
