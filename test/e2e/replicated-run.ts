/** Runs of three replicas and some nodes, and what is done to them: killed in a phase, paused beyond the lease, and looked at in the end. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { PostgresServer } from "../postgres/server.ts";
import { type Service, service, tributaryJson, until } from "./processes.ts";
import { type Replicated, startReplicas } from "./replicated.ts";
import { joinAll, ledgerEntries, type SmallFederation, smallFederation } from "./small-federation.ts";

export interface ReplicatedRun {
  readonly federation: SmallFederation;
  readonly replicas: Replicated;
  readonly nodes: readonly Service[];
}

/** A federation whose replicas and nodes run, in a folder that is there already. */
export async function runReplicated(
  folder: string,
  postgres: PostgresServer,
  name: string,
  {
    merchants,
    rounds,
    uploadOffset = 300,
  }: { readonly merchants: number; readonly rounds: number; readonly uploadOffset?: number },
): Promise<ReplicatedRun> {
  const federation = await smallFederation(folder, { merchants, rounds, deadlines: { uploadOffset } });
  const replicas = await startReplicas(federation, postgres, ["--start-when", String(merchants), "--until-done"], name);
  await joinAll(federation, folder, replicas.url, {}, replicas.databaseUrl);
  const { parts, home } = federation;
  const nodes = await Promise.all(parts.map(({ node }) => service(["node", "start", "--home", home(node), "--until-done"])));
  return { federation, replicas, nodes };
}

/** Everybody ends by itself; then ledgers and budgets are looked at. */
export async function finishReplicated({
  federation: { parts, home },
  replicas: replicated,
  nodes,
}: ReplicatedRun): Promise<void> {
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
export async function killIn(replicated: Replicated, phase: string, leads: boolean): Promise<void> {
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
 * @param longer milliseconds for which it stays stopped once another one leads
 */
export async function pauseLeader(replicated: Replicated, at: (stop: () => void) => Promise<void>, longer = 0): Promise<void> {
  const { replica, fence } = await replicated.leader();
  const paused = replicated.running(replica);
  await at(() => void process.kill(paused.pid, "SIGSTOP"));
  const after = await replicated.leaderAfter(fence, 120);
  expect(after.replica).not.toBe(replica);
  await sleep(longer);
  process.kill(paused.pid, "SIGCONT");
  await until(
    async () => paused.log(),
    (log) => log.includes('"msg":"no longer leads"'),
  );
}
