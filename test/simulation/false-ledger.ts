/** Lines of a corrupt coordinator's ledger: well formed, signed, chained, and saying whatever it wants. */
import { type LedgerHead, mechanismOf, placeAfter, signEntry, spentAfter } from "@tributary/ledger";
import type { MessageOf, NodeId, Sha256 } from "@tributary/protocol";
import { software, timeAt } from "./federation.ts";
import type { Binding } from "./puppets.ts";
import type { World } from "./world.ts";

interface Line extends Binding {
  readonly h1: Sha256;
  readonly head: LedgerHead;
  readonly cohort: readonly NodeId[];
  readonly votes: readonly MessageOf<"vote">[];
  /** Rounds charged so far, this one included if it is. */
  readonly spent: number;
}

export const signaturesOf = (votes: readonly MessageOf<"vote">[]) =>
  votes.map(({ sender, signature }) => ({ node: sender as NodeId, signature }));

export function abortLine(
  { federation, network }: World,
  { head, cohort, votes, spent, charged, ...bound }: Line & { readonly charged: boolean },
): string {
  const { crypto, coordinator, plan } = federation;
  const { line } = signEntry(
    { sign: coordinator.sign },
    {
      ...placeAfter(crypto, head),
      software,
      ...bound,
      ...{
        kind: "aborted",
        at: timeAt(network.now()),
        release: 0,
        code: "TRB_ROUND_ABORT_VOTED",
        step: "consistency",
        charged,
      },
      ...{ votes: signaturesOf(votes), cohort: [...cohort], spent: spentAfter(plan, [spent]) },
    },
  );
  return line;
}

export function releaseLine(
  { federation, network }: World,
  {
    head,
    cohort,
    votes,
    spent,
    sharers,
    survivors,
    next,
    adverts,
    ...bound
  }: Line & {
    readonly adverts: readonly MessageOf<"advert">[];
    readonly sharers: readonly NodeId[];
    readonly survivors: readonly NodeId[];
    readonly next: Sha256;
  },
): string {
  const { crypto, coordinator, plan } = federation;
  const { line } = signEntry(
    { sign: coordinator.sign },
    {
      ...placeAfter(crypto, head),
      software,
      ...bound,
      ...{
        kind: "round",
        at: timeAt(network.now()),
        release: 0,
        nextModelHash: next,
        sumHash: next,
        mechanism: mechanismOf(plan, 0),
      },
      ...{
        cohort: [...cohort],
        sharers: [...sharers],
        survivors: [...survivors],
        votes: signaturesOf(votes),
        heads: adverts.map(({ sender, body }) => ({ node: sender as NodeId, signature: body.head.signature })),
        spent: spentAfter(plan, [spent]),
      },
    },
  );
  return line;
}
