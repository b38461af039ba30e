/** A worker's side of `shared-rounds.ts`: the customers of the latest run, made once, and threads that add up shares of its rounds. */
import { startThread, type Thread } from "@tributary/model/workers";
import { type Plan, wireFormOf } from "@tributary/protocol";
import { shared } from "./population.ts";
import type { ShareResult, ShareSetup, ShareWord } from "./share.ts";
import type { PreparedShares } from "./share-preparation.ts";
import { readRound, readSettings, type ShareAnswer, type ShareAsked, type ShareStore, writeShare } from "./shared-rounds.ts";

export interface ShareWorker {
  /**
   * Does one share. @param lane which of its threads @returns its answer, in JSON; undefined when nobody waits for it any more
   * @throws TRB_SIMULATE_RUN_UNREADABLE, TRB_TRAINING_THREAD_FAILED, and what the training throws
   */
  perform(asked: unknown, lane: number): Promise<unknown>;
  close(): Promise<void>;
}

interface RunTeam {
  readonly plan: Plan;
  readonly lanes: readonly Lane[];
  /** The round that the latest share was of. */
  latest?: { readonly task: string; readonly round: ReturnType<typeof readRound> };
}

interface Lane {
  readonly thread: Thread<ShareWord, ShareResult>;
  /** Whose model it has. */
  task?: string;
}

interface KeptTeam {
  readonly run: string;
  readonly team: Promise<RunTeam | undefined>;
  /** Shares under way. */
  busy: number;
}

/** Runs whose customers are kept between shares. */
const mostKept = 2;

export function openShareWorker(store: ShareStore, threads: number): ShareWorker {
  /** Latest last. */
  const kept: KeptTeam[] = [];

  const take = (run: string): KeptTeam => {
    const place = kept.findIndex((one) => one.run === run);
    const [found = { run, team: openRunTeam(store, run, threads), busy: 0 }] = place === -1 ? [] : kept.splice(place, 1);
    kept.push(found);
    found.busy += 1;
    return found;
  };
  const drop = async (one: KeptTeam) => {
    kept.splice(kept.indexOf(one), 1);
    const team = await one.team.catch(() => undefined); // whoever asked for it has heard
    await Promise.all((team?.lanes ?? []).map(({ thread }) => thread.end({ type: "close" })));
  };

  return {
    async perform(value, lane) {
      const asked = value as ShareAsked; // as `openSharedPath` wrote it
      const held = take(asked.run);
      try {
        const team = await held.team;
        return team === undefined ? undefined : await addShare(store, team, asked, lane);
      } finally {
        held.busy -= 1;
        const failed = await held.team.then(
          (team) => team === undefined,
          () => true,
        );
        const superfluous = kept.slice(0, Math.max(0, kept.length - mostKept));
        for (const one of failed ? [held] : superfluous) if (one.busy === 0 && kept.includes(one)) await drop(one);
      }
    },
    async close() {
      for (const one of [...kept]) await drop(one);
    },
  };
}

async function addShare(store: ShareStore, team: RunTeam, asked: ShareAsked, lane: number): Promise<ShareAnswer | undefined> {
  const { plan, lanes } = team;
  if (team.latest?.task !== asked.task) team.latest = { task: asked.task, round: readRound(store, asked.task, plan) };
  const found = await team.latest.round;
  const own = lanes[lane];
  if (found === undefined || own === undefined) return undefined;
  const { round, release, nodes, adversaries } = found.round;
  if (own.task !== asked.task) await own.thread.ask({ type: "model", model: found.model });
  own.task = asked.task;
  const sum = shared(Uint32Array, wireFormOf(plan, release).coordinates);
  const queue = { nodes: Uint32Array.from(nodes.slice(asked.from, asked.to)), next: shared(Int32Array, 1) };
  await own.thread.ask({ type: "addNoisy", round, release, queue, adversaries, sum });
  return await writeShare(store, asked, sum);
}

async function openRunTeam(store: ShareStore, run: string, threads: number): Promise<RunTeam | undefined> {
  const settings = await readSettings(store, run);
  if (settings === undefined) return undefined;
  const preparing = startThread<"prepare", PreparedShares>(
    new URL("./share-preparation.ts", import.meta.url),
    "simulated customers",
    settings,
  );
  const prepared = await preparing.ask("prepare").finally(() => preparing.end("prepare"));
  const { adversary } = settings.conditions;
  const setup: ShareSetup = { ...prepared, work: "histories", content: undefined, now: undefined, adversary };
  const entry = new URL("./share-worker.ts", import.meta.url);
  const lanes = Array.from({ length: threads }, (_, lane): Lane => ({ thread: startThread(entry, `share ${lane}`, setup) }));
  await Promise.all(lanes.map(({ thread }) => thread.ask({ type: "ready" })));
  return { plan: prepared.plan, lanes };
}
