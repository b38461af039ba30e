/**
 * Rounds with everything that a real one has: the coordinator's and the nodes' state machines, signatures, shares, masks and the ledger. The
 * coordinator is on the calling thread; the cohort is seated over all of them (`seats.ts`). A node that is not invited hears of a round only
 * when it is seated again: what the ledger says is one value for all, because every node that follows it comes to the same.
 */
import { fail } from "@tributary/errors";
import {
  type Context,
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorState,
  createCoordinator,
  decodeCoordinatorState,
  encodeCoordinatorState,
  genesisEntry,
  type NodeEvent,
  type SumEffect,
  stepCoordinator,
} from "@tributary/federation";
import { softwareHash } from "@tributary/ledger/software";
import {
  type Crypto,
  fingerprintOf,
  type IdentityKey,
  isGraphRound,
  type Message,
  type NodeId,
  type Plan,
  randomSourceFromSeed,
  signMember,
  toHex,
} from "@tributary/protocol";
import type { Aggregation, ApplySum, AttemptResult, RoundStart } from "./aggregation.ts";
import type { Attempt, FaultStep } from "./conditions.ts";
import { nodeName, type WorkSetup } from "./node-work.ts";
import { identitySecret, type LedgerView, type OwnState, type SeatSetup } from "./seats.ts";
import type { ScaleTeam } from "./team.ts";

/** Where a federation starts, and where a run that was killed goes on. */
export interface Founding extends SeatSetup {
  readonly line: string;
}

/** @param seed all identities follow from it */
export function found(plan: Plan, nodes: number, seed: Uint8Array, crypto: Crypto): Founding {
  const roster = Array.from({ length: nodes }, (_, node) => {
    const id = nodeName(node, nodes) as NodeId;
    const secret = identitySecret(crypto, seed, "node", id);
    const key = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
    return signMember({ sign: (message) => crypto.sign(message, secret) }, plan.federation, {
      node: id,
      key,
      kind: "merchant",
    });
  });
  const { entry, head, line } = genesisEntry({ plan, roster }, coordinatorContext(crypto, seed));
  return { genesis: entry, head, line };
}

export function coordinatorKeyOf(crypto: Crypto, seed: Uint8Array): IdentityKey {
  return toHex(crypto.signingPublicKey(identitySecret(crypto, seed, "coordinator", ""))) as IdentityKey;
}

function coordinatorContext(crypto: Crypto, seed: Uint8Array): Context {
  const secret = identitySecret(crypto, seed, "coordinator", "");
  return {
    crypto,
    random: (round, purpose) => randomSourceFromSeed(crypto, seed, "coordinator", "", round, purpose),
    sign: (message) => crypto.sign(message, secret),
    now: "2000-01-01T00:00:00.000Z", // simulated time stands still
    software: softwareHash(import.meta.url),
  };
}

/** What `save` gives: everything between two rounds. */
interface SavedPath {
  readonly coordinator: string;
  readonly lines: readonly string[];
  readonly view: LedgerView | undefined;
  readonly own: readonly (readonly [node: number, own: OwnState])[];
}

/**
 * Which message a node that falls silent at a step no longer hears. On a graph whoever sent keys reveals as well: one that doesn't ends the
 * round and is barred, so that with hundreds of nodes and any dropout at all little else would be seen.
 */
const unheard: Readonly<Record<FaultStep, Message["step"]>> = {
  keys: "offer",
  shares: "adverts",
  upload: "envelopes",
  vote: "survivors",
  unmask: "unmask",
};

