/** What operators' routes ask of the federation itself: the same that the commands beside the server do. */
import type { CoordinatorIdentity } from "../home/identity.ts";
import { createInviteIn } from "../invites.ts";
import { openMembership } from "../membership.ts";
import { requestNoteOf } from "../notes.ts";
import { statusOf } from "../status.ts";
import type { Store } from "../storage/store.ts";
import { accessTable } from "./access-table.ts";
import { auditLog } from "./audit.ts";
import type { AccessParts } from "./serve.ts";

export function operatorsHalf(
  store: Store,
  identity: Pick<CoordinatorIdentity, "fingerprint">,
): Pick<AccessParts, "table" | "federation"> {
  return {
    table: accessTable(store.database),
    federation: {
      request: (action, operator) => requestNoteOf(store, action, operator),
      invite: async (request, decision) => ({
        ...(await createInviteIn(store, identity, request, decision)),
        node: request.node,
      }),
      status: async () => ({
        ...(await statusOf(store, true)),
        history: [...(await store.rounds.all())],
        waiting: (await store.requests()).length,
      }),
      async members() {
        const membership = openMembership(store);
        return { roster: await membership.roster(), members: [...(await membership.all())] };
      },
      audit: () => auditLog(store),
    },
  };
}
