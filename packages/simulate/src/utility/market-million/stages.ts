/**
 * A long measurement in stages, each of which leaves its result in the run's folder: a run that was killed reads what it has and goes on with the next,
 * and inside training from the last checkpoint. What stages leave are numbers that survive JSON to the bit, so the result is the same in one go or in many.
 * How long each took stands in a file of its own, because nothing of a clock belongs to a result.
 */

import type { Plan } from "@tributary/protocol";
import { decodeCheckpoint, encodeCheckpoint } from "../../runs/checkpoint.ts";
import type { RunFolder } from "../../runs/run-folder.ts";
import type { RoundsState } from "./rounds.ts";

/** Of one stage, over all the times that it was resumed. */
export interface StageTimes {
  readonly seconds: number;
  /** Of all threads of the process: the same on a busy machine as on a quiet one, more or less. */
  readonly processorSeconds: number;
}

export interface Stages {
  /** What the stage left before, or what `compute` makes now. Only what JSON keeps may come out. */
  run<Value>(name: string, compute: () => Promise<Value> | Value): Promise<Value>;
  /** Rounds of training as a stage, with what is in a checkpoint between rounds. */
  rounds(
    name: string,
    plan: Plan,
    start: Float32Array,
    train: (from: RoundsState, onRound: (state: RoundsState) => void) => Promise<RoundsState>,
  ): Promise<Float32Array>;
  readonly times: Readonly<Record<string, StageTimes>>;
}

export function stagesOf(folder: RunFolder, checkpointSeconds: number): Stages {
  const known = folder.read("times.json");
  const times: Record<string, StageTimes> = known === undefined ? {} : JSON.parse(textOf(known)); // written by this file
  /** @param compute may ask the clock before its end: at a checkpoint */
  const stage = async <Value>(name: string, compute: (tick: () => void) => Promise<Value> | Value): Promise<Value> => {
    const left = folder.read(`${name}.json`);
    if (left !== undefined) return JSON.parse(textOf(left)) as Value; // written whole, by this file
    const clock = startClock(times, name);
    const tick = () => {
      clock();
      folder.write("times.json", JSON.stringify(times));
    };
    const value = await compute(tick);
    tick();
    folder.write(`${name}.json`, `${JSON.stringify(value)}\n`);
    return value;
  };
  return {
    run: (name, compute) => stage(name, () => compute()),
    times,
    async rounds(name, plan, start, train) {
      const place = `${name}.checkpoint`;
      const weights = await stage(name, async (tick) => {
        const saved = folder.read(place);
        let savedAt = performance.now();
        const onRound = (state: RoundsState) => {
          if (performance.now() - savedAt < 1e3 * checkpointSeconds) return;
          tick();
          folder.write(place, encoded(plan, state));
          savedAt = performance.now();
        };
        const from = saved === undefined ? undefined : decoded(plan, saved, folder.path);
        const state = await train(from ?? { rounds: 0, parameters: start, optimiserState: null }, onRound);
        return Array.from(state.parameters);
      });
      folder.remove(place);
      return Float32Array.from(weights);
    },
  };
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

/** Adds what has passed since it was last asked. */
function startClock(times: Record<string, StageTimes>, name: string): () => void {
  let [since, used] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(used);
    const before = times[name] ?? { seconds: 0, processorSeconds: 0 };
    times[name] = {
      seconds: before.seconds + (performance.now() - since) / 1e3,
      processorSeconds: before.processorSeconds + (user + system) / 1e6,
    };
    [since, used] = [performance.now(), process.cpuUsage()];
  };
}

/** A checkpoint of `runs/checkpoint.ts` in which nothing but rounds of one release has happened. */
function encoded(plan: Plan, { rounds, parameters, optimiserState }: RoundsState): Uint8Array {
  const counters = { attempts: rounds, lastRound: rounds, charged: [rounds], released: [rounds], aggregation: null };
  const checkpoint = { ...counters, model: { parameters, statistics: undefined }, optimiserState };
  return encodeCheckpoint(plan, { checkpoint, records: [] });
}

function decoded(plan: Plan, bytes: Uint8Array, path: string): RoundsState {
  const { checkpoint } = decodeCheckpoint(plan, bytes, path);
  const { lastRound, model, optimiserState } = checkpoint;
  return { rounds: lastRound, parameters: model.parameters, optimiserState };
}
