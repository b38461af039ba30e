/** Three replicas on PostgreSQL behind a balancer, killed and paused: no round is lost, none counts twice, and all of them have the same ledger. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import { killAll, type Service, service, temporaryFolder, tributaryJson, until } from "./processes.ts";
import { type Replicated, startReplicas } from "./replicated.ts";
import { joinAll, ledgerEntries, type SmallFederation, smallFederation } from "./small-federation.ts";

const long = process.env["TRIBUTARY_LONG"] === "1";
let postgres: PostgresServer;
let folder: ReturnType<typeof temporaryFolder>;
let replicas: Replicated | undefined;

beforeAll(async () => {
  postgres = await startPostgres(["max_connections=120"]);
}, 90_000);
afterEach(async () => {
  killAll();
  await replicas?.close();
  replicas = undefined;
  folder.remove();
});
afterAll(() => postgres.stop());

/** A federation whose replicas and nodes run. */
async function running(name: string, merchants: number, rounds: number) {
  folder = temporaryFolder(name);
  const federation = await smallFederation(folder.path, { merchants, rounds, deadlines: { uploadOffset: 300 } });
  replicas = await startReplicas(federation, postgres, ["--start-when", String(merchants), "--until-done"], name);
  await joinAll(federation, folder.path, replicas.url, {}, replicas.databaseUrl);
  const { parts, home } = federation;
  const nodes = await Promise.all(parts.map(({ node }) => service(["node", "start", "--home", home(node), "--until-done"])));
  return { federation, replicas, nodes };
}

/** Everybody ends by itself; then ledgers and budgets are looked at. */
async function finish({ parts, home }: SmallFederation, replicated: Replicated, nodes: readonly Service[]): Promise<void> {
  const { names } = replicated;
  await allRun(replicated);
  const exits = await Promise.all([...names.map((name) => replicated.running(name)), ...nodes].map((one) => one.exit));
  expect(exits).toEqual([...names, ...parts].map(() => 0));
  const verdict = await tributaryJson(["ledger", "verify", `${replicated.home("a")}/ledger.jsonl`]);
  expect(verdict).toMatchObject({ verified: true, complete: true });
  const entries = ledgerEntries(replicated.home("a"));
  for (const folder of [...names.map(replicated.home), ...parts.map(({ node }) => home(node))]) {
    expect(ledgerEntries(folder)).toEqual(entries);
  }
  const rounds = entries.filter(({ kind }) => kind === "round" || kind === "aborted").map(({ round }) => Number(round));
  expect(rounds).toEqual(rounds.map((_, index) => index + 1));
  expect(entries.at(-1)?.["kind"]).toBe("closing");
  const [first] = parts;
  const budget = await tributaryJson(["node", "budget", "--home", home(first?.node ?? "")]);
  expect(Number(budget["spent"])).toBeLessThanOrEqual(Number(budget["limit"]));
}

/** `kill -9` in this phase, of the leader or of another replica, which then comes back. */
async function killIn(replicated: Replicated, phase: string, leads: boolean): Promise<void> {
  let fence = 0;
  await replicated.heldIn(phase, async (held) => {
    const { replica } = held;
    fence = leads ? held.fence : 0;
    await until(
      async () => replicated.names.filter(replicated.runs).length,
      (alive) => alive > 1,
    );
    const victim = leads ? replica : replicated.names.find((name) => name !== replica && replicated.runs(name));
    if (victim === undefined) throw new Error("no follower");
    await replicated.kill(victim);
    void replicated.start(victim);
  });
  await replicated.leaderAfter(fence);
}

const allRun = (replicated: Replicated) =>
  until(
    async () => replicated.names.filter((name) => !replicated.runs(name)),
    (missing) => missing.length === 0,
  );

/**
 * Longer than the lease: another one leads; woken, it finds out and follows.
 * @param at stops it, by what it is given, when it is where it should be
 */
async function pauseLeader(replicated: Replicated, at: (stop: () => void) => Promise<void>): Promise<void> {
  const { replica, fence } = await replicated.leader();
  const paused = replicated.running(replica);
  await at(() => void process.kill(paused.pid, "SIGSTOP"));
  const after = await replicated.leaderAfter(fence, 120);
  expect(after.replica).not.toBe(replica);
  if (long) await sleep(60_000);
  process.kill(paused.pid, "SIGCONT");
  await until(
    async () => paused.log(),
    (log) => log.includes('"msg":"no longer leads"'),
  );
}

const phases = ["keys", "shares", "masked", "consistency", "unmask", "summing", "applying"];
/** Every phase of both takes minutes: `pnpm test:long`. */
const killings = long
  ? phases.flatMap((phase) => [`${phase} leader`, `${phase} follower`] as const)
  : (["keys leader", "masked leader", "shares follower", "summing leader"] as const);

test("replicas killed with -9 as they lead and as they don't, and one paused beyond its lease: the run finishes on one ledger", {
  timeout: long ? 900_000 : 240_000,
}, async () => {
  const { federation, replicas, nodes } = await running("replicas", 4, killings.length + (long ? 8 : 2));
  for (const killing of killings) {
    const [phase = "", whom = ""] = killing.split(" ");
    await killIn(replicas, phase, whom === "leader");
  }
  await pauseLeader(replicas, async (stop) => stop());
  // in the middle of a transaction, which the database ends by and by
  if (long) await pauseLeader(replicas, (stop) => replicas.heldIn("masked", async () => stop()));
  await finish(federation, replicas, nodes);
});
