/** Rankings as they serve, asked of held-out customers: what decides on personalisation and what the value report says come from the same scores as the shop's. */
import type { HeldOut, Histories } from "@tributary/events";
import {
  type CustomerEvents,
  type CustomerRanks,
  type ItemScorer,
  openRanker,
  type Ranker,
  type Repeats,
  rankCustomers,
} from "@tributary/model";
import type { Plan } from "@tributary/protocol";
import type { OnnxExecutor } from "@tributary/tensor";
import type { Home } from "../home/open.ts";
import type { PreparedRanking, Released } from "../serving/prepare.ts";
import { keepModel, latestRelease, readReleased } from "../serving/releases.ts";
import { connectHttp } from "../transport/http.ts";

/** As serving tunes. */
export const repeatsOf = ({ warmStart }: Plan): Repeats => warmStart?.repeats ?? "keep";

/**
 * What the federation released last, fetched where it isn't there yet; undefined before the first round.
 * @throws TRB_NODE_COORDINATOR_UNREACHABLE, TRB_SERVE_MODEL_UNUSABLE, and what decoding throws
 */
export async function lastReleased({ layout, plan, membership }: Home): Promise<Released | undefined> {
  const release = latestRelease(layout, plan);
  if (release === undefined) return undefined;
  const client = connectHttp(membership.url, membership);
  try {
    await keepModel(layout, release, client);
  } finally {
    await client.close();
  }
  return readReleased(layout, plan, release);
}

/** Ranks of everybody with a target, by what would serve. */
export async function rankedBy(
  { tables, similarity, content }: PreparedRanking,
  heldOut: HeldOut,
  { repeats, executor }: { readonly repeats: Repeats; readonly executor: OnnxExecutor },
): Promise<CustomerRanks> {
  const ranker = await openRanker(tables, { similarity, executor, content });
  try {
    return await rankCustomers(scorerOf(ranker), heldOut, { items: ranker.items, repeats });
  } finally {
    await ranker.close();
  }
}

/** One customer after the other, as requests come. */
function scorerOf(ranker: Ranker): ItemScorer {
  return async (histories, stretches) => {
    const rows = new Float64Array(stretches.length * ranker.items);
    for (const [row, { begin, end }] of stretches.entries()) {
      rows.set((await ranker.scores(stretchOf(histories, begin, end))).values, row * ranker.items);
    }
    return rows;
  };
}

/** Events from `begin` up to, not including, `end`, without copying them. */
export function stretchOf({ customers: _, offsets: __, ...columns }: Histories, begin: number, end: number): CustomerEvents {
  const { items, actions, times, ...rest } = columns;
  const others = Object.fromEntries(
    Object.entries(rest).flatMap(([name, column]) => (ArrayBuffer.isView(column) ? [[name, column.subarray(begin, end)]] : [])),
  );
  const cut = { items: items.subarray(begin, end), actions: actions.subarray(begin, end), times: times.subarray(begin, end) };
  return { ...cut, ...others };
}
