/** What operators' routes ask of the federation itself: the same that the commands beside the server do. */
import type { Plan } from "@tributary/protocol";
import type { CoordinatorIdentity } from "../home/identity.ts";
import { createInviteIn } from "../invites.ts";
import { openMembership } from "../membership.ts";
import { requestNoteOf } from "../notes.ts";
import { type ExaminedParts, examineServed } from "../observe/doctor.ts";
import type { Finding } from "../observe/findings.ts";
import { type PhaseDeadline, readUnderWay } from "../rounds/under-way.ts";
import { statusOf } from "../status.ts";
import type { Store } from "../storage/store.ts";
import { accessTable } from "./access-table.ts";
import { auditLog } from "./audit.ts";
import type { AccessParts } from "./serve.ts";

interface HalfParts {
  readonly plan: Plan;
  readonly store: Store;
  readonly identity: Pick<CoordinatorIdentity, "fingerprint">;
  /** When the phase of the round under way ends, where this replica leads. */
  readonly deadline: () => PhaseDeadline | undefined;
  /** What `examineServed` looks at. */
  readonly examined: ExaminedParts;
}

/** Checks read whole models: who asks within that many milliseconds is told the same. */
const freshFindings = 15_000;

export function operatorsHalf({
  plan,
  store,
  identity,
  deadline,
  examined,
}: HalfParts): Pick<AccessParts, "table" | "federation"> {
  let found: { readonly at: number; readonly findings: Promise<readonly Finding[]> } | undefined;
  return {
    table: accessTable(store.database),
    federation: {
      name: plan.federation,
      underWay: () => readUnderWay(store, deadline()),
      async findings() {
        if (found === undefined || performance.now() - found.at > freshFindings) {
          found = { at: performance.now(), findings: examineServed(store, examined) };
        }
        return [...(await found.findings)];
      },
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
