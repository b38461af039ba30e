/**
 * What an operator has written into the ledger between two rounds. A command beside the server, running or not, leaves a request in the home; the server writes it
 * when no round is under way, and looks every second whether there is one.
 */
import { fail } from "@tributary/errors";
import { decodeCoordinatorState, type Note } from "@tributary/federation";
import type { NodeId, Sha256 } from "@tributary/protocol";
import { homeLayout } from "./home/layout.ts";
import { openStoreOf } from "./storage/open-store.ts";

export type OperatorRequest =
  | { readonly kind: "pause" | "resume"; readonly reason: string }
  | { readonly kind: "revoke"; readonly node: NodeId; readonly reason: string }
  /** Without a model: the one that the federation stands at, or the one that metrics have kept last. */
  | { readonly kind: "promote"; readonly modelHash?: Sha256 };

/**
 * @param operator a role, as it will stand in the ledger
 * @returns the entry's content, which is written as soon as no round is under way
 * @throws TRB_COORDINATOR_HOME_EMPTY, TRB_COORDINATOR_NOT_STARTED before the federation has begun, TRB_ROUND_LEDGER_CLOSED,
 *   TRB_COORDINATOR_NOTE_POINTLESS for what is so already, or a model that is neither
 */
export async function requestNote(home: string, request: OperatorRequest, operator: string): Promise<Note> {
  const store = await openStoreOf({ layout: homeLayout(home), create: false });
  try {
    const encoded = await store.state();
    if (encoded === undefined) throw fail("TRB_COORDINATOR_NOT_STARTED");
    const state = decodeCoordinatorState(encoded);
    if (state.closed) throw fail("TRB_ROUND_LEDGER_CLOSED");
    const note = noteOf(request, state, operator);
    await store.request(note);
    return note;
  } finally {
    await store.close();
  }
}

function noteOf(request: OperatorRequest, state: ReturnType<typeof decodeCoordinatorState>, operator: string): Note {
  const pointless = (reason: string) => fail("TRB_COORDINATOR_NOTE_POINTLESS", { reason });
  switch (request.kind) {
    case "pause":
    case "resume":
      return { kind: "operator", action: request.kind, operator, reason: request.reason };
    case "revoke": {
      const { node, reason } = request;
      if (!state.roster.some((member) => member.node === node)) throw pointless(`${node} is not in the roster`);
      if (state.barred.includes(node)) throw pointless(`${node} takes part no longer already`);
      return { kind: "roster", revoked: [node], operator, reason };
    }
    case "promote": {
      const modelHash = request.modelHash ?? state.kept?.modelHash ?? state.modelHash;
      if (modelHash === state.kept?.modelHash) return { kind: "promotion", modelHash, rule: "acceptance", operator };
      if (modelHash !== state.modelHash) throw pointless(`${modelHash} is neither the latest model nor the one kept last`);
      return { kind: "promotion", modelHash, rule: "operator", operator };
    }
  }
}
