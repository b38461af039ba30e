/** What operators did, read from the ledger's own lines: entries of the kinds `operator`, `roster`, `promotion` and `rollback`, and what waits to be one of them. */
import type { Note } from "@tributary/federation";
import { type Entry, parseLine } from "@tributary/ledger";
import type { AuditLine } from "@tributary/protocol";
import type { Store } from "../storage/store.ts";

/** In the ledger's order, and then what waits, in the order in which it was asked for. */
export async function auditLog(store: Pick<Store, "ledgerLines" | "requests">): Promise<AuditLine[]> {
  const lines = await store.ledgerLines(0);
  // an entry that names no operator needs no parsing; one that does is told apart by its kind
  const written = lines.filter((line) => line.includes('"operator":')).flatMap((line) => lineOf(parseLine(line)));
  const waiting = (await store.requests()).flatMap(({ note }) => lineOf(note));
  return [...written, ...waiting];
}

function lineOf(said: Entry | Note): AuditLine[] {
  const placed = "index" in said ? { entry: said.index, at: said.at } : { entry: null, at: null };
  const plain = { ...placed, done: null, subject: null, role: null, reason: "" };
  switch (said.kind) {
    case "operator": {
      const { action, operator, reason, subject = null, role = null, done = null } = said;
      return [{ ...plain, action, operator, reason, subject, role, done }];
    }
    case "promotion":
      return [{ ...plain, action: "promote", operator: said.operator, subject: said.modelHash, reason: `by ${said.rule}` }];
    case "rollback":
      return [{ ...plain, action: "rollback", operator: said.operator, subject: said.modelHash, reason: said.reason }];
    case "roster": {
      const { operator, reason, revoked, admitted = [], rotated = [] } = said;
      const about = (action: string) => (node: string) => ({ ...plain, action, operator, subject: node, reason });
      return [
        ...revoked.map(about("revoke")),
        ...admitted.map(({ node }) => about("admit")(node)),
        ...rotated.map(({ node }) => about("rotate")(node)),
      ];
    }
    default:
      return [];
  }
}
