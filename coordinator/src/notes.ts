/**
 * What an operator has written into the ledger between two rounds. A command beside the server, running or not, leaves a request in the home; the server writes it
 * when no round is under way, and looks every second whether there is one.
 */
import { fail } from "@tributary/errors";
import { type CoordinatorState, decodeCoordinatorState, type Note } from "@tributary/federation";
import { parseLine, rollbackFault } from "@tributary/ledger";
import type { NodeId, RosterMember, RotatedMember, Sha256 } from "@tributary/protocol";
import { requireRetained } from "./retention.ts";
import { openPlace, type Place } from "./storage/place.ts";
import type { Store } from "./storage/store.ts";

export type OperatorRequest =
  | { readonly kind: "pause" | "resume"; readonly reason: string }
  | { readonly kind: "revoke"; readonly node: NodeId; readonly reason: string }
  /** Without a model: the one that the federation stands at, or the one that metrics have kept last. */
  | { readonly kind: "promote"; readonly modelHash?: Sha256 }
  /** To the model that a round left; 0: the one that training began at. */
  | { readonly kind: "rollback"; readonly round: number; readonly reason: string };

/**
 * @param operator a role, as it will stand in the ledger
 * @returns the entry's content, which is written as soon as no round is under way
 * @throws TRB_COORDINATOR_HOME_EMPTY, TRB_COORDINATOR_NOT_STARTED before the federation has begun, TRB_ROUND_LEDGER_CLOSED,
 *   TRB_COORDINATOR_NOTE_POINTLESS for what is so already, a model that is neither or that a round under way replaces, or a round whose model training can't go back to
 */
export async function requestNote(place: Place, request: OperatorRequest, operator: string): Promise<Note> {
  const store = await openPlace(place);
  try {
    return await requestNoteOf(store, request, operator);
  } finally {
    await store.close();
  }
}

/** The same, in a store that is open. */
export async function requestNoteOf(
  store: Pick<Store, "state" | "ledgerLines" | "members" | "request" | "requests" | "database">,
  request: OperatorRequest,
  operator: string,
): Promise<Note> {
  const encoded = await store.state();
  if (encoded === undefined) throw fail("TRB_COORDINATOR_NOT_STARTED");
  const state = decodeCoordinatorState(encoded);
  if (state.closed) throw fail("TRB_ROUND_LEDGER_CLOSED");
  const joined = new Set((await store.members()).map(({ node }) => node));
  if (request.kind !== "rollback") {
    const note = noteOf(request, { state, joined }, operator);
    await store.request(note);
    return note;
  }
  const lines = await store.ledgerLines(1);
  const note = rollbackOf(request, state, operator, lines);
  await requireRetained(store, state, lines, { round: request.round, modelHash: note.modelHash });
  await store.request(note);
  return note;
}

interface Known {
  readonly state: CoordinatorState;
  /** Whoever used an invite, whether the ledger has it or not. */
  readonly joined: ReadonlySet<NodeId>;
}

function noteOf(request: Exclude<OperatorRequest, { kind: "rollback" }>, { state, joined }: Known, operator: string): Note {
  const pointless = (reason: string) => fail("TRB_COORDINATOR_NOTE_POINTLESS", { reason });
  switch (request.kind) {
    case "pause":
    case "resume":
      return { kind: "operator", action: request.kind, operator, reason: request.reason };
    case "revoke": {
      const { node, reason } = request;
      if (!joined.has(node)) throw pointless(`${node} is not in the roster`);
      if (state.barred.includes(node)) throw pointless(`${node} takes part no longer already`);
      return { kind: "roster", revoked: [node], operator, reason };
    }
    case "promote": {
      const modelHash = request.modelHash ?? state.kept?.modelHash ?? state.modelHash;
      if (modelHash === state.kept?.modelHash) return { kind: "promotion", modelHash, rule: "acceptance", operator };
      if (modelHash !== state.modelHash) throw pointless(`${modelHash} is neither the latest model nor the one kept last`);
      // by the time it could be written another model would be the latest, and it would be given up in silence
      if (state.round !== null)
        throw pointless(`round ${state.lastRound} is under way and makes another model; pause, and promote when it has ended`);
      return { kind: "promotion", modelHash, rule: "operator", operator };
    }
  }
}

function rollbackOf(
  { round, reason }: Extract<OperatorRequest, { kind: "rollback" }>,
  state: ReturnType<typeof decodeCoordinatorState>,
  operator: string,
  lines: readonly string[],
): Extract<Note, { kind: "rollback" }> {
  const pointless = (why: string) => fail("TRB_COORDINATOR_NOTE_POINTLESS", { reason: why });
  const entries = lines.map(parseLine);
  const released = entries.find((entry) => entry.kind === "round" && entry.round === round);
  const modelHash = round === 0 ? state.plan.initialModelHash : released?.kind === "round" ? released.nextModelHash : undefined;
  if (modelHash === undefined) throw pointless(`round ${round} released nothing`);
  const optimiser = modelHash === state.kept?.modelHash ? "kept" : "reset";
  const fault = rollbackFault(state.plan, state.course, { modelHash, optimiser }, state);
  if (fault !== undefined) throw pointless(`training can't go back to round ${round}: ${fault}`);
  return { kind: "rollback", modelHash, optimiser, operator, reason };
}

/** Who joined by an invite, after the founding. From which round on it takes part is decided when it is written. */
export function admissionNote(member: RosterMember): Note {
  return { kind: "roster", revoked: [], admitted: [member], operator: "invite", reason: "it joined by an invite" };
}

/** A node's own wish, signed by both of its keys. */
export function rotationNote(member: RotatedMember): Note {
  return { kind: "roster", revoked: [], rotated: [member], operator: "node", reason: "it has another key" };
}
