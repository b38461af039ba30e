/** The round under way, for people: which node is at which step, and until when it is waited for. From the state that every replica can read. */
import { type CoordinatorRound, decodeCoordinatorState } from "@tributary/federation";
import { type AnswerOfRoute, type NodeId, type operatorRoutes, type Plan, wireFormOf } from "@tributary/protocol";
import type { Store } from "../storage/store.ts";

export type UnderWay = AnswerOfRoute<(typeof operatorRoutes)["underWay"]>;
type RoundNow = NonNullable<UnderWay["round"]>;
type NodeNow = RoundNow["nodes"][number];

/** When a phase goes on without whoever is missing, as the one that leads has set it. */
export interface PhaseDeadline {
  readonly round: number;
  readonly phase: string;
  readonly at: string;
}

/** @param deadline of the replica that leads, where that is this one */
export async function readUnderWay(
  store: Pick<Store, "state" | "connected" | "rounds">,
  deadline: PhaseDeadline | undefined,
): Promise<UnderWay> {
  const encoded = await store.state();
  const state = encoded === undefined ? undefined : decodeCoordinatorState(encoded);
  const now = new Date().toISOString();
  if (state?.round == null) return { now, round: null };
  const { round, plan } = state;
  const figures = (await store.rounds.all()).find(({ round: number }) => number === round.number);
  const connected = new Set((await store.connected()).map(({ node }) => node));
  const startedAt = figures?.startedAt ?? null;
  const exact = deadline?.round === round.number && deadline.phase === round.phase ? deadline.at : undefined;
  return { now, round: roundNow(plan, round, { connected, startedAt, exact }) };
}

export function roundNow(
  plan: Plan,
  round: CoordinatorRound,
  about: { readonly connected: ReadonlySet<string>; readonly startedAt: string | null; readonly exact: string | undefined },
): RoundNow {
  const vector = 4 * wireFormOf(plan, round.release).words;
  return {
    ...{ number: round.number, release: round.release, phase: round.phase, startedAt: about.startedAt },
    kind: plan.releases[round.release]?.kind ?? "",
    deadline: deadlineOf(plan, round, about),
    minCohort: plan.minCohort,
    bytes: { vector, arrived: vector * round.uploads.length },
    nodes: nodesNow(round).map((one) => ({ ...one, connected: about.connected.has(one.node) })),
  };
}

/** Who is in the round at each step, and who has done it, in the steps' order. */
function stepsOf(
  round: CoordinatorRound,
): { readonly step: NodeNow["done"]; readonly of: readonly NodeId[]; readonly did: ReadonlySet<string> }[] {
  const senders = (messages: readonly { readonly sender: string }[]) => new Set(messages.map(({ sender }) => sender));
  const { adverts, reveals, shares, uploads, votes, abortVotes, unmaskShares } = round;
  const [cohort, sharers, survivors] = [new Set(round.cohort), new Set(round.sharers), new Set(round.survivors)];
  const after = (fixed: ReadonlySet<string>, messages: readonly { readonly sender: string }[]) =>
    fixed.size > 0 ? fixed : senders(messages);
  return [
    { step: "keys", of: round.invited, did: after(cohort, adverts) },
    ...(round.phase === "reveal" || reveals.length > 0
      ? [{ step: "reveal" as const, of: round.cohort, did: after(sharers, reveals) }]
      : []),
    { step: "shares", of: round.cohort, did: after(sharers, shares) },
    { step: "masked", of: round.sharers, did: after(survivors, uploads) },
    { step: "consistency", of: round.survivors, did: senders([...votes, ...abortVotes]) },
    { step: "unmask", of: round.survivors, did: senders(unmaskShares) },
  ];
}

/** Ascending by node. */
function nodesNow(round: CoordinatorRound): Omit<NodeNow, "connected">[] {
  const steps = stepsOf(round);
  const current = steps.findIndex(({ step }) => step === round.phase);
  // nobody is waited for once the coordinator adds up
  const [passed, now] = current < 0 ? [steps, undefined] : [steps.slice(0, current), steps[current]];
  const members = new Set<string>(now?.of ?? round.survivors);
  return [...round.invited].sort().map((node) => {
    const did = [...passed, ...(now === undefined ? [] : [now])].filter((step) => step.did.has(node));
    const done = did.at(-1)?.step ?? "offer";
    const state = !members.has(node) ? "out" : now === undefined || now.did.has(node) ? "there" : "waited-for";
    return { node, done, state };
  });
}

/** Phases before and at which the plan's own deadlines bound when they end; a round on a graph waits for reveals as long as for keys. */
function deadlineOf(
  { deadlines }: Plan,
  { phase, graphSeed, reveals }: CoordinatorRound,
  { startedAt, exact }: { readonly startedAt: string | null; readonly exact: string | undefined },
): RoundNow["deadline"] {
  if (phase === "summing" || phase === "applying") return null;
  if (exact !== undefined) return { at: exact, exact: true };
  if (startedAt === null) return null;
  const onGraph = phase === "reveal" || graphSeed !== null || reveals.length > 0;
  const waits: readonly (readonly [CoordinatorRound["phase"], number])[] = [
    ["keys", deadlines.keys],
    ...(onGraph ? [["reveal", deadlines.keys] as const] : []),
    ["shares", deadlines.shares],
    ["masked", deadlines.uploadOffset + deadlines.masked],
    ["consistency", deadlines.consistency],
    ["unmask", deadlines.unmask],
  ];
  const upTo = waits.findIndex(([name]) => name === phase);
  const most = waits.slice(0, upTo + 1).reduce((sum, [, milliseconds]) => sum + milliseconds, 0);
  return { at: new Date(Date.parse(startedAt) + most).toISOString(), exact: false };
}
