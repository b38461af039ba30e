/** One run: a deployment is set up, stormed, calmed, ended and judged. What `pnpm test:chaos` and the long test do. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { homeLayout } from "@tributary/coordinator";
import { root, until } from "../e2e/processes.ts";
import type { Tried } from "../security-run.ts";
import { type Deployment, deploy, type Status } from "./deployment.ts";
import { faultInWords, soakOf, stormOf } from "./faults.ts";
import { judge } from "./invariants.ts";
import { storm } from "./storm.ts";
import { watchSpared } from "./watch.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly soak: boolean;
  readonly nodes?: number;
  readonly say: (line: string) => void;
}

/** Seconds between two looks at what spared processes hold. */
const lookEvery = { storm: 3, soak: 4 };
/** Rounds that are waited for once the storm is over, with all nodes. */
const afterwards = 3;

/** Where a run that failed leaves its logs. */
const resultsOf = (seed: number): string => `${root}/test-results/chaos/${seed}`;

export async function runChaos({ seed, minutes, soak, nodes = 10, say }: ChaosOptions): Promise<readonly Tried[]> {
  const seconds = 60 * minutes;
  const begun = performance.now();
  const told = (line: string) => say(`${((performance.now() - begun) / 1e3).toFixed(0).padStart(5)} s  ${line}`);
  const deployment = await deploy(seed, { nodes, rounds: Math.ceil(100 + 60 * minutes) });
  let tried: readonly Tried[] = [];
  try {
    const { parties } = deployment;
    const faults = soak ? soakOf(seed, seconds, parties) : stormOf(seed, seconds, parties);
    say(`${faults.length} faults:`);
    for (const fault of faults) say(faultInWords(fault));
    const first = await statusOnce(deployment, ({ completed }) => completed >= 1);
    told(`the storm begins, after round ${first.round}`);
    const watch = watchSpared(deployment, soak ? lookEvery.soak : lookEvery.storm);
    await Promise.all([storm(deployment, faults, told), sleep(1e3 * seconds)]);
    for (const wire of deployment.wires) wire.weather({});
    const stormed = await statusOnce(deployment, () => true);
    told(`the storm is over, after round ${stormed.round}: ${stormed.completed - first.completed} released in it`);
    await statusOnce(deployment, ({ connected }) => connected.length === nodes, 240);
    const well = await statusOnce(deployment, () => true);
    const calm = await statusOnce(deployment, ({ completed }) => completed >= well.completed + afterwards, 240);
    await watch.stop();
    told(`calm: round ${calm.round}, ${calm.connected.length} nodes`);
    const status = await end(deployment);
    told("all processes have ended");
    const judged = await judge({
      deployment,
      released: {
        ...{ inStorm: stormed.completed - first.completed, least: Math.max(1, Math.floor(minutes / 2)) },
        afterwards: calm.completed - stormed.completed,
      },
      ...{ status, holdings: watch.seen, mustSeeGrowth: soak },
    });
    const kinds = new Set(faults.map(({ kind }) => kind)).size;
    const without = soak || parties.smallDisks.length > 1 ? "" : "; no disk was filled: mounting a small one takes root";
    const what = soak
      ? "what happens every day, once in a while"
      : "a storm of networks, processes, clocks, disks, memory and the database";
    tried = [{ what, result: `seed ${seed}: ${faults.length} faults of ${kinds} kinds${without}`, held: kinds > 0 }, ...judged];
    return tried;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    tried = [{ what: "the run as a whole", result: message.slice(0, 500), held: false }];
    return tried;
  } finally {
    if (tried.some(({ held }) => !held)) {
      keep(deployment, seed, tried);
      say(`logs and ledger: ${resultsOf(seed)}`);
    }
    await deployment.close();
  }
}

async function statusOnce({ status }: Deployment, enough: (status: Status) => boolean, seconds = 180): Promise<Status> {
  const found = await until(status, (now) => now !== undefined && enough(now), seconds);
  if (found === undefined) throw new Error("no replica tells its status");
  return found;
}

/** Nodes first, so that no round begins any more; then, once every replica's file has all entries, the replicas. */
async function end(deployment: Deployment): Promise<Status> {
  const { nodes, replicas, replicaHome, status } = deployment;
  await Promise.all([...nodes.values()].map((node) => node.stop()));
  const entriesIn = (name: string) => readFileSync(homeLayout(replicaHome(name)).ledger, "utf8").split("\n").length - 1;
  let before = -1;
  const last = await until(
    async () => {
      await sleep(2_000);
      const now = await status();
      const quiet = now !== undefined && now.ledger.entries === before && now.connected.length === 0;
      before = now?.ledger.entries ?? -1;
      return quiet && [...replicas.keys()].every((name) => entriesIn(name) === now.ledger.entries) ? now : undefined;
    },
    (now) => now !== undefined,
    120,
  );
  await Promise.all([...replicas.values()].map((replica) => replica.stop()));
  if (last === undefined) throw new Error("no replica tells its status");
  return last;
}

function keep({ nodes, replicas, replicaHome }: Deployment, seed: number, tried: readonly Tried[]): void {
  const folder = resultsOf(seed);
  mkdirSync(folder, { recursive: true });
  for (const [name, one] of [...nodes, ...replicas]) writeFileSync(`${folder}/${name}.log`, one.log());
  writeFileSync(`${folder}/tried.json`, `${JSON.stringify(tried, null, 2)}\n`);
  writeFileSync(`${folder}/ledger.jsonl`, readFileSync(homeLayout(replicaHome("a")).ledger));
}