export function openSecurePath(
  { plan, seed, population: { nodes } }: WorkSetup,
  { genesis, head, line }: Founding,
  team: ScaleTeam,
  crypto: Crypto,
  saved?: unknown,
): Aggregation {
  const before = saved as SavedPath | undefined; // written by this very file
  const context = coordinatorContext(crypto, seed);
  let coordinator: CoordinatorState =
    before === undefined
      ? createCoordinator({ genesis, head })
      : { ...decodeCoordinatorState(before.coordinator), plan: genesis.plan, roster: genesis.roster };
  const lines = before === undefined ? [line] : [...before.lines];
  let view = before?.view;
  const own = new Map(before?.own);
  const keys = new Map(genesis.roster.map((member, node) => [node, fingerprintOf(crypto, member.key)]));
  const numberOf = new Map<string, number>(genesis.roster.map((member, node) => [member.node, node]));

  const encode = (state: CoordinatorState) => encodeCoordinatorState({ ...state, plan: {} as Plan, roster: [] }); // both are in the genesis entry

  async function attemptRound(attempt: Attempt, { model }: RoundStart, apply: ApplySum): Promise<AttemptResult> {
    const invited = [...attempt.invited];
    const threadOf = new Map(invited.map((node, place) => [node, place % team.threads]));
    const policy = {
      ...{ maxEpsilon: plan.epsilon, delta: plan.delta, minCohort: plan.minCohort },
      releases: plan.releases.map(({ kind }) => kind),
      trustedPeers: invited.flatMap((node) => keys.get(node) ?? []), // everybody trusts everybody; the others don't come up
    };
    await team.all(() => ({ type: "model", model }));
    await team.all((thread) => ({
      ...{ type: "seat", view, policy },
      nodes: invited
        .filter((node) => threadOf.get(node) === thread)
        .map((node) => ({ node, own: own.get(node), cheats: attempt.adversaries.has(node) })),
    }));
    const inbox: CoordinatorEvent[] = [{ type: "start", online: invited.map((node) => nodeName(node, nodes) as NodeId) }];
    const outbox: { readonly node: number; readonly event: NodeEvent }[] = [];
    const silent = new Set<number>();
    const sendKeys = invited.filter((node) => attempt.faults.get(node) !== "keys").length;
    const unheardAt = (fault: FaultStep) => (fault === "shares" && isGraphRound(plan, sendKeys) ? "reveals" : unheard[fault]);
    let deadline: { readonly round: number; readonly phase: string } | undefined;
    let over: { readonly released: boolean } | undefined;
    let [cohort, survivors] = [0, 0];
    const charged = () => coordinator.charged.reduce((sum, rounds) => sum + rounds, 0);
    const chargedBefore = charged();

    const tell = (node: number, message: Message): void => {
      if (!threadOf.has(node)) return; // follows the ledger when it is seated again
      const fault = attempt.faults.get(node);
      if (fault !== undefined && message.step === unheardAt(fault)) silent.add(node);
      const news = message.step === "result" || message.step === "abort"; // by then it is back
      if (news || !silent.has(node)) outbox.push({ node, event: { type: "message", message } });
    };
    const carryOut = async (effect: CoordinatorEffect): Promise<void> => {
      switch (effect.type) {
        case "persist":
          if (effect.entry) lines.push(effect.entry.line);
          return;
        case "send":
          for (const to of effect.to) tell(numberOf.get(to) ?? -1, effect.message);
          return;
        case "setDeadline":
          deadline = effect;
          return;
        case "sum":
          inbox.push({ type: "summed", round: effect.round, sumHash: await keepSum(effect) });
          return;
        case "apply": {
          const hashes = await apply({ sum: kept, survivors: effect.survivors, noiseShares: effect.survivors });
          cohort = coordinator.round?.cohort.length ?? 0;
          survivors = effect.survivors;
          inbox.push({
            type: "applied",
            round: effect.round,
            modelHash: hashes.modelHash(),
            optimiserHash: hashes.optimiserHash(),
          });
          return;
        }
        case "roundEnded":
          over = effect;
          return;
        case "finished":
          throw fail("TRB_SIMULATE_STALLED", { round: coordinator.lastRound }); // the loop does not begin a round that the plan lacks
        case "eraseUploads": // with the seats
      }
    };
    let kept: Uint32Array = new Uint32Array();
    const keepSum = async (effect: SumEffect) => {
      kept = await sumOnAllThreads(effect);
      return toHex(crypto.sha256(new Uint8Array(kept.buffer, kept.byteOffset, kept.byteLength))) as ReturnType<
        typeof fingerprintOf
      >;
    };

    while (over === undefined || outbox.length > 0) {
      const event = inbox.shift();
      if (event !== undefined) {
        const step = stepCoordinator(coordinator, event, context);
        coordinator = step.state;
        for (const effect of step.effects) await carryOut(effect);
      } else if (outbox.length > 0) {
        const events = outbox.splice(0);
        const answers = await team.all((thread) => ({
          type: "deliver",
          events: events.filter(({ node }) => threadOf.get(node) === thread),
        }));
        const seats = answers.flatMap(({ seats: answer }) => (answer ? [answer] : []));
        const bySender = (a: Message, b: Message) => (a.sender < b.sender ? -1 : 1);
        const messages = seats.flatMap(({ messages: said = [] }) => said).sort(bySender);
        inbox.push(...messages.map((message) => ({ type: "message" as const, message })));
        const uploads = seats.flatMap(({ uploads: sent = [] }) => sent).sort(bySender);
        inbox.push(...uploads.map((message) => ({ type: "uploaded" as const, message })));
      } else if (deadline !== undefined) {
        inbox.push({ type: "deadline", ...{ round: deadline.round, phase: deadline.phase } });
        deadline = undefined;
      } else throw fail("TRB_SIMULATE_STALLED", { round: coordinator.lastRound });
    }
    const work = await team.all(() => ({ type: "rise" }));
    for (const { seats } of work) {
      for (const state of seats?.states ?? []) own.set(state.node, state.own);
      view = seats?.view ?? view;
    }
    return { released: over.released, charged: charged() > chargedBefore, cohort, survivors, work };
  }

  /** Every thread adds up the uploads of its own nodes and takes off its part of the masks: integers modulo 2³², in any order. */
  async function sumOnAllThreads({ round, length, bits = 32, uploads, unmasking }: SumEffect): Promise<Uint32Array> {
    const mine = <Mask>(masks: readonly Mask[], thread: number) => masks.filter((_, place) => place % team.threads === thread);
    const parts = await team.all((thread) => ({
      ...{ type: "sum", round, length, bits, uploads },
      unmasking: { ownMasks: mine(unmasking.ownMasks, thread), pairMasks: mine(unmasking.pairMasks, thread) },
    }));
    const sums = parts.flatMap(({ seats }) => seats?.sum ?? []);
    const [first, ...others] = sums;
    if (first === undefined) throw fail("TRB_SIMULATE_STALLED", { round });
    for (const other of others) for (let i = 0; i < first.length; i++) first[i] = (first[i] as number) + (other[i] as number);
    if (bits < 32) for (let i = 0; i < first.length; i++) first[i] = (first[i] as number) & (2 ** bits - 1);
    return first;
  }

  return {
    attempt: attemptRound,
    save: (): SavedPath => ({ coordinator: encode(coordinator), lines: [...lines], view, own: [...own] }),
    async finish() {
      const step = stepCoordinator(coordinator, { type: "start", online: [] }, context);
      for (const effect of step.effects) if (effect.type === "persist" && effect.entry) lines.push(effect.entry.line);
      return lines.map((one) => `${one}\n`).join("");
    },
  };
}
