/**
 * Members that train together. A batch is always cut into the same shards and its gradients are added in the same order, so that
 * how many members there are changes no bit of the model.
 */
import type { Histories } from "@tributary/events/histories";
import type { Executor } from "@tributary/tensor";
import type { Ranks } from "../evaluation/result-block.ts";
import { checkParameters, parameterCount } from "../parameters.ts";
import type { AdamWStep, Slice } from "./adamw.ts";
import type { BatchTotals } from "./batch-gradient.ts";
import { createMember, type GradientOrder, type Member, type MemberSetup, type PartialRanks } from "./member.ts";

/** Shards of a batch: as many as the cores that central training is made for. More members than shards would have nothing to do. */
export const shardsOfBatch = 2;

/** Everything that a team needs to know before its first step. */
export interface TeamTask extends Omit<MemberSetup, "parameters" | "gradients" | "slice"> {
  /** [dimension] */
  readonly initial: Float32Array;
}

export interface Team {
  /** [dimension], as of the last step; whoever wants to keep it copies it. May be written between steps. */
  readonly parameters: Float32Array;
  /**
   * One step on a batch.
   * @returns the batch's mean loss before the step
   */
  step(batch: Omit<GradientOrder, "shard">, step: Omit<AdamWStep, "factor">): Promise<number>;
  /** Every evaluated customer's rank; items of its own history are no candidates. */
  ranks(heldOut: string): Promise<Ranks>;
  close(): Promise<void>;
}

/**
 * @param members how many
 * @param allocate makes memory that all members see
 * @param start makes a member of its setup
 * @throws TRB_TRAINING_PARAMETERS_WRONG_LENGTH, TRB_TRAINING_PARAMETERS_NOT_FINITE
 */
export async function createTeam(
  task: TeamTask,
  members: number,
  allocate: (length: number) => Float32Array,
  start: (setup: MemberSetup) => Promise<Member>,
): Promise<Team> {
  const { initial, ...common } = task;
  checkParameters(task.spec, initial);
  const dimension = parameterCount(task.spec);
  const parameters = allocate(dimension);
  parameters.set(initial);
  const gradients = Array.from({ length: shardsOfBatch }, () => allocate(dimension));
  const cut = (place: number) => Math.floor((place * dimension) / members);
  const slices = Array.from({ length: members }, (_, m): Slice => ({ begin: cut(m), end: cut(m + 1) }));
  const started = await Promise.allSettled(slices.map((slice) => start({ ...common, parameters, gradients, slice })));
  const team = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const close = async () => {
    await Promise.all(team.map((member) => member.close()));
  };
  for (const result of started) {
    if (result.status === "fulfilled") continue;
    await close();
    throw result.reason;
  }
  return {
    parameters,
    async step({ customers, ...batch }, step) {
      const shards = shardsOf(task.train, customers);
      const work = team.map(async (member, m): Promise<BatchTotals> => {
        const sum: BatchTotals = { loss: 0, weight: 0 };
        for (let shard = m; shard < shards.length; shard += team.length) {
          const part = await member.gradient({ ...batch, shard, customers: shards[shard] ?? new Uint32Array(0) });
          sum.loss += part.loss;
          sum.weight += part.weight;
        }
        return sum;
      });
      const sums = await Promise.all(work);
      const weight = sums.reduce((total, sum) => total + sum.weight, 0);
      const loss = sums.reduce((total, sum) => total + sum.loss, 0);
      const factor = weight === 0 ? 0 : 1 / weight;
      await Promise.all(team.map((member) => member.move({ ...step, factor })));
      return loss * factor;
    },
    async ranks(heldOut) {
      const work = team.map(async (member, m) => {
        const parts: PartialRanks[] = [];
        for (let part = m; part < shardsOfBatch; part += team.length) {
          parts.push(await member.ranks({ heldOut, part, parts: shardsOfBatch }));
        }
        return parts;
      });
      const rows = (await Promise.all(work)).flat().flatMap(({ customers, ranks, isNew }) => {
        return Array.from(customers, (customer, at) => ({ customer, rank: ranks[at] as number, isNew: isNew[at] as number }));
      });
      rows.sort((a, b) => a.customer - b.customer);
      return { ranks: Float64Array.from(rows, ({ rank }) => rank), isNew: Uint8Array.from(rows, (row) => row.isNew) };
    },
    close,
  };
}

/** A team of one, in this thread. */
export function soloTeam(task: TeamTask, executor: Executor): Promise<Team> {
  return createTeam(
    task,
    1,
    (length) => new Float32Array(length),
    (setup) => createMember(setup, executor),
  );
}

/** Dealt out by length, so that shards cost the same. */
function shardsOf({ offsets }: Histories, customers: Uint32Array): readonly Uint32Array[] {
  const length = (customer: number) => (offsets[customer + 1] ?? 0) - (offsets[customer] ?? 0);
  const sorted = Uint32Array.from(customers).sort((a, b) => length(b) - length(a) || a - b);
  // 0 1 1 0 0 1 1 0 …: nobody gets the longer one every time
  const turn = (place: number) => {
    const round = Math.floor(place / shardsOfBatch);
    const seat = place % shardsOfBatch;
    return round % 2 === 0 ? seat : shardsOfBatch - 1 - seat;
  };
  return Array.from({ length: shardsOfBatch }, (_, shard) => sorted.filter((_customer, place) => turn(place) === shard));
}
